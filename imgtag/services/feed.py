"""What changed, as it changes: a feed per owner that the page listens to."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator, Mapping
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
    """One open page. A page that can't keep up loses its oldest news and is told so."""

    def __init__(self) -> None:
        self._news: deque[News] = deque(maxlen=BACKLOG)
        self._arrived = asyncio.Event()
        self.overrun = False

    def put(self, news: News) -> None:
        """Hand over *news*; never waits."""
        self.overrun |= len(self._news) == BACKLOG
        self._news.append(news)
        self._arrived.set()

    async def batch(self) -> AsyncIterator[News]:
        """Wait for news, then give all there is."""
        await self._arrived.wait()
        self._arrived.clear()
        self.overrun = False
        while self._news:
            yield self._news.popleft()


class Feed:
    """Hands every owner's news to that owner's listeners in this process."""

    def __init__(self) -> None:
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
