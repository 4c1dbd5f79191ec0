"""The contract of `imgtag.ports.Notifier`."""

from collections.abc import Sequence
from typing import Final, Generic, TypeVar

import pytest

from imgtag.domain.ids import OwnerId
from imgtag.ports import Notice, Notifier
from imgtag.testing.contracts.base import Contract, at_once
from imgtag.testing.photos import ADA, BOB

N = TypeVar("N", bound=Notifier)

READY: Final = Notice("bundle-1", ADA, "Your photos are ready", "https://example.org/b/token\n")


class NotifierContract(Contract, Generic[N]):
    """Subclass it, give `notifier`, and say by `arrived` what reached whom."""

    @pytest.fixture
    async def notifier(self) -> N:
        """Give a notifier that reaches `ADA` and `BOB`."""
        raise NotImplementedError

    async def arrived(self, notifier: N, owner: OwnerId) -> Sequence[tuple[str, str]]:
        """Read the subjects and texts that *owner* got, oldest first, by other means."""
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
