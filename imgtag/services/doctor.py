"""Comparing what should be with what is, and mending it on demand."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from imgtag.domain.bundles import RUNNING, Bundle, BundleState
from imgtag.domain.errors import Conflict, NotFound
from imgtag.domain.events import PhotoStored
from imgtag.domain.ids import BundleId, OwnerId, PhotoId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.photos import Failure, Photo, PhotoState
from imgtag.domain.queries import Position, Query, Sort
from imgtag.imaging.model import CODES
from imgtag.ports import Backends, Clock
from imgtag.services.archives import archives_on
from imgtag.services.reach import unreachable

_PAGE: Final = 500
_OF_A_BUNDLE: Final = frozenset({BlobKind.MANIFEST, BlobKind.ARCHIVE})
_ITS_OWN_FAULT: Final = CODES | {"missing_bytes", "unreadable_photo"}
# Longer than freezing the largest library takes.
_ON_ITS_WAY: Final = timedelta(hours=1)
# No bundle is due later than this, so that all are found.
_EVERY_BUNDLE: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    *code* is ``unreachable``, ``count_drift``, ``missing_bytes``, ``wrong_size``, ``given_up``,
    ``orphan_bytes``, ``missing_manifest``, ``missing_archive`` or ``dead_letters``.
    """

    code: str
    detail: str
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, and how much was looked at."""

    findings: Sequence[Finding]
    owners: int
    photos: int
    blobs: int

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong any more."""
        return all(finding.repaired for finding in self.findings)


