"""News that stays in this process."""

from collections import defaultdict
from collections.abc import Sequence

from imgtag.domain.addresses import Channel, hint_of
from imgtag.domain.ids import OwnerId
from imgtag.ports import Notice, Subscription


class MemoryNotifier:
    """Keeps every notice in *sent*, oldest first, and where it would go in *addresses*."""

    channels = frozenset(Channel)
    hint = staticmethod(hint_of)

    def __init__(self) -> None:
        self.sent: list[Notice] = []
        self.addresses: dict[OwnerId, dict[Channel, str]] = defaultdict(dict)

    async def notify(self, notice: Notice) -> None:
        self.sent.append(notice)

    async def subscribe(self, owner: OwnerId, channel: Channel, address: str) -> None:
        self.addresses[owner][channel] = address

    async def unsubscribe(self, owner: OwnerId, channel: Channel) -> None:
        self.addresses[owner].pop(channel, None)

    async def subscriptions(self, owner: OwnerId) -> Sequence[Subscription]:
        known = sorted(self.addresses[owner].items())
        return [Subscription(channel, self.hint(channel, address)) for channel, address in known]
