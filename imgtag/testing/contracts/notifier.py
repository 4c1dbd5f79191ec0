"""The contract of `imgtag.ports.Notifier`."""

from collections.abc import Mapping, Sequence
from typing import Final, Generic, TypeVar

import pytest

from imgtag.domain.addresses import Channel
from imgtag.domain.ids import OwnerId
from imgtag.ports import Notice, Notifier
from imgtag.testing.contracts.base import Contract, at_once
from imgtag.testing.photos import ADA, BOB

N = TypeVar("N", bound=Notifier)

READY: Final = Notice("bundle-1", ADA, "Your photos are ready", "https://example.org/b/token\n")
EMAIL: Final = "ada.lovelace@example.org"
PHONE: Final = "+447700900123"


class NotifierContract(Contract, Generic[N]):
    """Subclass it, give `notifier`, and say by `arrived` and `addresses` what goes where."""

    @pytest.fixture
    async def notifier(self) -> N:
        """Give a notifier that reaches `ADA` and `BOB`, by e-mail where it sends any."""
        raise NotImplementedError

    async def arrived(self, notifier: N, owner: OwnerId) -> Sequence[tuple[str, str]]:
        """Read the subjects and texts that *owner* got, oldest first, by other means."""
        raise NotImplementedError

    async def addresses(self, notifier: N, owner: OwnerId) -> Mapping[Channel, str]:
        """Read where news of *owner* goes, by other means."""
        raise NotImplementedError

    async def test_a_notice_arrives(self, notifier: N) -> None:
        """On return it has been handed over, subject and text unharmed."""
        await notifier.notify(READY)
        ((subject, text),) = set(await self.arrived(notifier, ADA))
        assert (subject, text.strip()) == (READY.subject, READY.text.strip())

    async def test_a_notice_reaches_its_owner_only(self, notifier: N) -> None:
        """Nobody else hears of it."""
        await notifier.notify(READY)
        assert list(await self.arrived(notifier, BOB)) == []

    async def test_any_text_arrives(self, notifier: N) -> None:
        """Other scripts, several lines and what could be taken for markup or a header."""
        text = "Åre 🏔️ 日本\n\n<b>5 photos</b>\nSubject: none\n.\n%s {name}"
        await notifier.notify(Notice("bundle-2", ADA, "Ready: Åre <5>", text))
        ((_, arrived),) = set(await self.arrived(notifier, ADA))
        assert arrived.replace("\r\n", "\n").strip() == text

    async def test_the_same_notice_again_is_fine(self, notifier: N) -> None:
        """It arrives at least once, and no worse for being sent twice."""
        for _ in range(2):
            await notifier.notify(READY)
        assert len(set(await self.arrived(notifier, ADA))) == 1

    async def test_many_at_once_all_arrive(self, notifier: N) -> None:
        """Twenty notices at once are twenty that arrived."""
        notices = [
            Notice(f"bundle-{number}", ADA, f"Ready: {number}", f"Bundle {number}")
            for number in range(20)
        ]
        await at_once([notifier.notify(notice) for notice in notices])
        arrived = {subject for subject, _ in await self.arrived(notifier, ADA)}
        assert arrived == {notice.subject for notice in notices}

    async def test_news_for_nobody_is_fine(self, notifier: N) -> None:
        """Who gave no address misses a message, and that is all."""
        await notifier.notify(Notice("bundle-3", OwnerId("nobody"), "Ready", "Bundle 3"))
        assert list(await notifier.subscriptions(OwnerId("nobody"))) == []

    async def test_a_new_address_takes_the_place_of_the_old_one(self, notifier: N) -> None:
        """The old one gets nothing more; setting the same again changes nothing."""
        for address in ("first@example.org", EMAIL, EMAIL):
            await notifier.subscribe(ADA, Channel.EMAIL, address)
        assert await self.addresses(notifier, ADA) == {Channel.EMAIL: EMAIL}

    async def test_each_channel_has_an_address_of_its_own(self, notifier: N) -> None:
        """Ending one leaves the other; ending it again is fine."""
        await notifier.subscribe(ADA, Channel.EMAIL, EMAIL)
        await notifier.subscribe(ADA, Channel.SMS, PHONE)
        told = await notifier.subscriptions(ADA)
        assert [subscription.channel for subscription in told] == [Channel.EMAIL, Channel.SMS]
        for _ in range(2):
            await notifier.unsubscribe(ADA, Channel.EMAIL)
        assert await self.addresses(notifier, ADA) == {Channel.SMS: PHONE}
        assert [each.channel for each in await notifier.subscriptions(ADA)] == [Channel.SMS]

    async def test_addresses_are_their_owners_own(self, notifier: N) -> None:
        """What one sets or ends is nothing to another."""
        before = await self.addresses(notifier, BOB)
        await notifier.subscribe(ADA, Channel.SMS, PHONE)
        await notifier.unsubscribe(ADA, Channel.EMAIL)
        assert await self.addresses(notifier, BOB) == before

    async def test_an_address_is_hinted_at_only(self, notifier: N) -> None:
        """Enough for its holder to know it again, and for nobody else to use it."""
        await notifier.subscribe(ADA, Channel.EMAIL, EMAIL)
        await notifier.subscribe(ADA, Channel.SMS, PHONE)
        told = repr(await notifier.subscriptions(ADA))
        assert "example.org" in told
        assert "123" in told
        assert "lovelace" not in told
        assert "7700900" not in told

    async def test_of_many_addresses_at_once_one_stays(self, notifier: N) -> None:
        """However many are set at the same time, news goes to one of them."""
        wanted = [f"ada{number}@example.org" for number in range(5)]
        await at_once([notifier.subscribe(ADA, Channel.EMAIL, each) for each in wanted])
        (address,) = (await self.addresses(notifier, ADA)).values()
        assert address in wanted
