"""Owners hear once of a bundle that is ready or has failed, whatever happens on the way."""

from dataclasses import replace
from datetime import timedelta

import pytest

from imgtag.backends.memory import (
    MemoryBundleStore,
    MemoryNotifier,
    MemoryQueue,
    MemoryRecordStore,
)
from imgtag.domain.addresses import Channel, hint_of
from imgtag.domain.bundles import Bundle, BundleState
from imgtag.domain.errors import Conflict, Invalid, Unavailable
from imgtag.domain.events import BundleEnded, BundleRequested
from imgtag.domain.ids import OwnerId
from imgtag.domain.photos import Failure
from imgtag.ports import Notice
from imgtag.services.notifications import ADDRESSES_A_DAY, Notifications, notice_of
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.catalog_base import drain
from imgtag.testing.faults import Faults, faulty
from imgtag.testing.photos import Maker

ADDRESS = "https://photos.example"


class Office:
    """Notifications on memory backends."""

    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock
        self.make = Maker(clock)
        self.faults = Faults()
        self.events = MemoryQueue(clock, topic="bundles")
        self.bundles = MemoryBundleStore(clock, self.events)
        self.notifier = MemoryNotifier()
        self.service = Notifications(
            faulty(self.notifier, self.faults),
            self.bundles,
            faulty(MemoryRecordStore(clock), self.faults),
            self.events,
            clock=clock,
            address=ADDRESS,
        )

    async def ready(self) -> tuple[Bundle, BundleEnded]:
        """Add a bundle that is ready."""
        bundle = self.make.bundle().ready(self.clock.now())
        await self.bundles.create(bundle, idempotency_key=None, event=None)
        return bundle, BundleEnded(bundle.owner, bundle.id)


@pytest.fixture
def office(clock: FixedClock) -> Office:
    """Give an empty one."""
    return Office(clock)


async def test_the_owner_hears_of_a_ready_bundle(office: Office) -> None:
    """With the short link, how much it is and until when it works."""
    bundle, event = await office.ready()
    await office.service.handle(event)
    [notice] = office.notifier.sent
    assert notice.owner == bundle.owner
    assert notice.subject == "Your photos are ready: Lakes"
    assert f"{ADDRESS}/b/{bundle.token}\n" in notice.text
    assert "2 photos in one ZIP, 2.0 kB" in notice.text
    assert f"{bundle.expires_at:%H:%M} UTC" in notice.text


async def test_the_owner_hears_of_a_failed_bundle(office: Office) -> None:
    """With the reason, and without a link that leads nowhere."""
    bundle, event = await office.ready()
    failure = Failure("photo_damaged", "lake.jpg: its bytes are gone")
    await office.bundles.replace(bundle.moved(BundleState.FAILED, failure=failure))
    await office.service.handle(event)
    [notice] = office.notifier.sent
    assert failure.detail in notice.text
    assert "/b/" not in notice.text


async def test_the_same_news_is_told_once(office: Office) -> None:
    """An event that comes again, today or days later, says nothing new."""
    _, event = await office.ready()
    for _ in range(3):
        await office.service.handle(event)
        office.clock.advance(timedelta(hours=5))
    assert len(office.notifier.sent) == 1


async def test_what_became_ready_and_failed_is_told_twice(office: Office) -> None:
    """They are two pieces of news, with ids of their own."""
    bundle, event = await office.ready()
    await office.service.handle(event)
    failure = Failure("photo_damaged", "lake.jpg: its bytes are gone")
    await office.bundles.replace(bundle.moved(BundleState.FAILED, failure=failure))
    await office.service.handle(event)
    assert len({notice.id for notice in office.notifier.sent}) == 2


async def test_news_that_could_not_be_sent_is_sent_later(office: Office) -> None:
    """The event is tried again, and then it is told."""
    _, event = await office.ready()
    office.faults.fail("notify")
    with pytest.raises(Unavailable):
        await office.service.handle(event)
    assert office.notifier.sent == []
    await office.service.handle(event)
    assert len(office.notifier.sent) == 1


async def test_a_crash_after_sending_tells_it_again_by_the_same_id(office: Office) -> None:
    """At least once: whoever gets it twice can tell."""
    _, event = await office.ready()
    office.faults.fail("put")
    with pytest.raises(Unavailable):
        await office.service.handle(event)
    await office.service.handle(event)
    first, second = office.notifier.sent
    assert first == second


@pytest.mark.parametrize("state", [BundleState.CANCELLED, BundleState.EXPIRED])
async def test_what_nobody_wants_or_gets_any_more_is_not_told(
    office: Office, state: BundleState
) -> None:
    """A link that answers 410 is no news."""
    bundle, event = await office.ready()
    await office.bundles.replace(bundle.moved(state))
    await office.service.handle(event)
    assert office.notifier.sent == []


async def test_a_link_that_has_died_is_not_sent(office: Office) -> None:
    """Time may be over before the sweeper has seen it."""
    _, event = await office.ready()
    office.clock.advance(timedelta(hours=24))
    await office.service.handle(event)
    assert office.notifier.sent == []


async def test_a_bundle_that_is_gone_is_no_news(office: Office) -> None:
    """Its event is done with."""
    bundle, event = await office.ready()
    await office.bundles.forget(bundle.owner, bundle.id)
    await office.service.handle(event)
    assert office.notifier.sent == []


async def test_announcing_sends_an_event(office: Office) -> None:
    """So that it is told even if this process ends now."""
    bundle, event = await office.ready()
    await office.service.announce(bundle)
    assert await drain(office.events) == [event]
    assert office.notifier.sent == []


async def test_other_events_are_refused(office: Office) -> None:
    """They belong to somebody else."""
    bundle, _ = await office.ready()
    with pytest.raises(Invalid):
        await office.service.handle(BundleRequested(bundle.owner, bundle.id))


def test_a_name_is_one_line(clock: FixedClock) -> None:
    """Whatever a person called it."""
    bundle = replace(Maker(clock).bundle(name="a\r\nb\tc"), photos=1, bytes=999)
    notice = notice_of(bundle.ready(clock.now()), ADDRESS)
    assert isinstance(notice, Notice)
    assert notice.subject.endswith(": a b c")
    assert "1 photo in one ZIP, 999 bytes" in notice.text


async def test_nobody_is_flooded_with_requests_to_confirm(office: Office) -> None:
    """An owner names ten addresses a day; ending a channel is free, and others are not held up."""
    owner, other = OwnerId("ada"), OwnerId("eve")
    for number in range(ADDRESSES_A_DAY):
        await office.service.change(owner, {Channel.EMAIL: f"ada{number}@example.org"})
    with pytest.raises(Conflict) as caught:
        await office.service.change(owner, {Channel.EMAIL: "one.more@example.org"})
    assert caught.value.code == "too_many_addresses"
    (kept,) = await office.service.subscriptions(owner)
    assert kept.hint == hint_of(Channel.EMAIL, "ada9@example.org")
    await office.service.change(other, {Channel.EMAIL: "eve@example.org"})
    await office.service.change(owner, {Channel.EMAIL: None})
    assert not await office.service.subscriptions(owner)
    office.clock.advance(timedelta(days=1))
    await office.service.change(owner, {Channel.EMAIL: "one.more@example.org"})
    assert len(await office.service.subscriptions(owner)) == 1
