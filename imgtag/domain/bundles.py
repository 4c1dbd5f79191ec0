"""A bundle: photos chosen by a query, frozen, and handed over as one archive."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from imgtag.domain.errors import Conflict, Gone
from imgtag.domain.ids import BundleId, OwnerId
from imgtag.domain.photos import Failure
from imgtag.domain.queries import Query

LIFETIME: Final = timedelta(hours=24)
REMEMBERED: Final = timedelta(days=30)


class BundleState(StrEnum):
    """Where a bundle stands. The last four are final, but that READY ends in EXPIRED."""

    QUEUED = "queued"
    RESTORING = "restoring"
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


RUNNING: Final = frozenset({BundleState.QUEUED, BundleState.RESTORING, BundleState.BUILDING})
_NEXT: Final[dict[BundleState, frozenset[BundleState]]] = {
    BundleState.QUEUED: frozenset(set(BundleState) - {BundleState.EXPIRED}),
    BundleState.RESTORING: frozenset(set(BundleState) - {BundleState.EXPIRED}),
    BundleState.BUILDING: frozenset(set(BundleState) - {BundleState.EXPIRED}),
    BundleState.READY: frozenset(
        {BundleState.READY, BundleState.EXPIRED, BundleState.CANCELLED, BundleState.FAILED}
    ),
    BundleState.FAILED: frozenset({BundleState.FAILED, BundleState.CANCELLED}),
    BundleState.CANCELLED: frozenset({BundleState.CANCELLED}),
    BundleState.EXPIRED: frozenset({BundleState.EXPIRED, BundleState.CANCELLED}),
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of a bundle is done: *photos* as a number, *bytes* of the archive."""

    photos: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """One bundle of one owner.

    *photos* and *bytes* are exact from the start: they follow from the frozen manifest. *token* is
    what its short link ends in. *revision* grows with every write, so that a store can compare and
    set. *lease_until* says how long a worker may count on being the only one that builds it, and
    *checkpoint* is that worker's own note for whoever carries on. *cleared* says that nothing is
    left of it but this row.
    """

    owner: OwnerId
    id: BundleId
    name: str
    query: Query
    sidecars: bool
    photos: int
    bytes: int
    token: str
    created_at: datetime
    state: BundleState = BundleState.QUEUED
    progress: Progress = Progress()
    failure: Failure | None = None
    ready_at: datetime | None = None
    expires_at: datetime | None = None
    revision: int = 0
    lease_until: datetime | None = None
    checkpoint: str | None = None
    cleared: bool = False

    @property
    def file_name(self) -> str:
        """What its archive is called, whether or not its name ends so already."""
        ends_so = self.name.lower().endswith(".zip")
        return self.name if ends_so else f"{self.name}.zip"

    def at(self, now: datetime) -> Self:
        """Show it as it stands at *now*: a link dies on time, whenever the sweeper comes."""
        if self.state is BundleState.READY and self.expires_at and now >= self.expires_at:
            return replace(self, state=BundleState.EXPIRED)
        return self

    def moved(self, state: BundleState, *, failure: Failure | None = None) -> Self:
        """Go to *state*, or raise `Conflict` where no way leads there."""
        if state not in _NEXT[self.state]:
            msg = f"a bundle that is {self.state} can't become {state}"
            raise Conflict(msg)
        return replace(self, state=state, failure=failure)

    def ready(self, now: datetime) -> Self:
        """Finish it: its link works from *now* for 24 hours."""
        return replace(
            self.moved(BundleState.READY),
            progress=Progress(self.photos, self.bytes),
            ready_at=now,
            expires_at=now + LIFETIME,
            lease_until=None,
        )

    def asked_like(self, other: Self) -> bool:
        """Tell whether both were asked for in the same words, whatever matched at the time."""
        return self._request == other._request

    def must_be_asked_like(self, other: Self) -> None:
        """Hold an idempotency key to its request: raise `Conflict` unless both are `asked_like`."""
        if not self.asked_like(other):
            msg = "this idempotency key was used for another request"
            raise Conflict(msg, code="idempotency_key_reused")

    @property
    def _request(self) -> tuple[Query, bool, str | None]:
        given = self.name != default_name(self.query, self.created_at)
        return self.query, self.sidecars, self.name if given else None

    def idle_since(self, written_at: datetime) -> datetime:
        """From when on nobody is at work on it, given when its row was written last.

        That is when it was created while QUEUED, when its lease ends while a worker has it, when
        it expires while READY, when it was written once it has ended, and when it may be forgotten
        once it is cleared.
        """
        match self.state:
            case BundleState.QUEUED:
                return self.created_at
            case BundleState.RESTORING | BundleState.BUILDING:
                return self.lease_until or written_at
            case BundleState.READY:
                return self.expires_at or written_at
            case _ if self.cleared:
                return max(written_at, self.created_at + REMEMBERED)
            case _:
                return written_at

    def must_be_downloadable(self, now: datetime) -> None:
        """Raise `Gone` once it has ended, `Conflict` while it isn't ready."""
        state = self.at(now).state
        if state in {BundleState.EXPIRED, BundleState.CANCELLED}:
            msg = f"this bundle is {state}"
            raise Gone(msg, code=f"bundle_{state}")
        if state is BundleState.FAILED:
            msg = self.failure.detail if self.failure else "this bundle failed"
            raise Gone(msg, code="bundle_failed")
        if state is not BundleState.READY:
            msg = f"this bundle is still {state}"
            raise Conflict(msg, code="bundle_not_ready")


def default_name(query: Query, now: datetime) -> str:
    """Call a bundle after what was asked for, else after the day."""
    words: Collection[str] = query.all or query.any
    return ", ".join(words)[:80] if words else f"Photos {now:%Y-%m-%d}"
