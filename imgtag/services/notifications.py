"""Telling owners who are away that a bundle is ready or has failed, and where to tell them.

The news is an event, sent with the bundle's own state, and a record of what was told; so it goes
out at least once, and not again because an event comes twice.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

import structlog

from imgtag.domain.addresses import Channel, address_of
from imgtag.domain.bundles import Bundle, BundleState
from imgtag.domain.errors import Conflict, Invalid, NotFound
from imgtag.domain.events import BundleEnded, Event
from imgtag.domain.ids import OwnerId
from imgtag.domain.photos import Failure
from imgtag.ports import (
    BundleStore,
    Clock,
    EventQueue,
    Notice,
    Notifier,
    Record,
    RecordStore,
    Subscription,
)

# Longer than any queue keeps an event: SQS does for 14 days at most.
REMEMBERED: Final = timedelta(days=15)
# A new address may get a message before its person has agreed to anything.
ADDRESSES_A_DAY: Final = 10
_NEWS: Final = frozenset({BundleState.READY, BundleState.FAILED})
_SHELF: Final = "told"
_DAY: Final = timedelta(days=1)
_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB")
_STEP: Final = 1000

log = structlog.get_logger(__name__)


class Notifications:
    """What owners are told outside of the page. Links in it start with *address*."""

    def __init__(
        self,
        notifier: Notifier,
        bundles: BundleStore,
        records: RecordStore,
        events: EventQueue,
        *,
        clock: Clock,
        address: str,
    ) -> None:
        self.address = address
        self._notifier = notifier
        self._bundles = bundles
        self._records = records
        self._events = events
        self._clock = clock

    @property
    def channels(self) -> frozenset[Channel]:
        """By what this installation reaches people."""
        return self._notifier.channels

    async def subscriptions(self, owner: OwnerId) -> Sequence[Subscription]:
        """Tell where the owner's news goes, as far as it may be told."""
        return await self._notifier.subscriptions(owner)

    async def change(self, owner: OwnerId, wanted: Mapping[Channel, str | None]) -> None:
        """Hand new addresses to the notifier; None ends a channel, others stay as they are.

        Raises, before anything is changed, `Invalid` for what is no address, and `Conflict`, code
        ``too_many_addresses``, after ten in a day; see also `Notifier.subscribe`.
        """
        addresses = {
            channel: text and address_of(channel, text) for channel, text in wanted.items()
        }
        for address in addresses.values():
            if address:
                await self._count_address(owner)
        for channel, address in addresses.items():
            if address:
                await self._notifier.subscribe(owner, channel, address)
            else:
                await self._notifier.unsubscribe(owner, channel)

    async def _count_address(self, owner: OwnerId) -> None:
        """Take one of the day's places for *owner*; each is free again a day after it was taken."""
        until = self._clock.now() + _DAY
        for place in range(ADDRESSES_A_DAY):
            if await self._records.swap(None, Record(f"addressed.{owner}", f"{place}", {}, until)):
                return
        msg = f"{ADDRESSES_A_DAY} addresses were named within a day; try again tomorrow"
        raise Conflict(msg, code="too_many_addresses")

    async def announce(self, bundle: Bundle) -> None:
        """Have it told, soon and at least once, that *bundle* became ready or failed."""
        if bundle.state in _NEWS:
            await self._events.send(BundleEnded(bundle.owner, bundle.id))

    async def handle(self, event: Event) -> None:
        """Tell what became of a bundle, unless that was told or is no longer so."""
        if not isinstance(event, BundleEnded):
            msg = "this is no news for an owner"
            raise Invalid(msg)
        try:
            bundle = await self._bundles.get(event.owner, event.bundle)
        except NotFound:
            return
        now = self._clock.now()
        notice = notice_of(bundle.at(now), self.address)
        if notice is None or await self._records.get(_SHELF, notice.id):
            return
        await self._notifier.notify(notice)
        await self._records.put(Record(_SHELF, notice.id, {}, now + REMEMBERED))
        log.info("owner told", owner=bundle.owner, bundle=bundle.id, state=bundle.state)

    async def give_up(self, event: Event, failure: Failure) -> None:
        """Leave it: the bundle is what it is, and the page shows it."""
        log.error("owner not told", news=event, code=failure.code, detail=failure.detail)


def notice_of(bundle: Bundle, address: str) -> Notice | None:
    """Write the message about *bundle*; None where there is nothing to tell.

    It holds the short link and no other: that one can be revoked, and survives mail programs.
    """
    name = " ".join(bundle.name.split())
    if bundle.state is BundleState.READY and bundle.expires_at:
        subject = f"Your photos are ready: {name}"
        text = (
            f"{_photos(bundle.photos)} in one ZIP, {_size(bundle.bytes)}:\n"
            f"{address}/b/{bundle.token}\n\n"
            f"The link works until {bundle.expires_at:%-d %B %Y, %H:%M} UTC, for whoever has it.\n"
        )
    elif bundle.state is BundleState.FAILED and bundle.failure:
        subject = f"Your ZIP could not be made: {name}"
        text = (
            f"{bundle.failure.detail}\n\nNothing was sent. You can ask for it again:\n{address}\n"
        )
    else:
        return None
    return Notice(f"{bundle.id}-{bundle.state}", bundle.owner, subject, text)


def _photos(number: int) -> str:
    return f"{number} photo" if number == 1 else f"{number} photos"


def _size(number: float) -> str:
    for unit in _UNITS:
        if number < _STEP or unit == _UNITS[-1]:
            break
        number /= _STEP
    return f"{number:.0f} {unit}" if unit == _UNITS[0] else f"{number:.1f} {unit}"
