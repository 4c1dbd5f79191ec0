"""Inspecting photos in child processes: the parent's side.

The children stay, because starting one takes longer than most photos. Each has one photo at a
time. A photo that kills its child is tried once more in a fresh one, since the damage may have
been done by another photo before it; then it is refused.
"""

import os
from asyncio import Semaphore
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from imgtag.domain.errors import Invalid, TooLarge, Unavailable, Unsupported
from imgtag.imaging.model import Inspection, Limits, Question, Refused, RenditionSpec
from imgtag.imaging.process import Decoder, Died

_ERRORS: Final = {"unsupported_format": Unsupported, "too_many_pixels": TooLarge}
_END_SECONDS: Final = 5.0


def usual_workers() -> int:
    """One for each core, and one more: while it waits for its next photo, no core has to."""
    return (os.cpu_count() or 1) + 1


class ImagingPool:
    """A few child processes that inspect photos.

    *workers* children run at once, by default `usual_workers`. Use it as a context manager:
    entering starts the children and raises `Unavailable` when they don't start; leaving ends them.
    """

    def __init__(self, *, workers: int | None = None, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._workers = workers or usual_workers()
        self._permits = Semaphore(self._workers)
        self._idle: list[Decoder] = []
        self._children: set[Decoder] = set()
        self._closed = False

    @property
    def process_ids(self) -> frozenset[int]:
        """The children that run."""
        return frozenset(child.process_id for child in self._children if child.runs)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self.close)
            self._idle = [await self._spawn() for _ in range(self._workers)]
            for child in self._idle:
                await child.ready()
            undo.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End every child; a photo under inspection becomes `Unavailable`."""
        self._closed = True
        self._idle.clear()
        for child in self._children:
            child.end()
        for child in tuple(self._children):
            await child.ended(_END_SECONDS)

    async def inspect(
        self, path: Path, rendition: RenditionSpec | None = None, *, digest: bool = False
    ) -> Inspection:
        """Inspect the photo at *path*, a file that nobody writes to.

        *digest* asks for its hashes too. Waits for a child to be free. Raises `Unsupported`
        (``unsupported_format``), `TooLarge` (``too_many_pixels``) or `Invalid` (the other codes of
        `imgtag.imaging.model.CODES`) where the photo is at fault, `Unavailable` where it is not,
        and `OSError` when the file can't be opened.
        """
        async with self._permits:
            with _opened(path) as photo:
                answer = await self._answer(photo, Question(rendition, digest))
        if isinstance(answer, Refused):
            raise _ERRORS.get(answer.code, Invalid)(answer.detail, code=answer.code)
        return answer

    async def _answer(self, photo: int, question: Question) -> Inspection | Refused:
        try:
            return await self._ask(await self._take(), photo, question)
        except Died as died:
            if died.too_expensive:
                return Refused("photo_too_expensive", died.reason)
        try:
            return await self._ask(await self._start(), photo, question)
        except Died as again:
            code = "photo_too_expensive" if again.too_expensive else "photo_crashed_decoder"
            return Refused(code, again.reason)

    async def _ask(self, child: Decoder, photo: int, question: Question) -> Inspection | Refused:
        try:
            return await child.ask(photo, question)
        except Died:
            self._refuse_when_closed()
            raise
        finally:
            # A child whose answer nobody awaits any more must not meet the next question.
            if child.fit and not self._closed:
                self._idle.append(child)
            else:
                child.end()

    async def _take(self) -> Decoder:
        return self._idle.pop() if self._idle else await self._start()

    async def _start(self) -> Decoder:
        child = await self._spawn()
        async with AsyncExitStack() as undo:
            undo.callback(child.end)
            await child.ready()
            undo.pop_all()
        return child

    async def _spawn(self) -> Decoder:
        self._refuse_when_closed()
        child = await Decoder.start(self._limits)
        self._children = {child, *(other for other in self._children if other.runs)}
        if self._closed:
            child.end()
            self._refuse_when_closed()
        return child

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise Unavailable("imgtag is stopping")


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
