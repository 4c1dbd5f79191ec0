"""News that stays in this process."""

from imgtag.ports import Notice


class MemoryNotifier:
    """Keeps every notice in *sent*, oldest first."""

    def __init__(self) -> None:
        self.sent: list[Notice] = []

    async def notify(self, notice: Notice) -> None:
        self.sent.append(notice)
