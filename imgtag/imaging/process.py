"""A child process that decodes photos, as its parent sees it."""

import asyncio
import json
import os
import signal
import socket
from dataclasses import asdict
from pathlib import Path
from typing import Final, Self

from imgtag.children.parent import Child, not_started
from imgtag.imaging.model import MEBIBYTE, Inspection, Limits, Question, Refused
from imgtag.imaging.wire import (
    HEADER_BYTES,
    Garbled,
    Parts,
    pack_question,
    unpack_answer,
    unpack_header,
)

_CPU_SIGNALS: Final = frozenset({signal.SIGPROF, signal.SIGXCPU})
_EXIT_SECONDS: Final = 5.0
_READ_AHEAD_BYTES: Final = MEBIBYTE
# How often its memory is looked at, in photos: the look costs as much as reading an answer.
_WEIGHED_EVERY: Final = 16
_MODULE: Final = "imgtag.imaging.child"
# For glibc: keep what one photo freed for the next one. Giving it back and faulting it in again
# took a sixth of the time of a small photo.
_ALLOCATOR: Final = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_TOP_PAD_": str(16 * MEBIBYTE),
    "MALLOC_TRIM_THRESHOLD_": str(64 * MEBIBYTE),
    "MALLOC_MMAP_THRESHOLD_": str(32 * MEBIBYTE),
}


class Died(Exception):
    """The child ended instead of answering; *too_expensive* where a limit ended it."""

    def __init__(self, reason: str, *, too_expensive: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.too_expensive = too_expensive


class Decoder:
    """A process that inspects one photo at a time."""

    def __init__(
        self,
        child: Child,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        limits: Limits,
    ) -> None:
        self._child = child
        self._reader, self._writer = streams
        self._limits = limits
        self._asked = 0
        self._busy = False

    @classmethod
    async def start(cls, limits: Limits) -> Self:
        """Start a process; it is not `ready` yet. Raises `Unavailable`."""
        child = await Child.start(_MODULE, json.dumps(asdict(limits)), **_ALLOCATOR)
        # Only for reading: a descriptor can't be sent through a stream.
        streams = asyncio.open_unix_connection(sock=child.socket, limit=_READ_AHEAD_BYTES)
        return cls(child, await child.connected(streams), limits)

    @property
    def process_id(self) -> int:
        """Its number in the system."""
        return self._child.process_id

    @property
    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return self._child.runs

    @property
    def fit(self) -> bool:
        """Whether it may get another photo: it owes no answer and has not grown too old or big."""
        return (
            not self._busy
            and self.runs
            and self._asked < self._limits.photos_per_child
            and not (self._asked % _WEIGHED_EVERY == 0 and self._too_big())
        )

    async def ready(self) -> None:
        """Wait until it can be asked. Raises `Unavailable`."""
        try:
            async with asyncio.timeout(self._limits.start_seconds):
                await self._receive(0)
        except (OSError, EOFError, Garbled) as error:
            raise not_started(_MODULE, type(error).__name__) from error

    async def ask(self, photo: int, question: Question) -> Inspection | Refused:
        """Hand over the descriptor *photo* and wait for the answer.

        Raises `Died`. After that, or when it was cancelled, the child is not `fit`.
        """
        self._asked += 1
        self._busy = True
        try:
            async with asyncio.timeout(self._limits.wall_seconds):
                line = pack_question(self._asked, question)
                socket.send_fds(self._child.socket, [line], [photo])
                answer = unpack_answer(await self._receive(self._asked), self._limits)
        except TimeoutError:
            reason = f"it was not decoded after {self._limits.wall_seconds:g} seconds"
            raise Died(reason, too_expensive=True) from None
        except (OSError, EOFError, Garbled):
            raise await self._post_mortem() from None
        self._busy = False
        return answer

    def end(self) -> None:
        """Kill it and hang up; a question under way raises `Died`. Again is fine."""
        self._child.kill()
        self._writer.close()

    async def ended(self, seconds: float) -> None:
        """Wait until the system has buried it, *seconds* at most."""
        await self._child.ended(seconds)

    def _too_big(self) -> bool:
        return _resident_bytes(self.process_id) > self._limits.resident_bytes

    async def _post_mortem(self) -> Died:
        # A child that hung up is on its way out; one that talks nonsense has to be ended.
        await self.ended(1.0)
        self.end()
        await self.ended(_EXIT_SECONDS)
        if self._child.ended_by in _CPU_SIGNALS:
            reason = f"it was not decoded after {self._limits.cpu_seconds:g} seconds of CPU time"
            return Died(reason, too_expensive=True)
        return Died("the process that decoded it broke down")

    async def _receive(self, number: int) -> Parts:
        read = self._reader.readexactly
        header = unpack_header(await read(HEADER_BYTES))
        if header.number != number:
            raise Garbled
        said, thumbnail, rendition, rgb = header.lengths
        return await read(said), await read(thumbnail), await read(rendition), await read(rgb)


def _resident_bytes(process_id: int) -> int:
    try:
        pages = Path(f"/proc/{process_id}/statm").read_bytes().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
