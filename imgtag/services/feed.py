"""What changed, as it changes: a feed per owner that the page listens to."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Literal

from imgtag.domain.ids import OwnerId

BACKLOG: Final = 500

Topic = Literal["photo", "labels", "bundle", "import"]


@dataclass(frozen=True, slots=True)
class News:
    """One change. *id* grows within this process."""

    id: int
    topic: Topic
    data: Mapping[str, Any]


class Listener:
    """One open page. One that can't keep up loses its oldest news, and can tell."""

    def __init__(self) -> None:
        self._news: deque[News] = deque(maxlen=BACKLOG)
        self._arrived = asyncio.Event()
        self._overran = False

    def put(self, news: News) -> None:
        """Hand over *news*; never waits."""
        self._overran |= len(self._news) == BACKLOG
        self._news.append(news)
        self._arrived.set()

    def wake(self) -> None:
        """End a wait without news."""
        self._arrived.set()

    async def batch(self) -> list[News]:
        """Wait for news, then give all there is, oldest first."""
        await self._arrived.wait()
        self._arrived.clear()
        news = list(self._news)
        self._news.clear()
        return news

    def overran(self) -> bool:
        """Tell, once, whether news was lost since the last time."""
        overran, self._overran = self._overran, False
        return overran


class Feed:
    """Hands every owner's news to that owner's listeners in this process."""

    def __init__(self) -> None:
        self.closed = False
        self._ids = count(1)
        self._listeners: defaultdict[OwnerId, set[Listener]] = defaultdict(set)

    def publish(self, owner: OwnerId, topic: Topic, data: Mapping[str, Any]) -> None:
        """Tell the listeners of *owner*; without one it costs nothing."""
        listeners = self._listeners.get(owner)
        if not listeners:
            return
        news = News(next(self._ids), topic, data)
        for listener in listeners:
            listener.put(news)

    def owners(self) -> Sequence[OwnerId]:
        """Whose pages are open here."""
        return list(self._listeners)

    def close(self) -> None:
        """End all listening, so that open pages don't hold up a shutdown."""
        self.closed = True
        for listener in {each for group in self._listeners.values() for each in group}:
            listener.wake()

    @contextmanager
    def listen(self, owner: OwnerId) -> Iterator[Listener]:
        """Listen to *owner* until the context is left."""
        listener = Listener()
        self._listeners[owner].add(listener)
        try:
            yield listener
        finally:
            self._listeners[owner].discard(listener)
            if not self._listeners[owner]:
                del self._listeners[owner]