class Doctor:
    """Examines one installation. Safe beside a running service."""

    def __init__(self, backends: Backends, clock: Clock, *, repair: bool) -> None:
        self._backends = backends
        self._clock = clock
        self._repair = repair
        self._archives = archives_on(backends.blobs)
        self._findings: list[Finding] = []
        self._photos = 0
        self._blobs = 0

    async def examine(self) -> Report:
        """Look at everything once."""
        for name, detail in (await unreachable(self._backends, self._clock)).items():
            self._found("unreachable", f"{name}: {detail}")
        if self._findings:
            return Report(self._findings, 0, 0, 0)
        owners = [owner async for owner in self._backends.catalog.owners()]
        for owner in owners:
            await self._compare_counts(owner)
            async for photo in _all_photos(self._backends, owner):
                self._photos += 1
                await self._check_bytes(photo)
                await self._check_labels(photo)
        await self._check_bundles()
        await self._find_orphans()
        await self._find_dead_letters()
        return Report(self._findings, len(owners), self._photos, self._blobs)

    async def _compare_counts(self, owner: OwnerId) -> None:
        catalog = self._backends.catalog
        kept = {count.name.folded: count.photos for count in await catalog.counts(owner)}
        counted = await catalog.recount(owner)
        if kept == dict(counted):
            return
        differing = sorted(
            name for name in kept.keys() | counted.keys() if kept.get(name) != counted.get(name)
        )
        if self._repair:
            await catalog.repair_counts(owner)
        detail = f"the counts of {len(differing)} labels are off, {differing[0]!r} among them"
        self._found("count_drift", detail, mended=self._repair)

    async def _check_bytes(self, photo: Photo) -> None:
        key = BlobKey(photo.owner, BlobKind.ORIGINAL, photo.id)
        try:
            info = await self._backends.blobs.stat(key)
        except NotFound:
            self._found("missing_bytes", f"the bytes of photo {photo.id} are gone")
            return
        if info.size != photo.size:
            detail = f"photo {photo.id} has {info.size} bytes and should have {photo.size}"
            self._found("wrong_size", detail)

    async def _check_labels(self, photo: Photo) -> None:
        """Find what failed by no fault of its own: whatever was in the way may have passed."""
        failure = photo.failure
        if photo.state is not PhotoState.FAILED or not failure or failure.code in _ITS_OWN_FAULT:
            return
        mended = self._repair and await self._label_again(photo)
        self._found("given_up", f"photo {photo.id} got no labels: {failure.detail}", mended=mended)

    async def _label_again(self, photo: Photo) -> bool:
        event = PhotoStored(photo.owner, photo.id)
        try:
            await self._backends.catalog.relabel(photo.owner, photo.id, event)
        except (Conflict, NotFound):
            return False
        return True

    async def _check_bundles(self) -> None:
        now = self._clock.now()
        async for bundle in self._backends.bundles.unfinished(before=now + _EVERY_BUNDLE):
            if bundle.at(now).state not in {*RUNNING, BundleState.READY}:
                continue
            if await self._lacks_its_manifest(bundle):
                failure = Failure("missing_manifest", "its list of photos is gone; order it again")
                await self._end(bundle, failure)
            elif await self._lacks_its_archive(bundle):
                failure = Failure("missing_archive", "its archive is gone; order it again")
                await self._end(bundle, failure)

    async def _lacks_its_manifest(self, bundle: Bundle) -> bool:
        try:
            await self._backends.blobs.stat(BlobKey(bundle.owner, BlobKind.MANIFEST, bundle.id))
        except NotFound:
            return True
        return False

    async def _lacks_its_archive(self, bundle: Bundle) -> bool:
        if bundle.state is not BundleState.READY or self._archives is None:
            return False
        return not await self._archives.is_whole(bundle)

    async def _end(self, bundle: Bundle, failure: Failure) -> None:
        mended = self._repair and await self._fail(bundle, failure)
        self._found(failure.code, f"bundle {bundle.id}: {failure.detail}", mended=mended)

    async def _fail(self, bundle: Bundle, failure: Failure) -> bool:
        failed = replace(bundle.moved(BundleState.FAILED, failure=failure), lease_until=None)
        try:
            await self._backends.bundles.replace(failed)
        except (Conflict, NotFound):
            return False
        return True

    async def _find_orphans(self) -> None:
        async for key in self._backends.blobs.keys():
            self._blobs += 1
            if not await self._belongs(key):
                if self._repair:
                    await self._backends.blobs.delete(key)
                self._found("orphan_bytes", f"nothing knows of {key}", mended=self._repair)

    async def _belongs(self, key: BlobKey) -> bool:
        if key.kind in _OF_A_BUNDLE:
            return await self._belongs_to_a_bundle(key)
        try:
            photo = await self._backends.catalog.get(key.owner, PhotoId(key.name))
        except NotFound:
            return False
        return photo.id == key.name

    async def _belongs_to_a_bundle(self, key: BlobKey) -> bool:
        try:
            bundle = await self._backends.bundles.get(key.owner, BundleId(key.name))
        except NotFound:
            return await self._is_young(key)
        return not bundle.cleared  # until then, the sweeper knows when it goes

    async def _is_young(self, key: BlobKey) -> bool:
        """Tell whether the bundle may be on its way: its row is written after its manifest."""
        try:
            info = await self._backends.blobs.stat(key)
        except NotFound:
            return True
        return info.modified_at > self._clock.now() - _ON_ITS_WAY

    async def _find_dead_letters(self) -> None:
        queues = {"photos": self._backends.photo_events, "bundles": self._backends.bundle_events}
        for name, queue in queues.items():
            number = await queue.dead_letters()
            if number:
                if self._repair:
                    await queue.redrive()
                detail = f"{number} events of {name} were given up on"
                self._found("dead_letters", detail, mended=self._repair)

    def _found(self, code: str, detail: str, *, mended: bool = False) -> None:
        self._findings.append(Finding(code, detail, mended))


async def _all_photos(backends: Backends, owner: OwnerId) -> AsyncIterator[Photo]:
    """Every photo whose bytes have arrived, in the trash or not."""
    for trashed in (False, True):
        after: Position | None = None
        while True:
            page = await backends.catalog.page(
                owner, Query(trashed=trashed), Sort.OLDEST_CREATED, after=after, limit=_PAGE
            )
            for photo in page.photos:
                if photo.state is not PhotoState.AWAITING:
                    yield photo
            if page.next is None:
                break
            after = page.next


async def examine(backends: Backends, clock: Clock, *, repair: bool) -> Report:
    """Compare counts, photos, bundles and bytes with each other; mend when asked to."""
    return await Doctor(backends, clock, repair=repair).examine()
