"""Labels from a model folder: no network, no account.

The model lives in a process of its own. In the service's it would hold up the event loop, and keep
60 MB and more in a process that has none to spare; and a graph that crashes would take it along.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Final, Self

from imgtag.backends.local.model_folder import Description, read_description
from imgtag.backends.local.onnx_wire import Answer, Seen, pack_question, take_answers
from imgtag.children.parent import Child, not_started
from imgtag.domain.errors import Invalid, Unavailable
from imgtag.domain.labels import LabelHit
from imgtag.domain.photos import Framing
from imgtag.ports import Subject

RENDITION_SIDE: Final = 512

_MODULE: Final = "imgtag.backends.local.onnx_child"
# Large models are read from the disk; a process that has not answered by then never will.
_START_SECONDS: Final = 120.0
_ANSWER_SECONDS: Final = 120.0
_END_SECONDS: Final = 5.0


class _Answers(asyncio.Protocol):
    """Takes each answer to whoever waits for it."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self.ended = False

    @asynccontextmanager
    async def expect(self, number: int) -> AsyncIterator[asyncio.Future[Answer]]:
        """Give what will be the answer to question *number*, or `ConnectionError`."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            yield answer
        finally:
            del self._waiting[number]

    def data_received(self, data: bytes) -> None:
        self._received += data
        for number, answer in take_answers(self._received):
            waiting = self._waiting.get(number)
            if waiting and not waiting.done():
                waiting.set_result(answer)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - all are the same
        self.ended = True
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionResetError())


class ModelProcess:
    """The process of one loaded model. It may be asked several things at once."""

    def __init__(
        self, child: Child, transport: asyncio.Transport, answers: _Answers, threads: int
    ) -> None:
        # More would only wait in the process, and their time would run.
        self._places = asyncio.Semaphore(2 * threads)
        self._child = child
        self._transport = transport
        self._answers = answers
        self._numbers = count(1)

    @classmethod
    async def start(cls, folder: Path, threads: int) -> Self:
        """Load *folder* in a new process. Raises `Invalid` where it can't be, or `Unavailable`."""
        asked = json.dumps({"folder": str(folder), "threads": threads})
        child = await Child.start(_MODULE, asked)
        loop = asyncio.get_running_loop()
        transport, answers = await child.connected(
            loop.create_unix_connection(_Answers, sock=child.socket)
        )
        process = cls(child, transport, answers, threads)
        try:
            await process._loaded()
        except BaseException:
            await process.close()
            raise
        return process

    async def _loaded(self) -> None:
        try:
            async with asyncio.timeout(_START_SECONDS), self._answers.expect(0) as answer:
                said = await answer
        except (OSError, TimeoutError) as error:
            raise not_started(_MODULE, type(error).__name__) from error
        if isinstance(said, Exception):
            raise said

    @property
    def process_id(self) -> int:
        """Its number in the system."""
        return self._child.process_id

    @property
    def ended(self) -> bool:
        """Whether it makes no sense any more to ask it."""
        return self._answers.ended

    async def ask(self, seen: Seen) -> Sequence[LabelHit]:
        """Ask what *seen* shows. Raises `Invalid` of the model, `Broken`, or `Unavailable`."""
        async with self._places:
            said = await self._ask(seen)
        if isinstance(said, Exception):
            raise said
        return said

    async def _ask(self, seen: Seen) -> Answer:
        number = next(self._numbers)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS), self._answers.expect(number) as answer:
                self._transport.writelines(pack_question(number, seen))
                return await answer
        except (OSError, TimeoutError) as error:
            self.end()
            msg = "the process of the model broke down"
            raise Unavailable(msg, retry_after_seconds=5) from error

    def end(self) -> None:
        """Kill it; what waits for an answer becomes `Unavailable`."""
        self._child.kill()
        self._transport.abort()

    async def close(self) -> None:
        """End it, and wait until it has."""
        self.end()
        await self._child.ended(_END_SECONDS)


class OnnxLabeler:
    """The `Labeler` that asks a model; should its process break down, it is started again."""

    def __init__(
        self, folder: Path, description: Description, threads: int, process: ModelProcess
    ) -> None:
        self._folder = folder
        self._description = description
        self._threads = threads
        self.process = process
        self._starting = asyncio.Lock()

    @property
    def model(self) -> str:
        """Name and version from ``model.json``."""
        return self._description.model

    @property
    def rendition_side(self) -> int:
        """Twice what the model looks at, so that a wide photo still fills it; 512 at least."""
        return max(RENDITION_SIDE, 2 * self._description.input.shorter_side)

    @property
    def raster(self) -> Framing:
        """What the model looks at."""
        return self._description.input.framing

    @property
    def dollars_per_photo(self) -> float:
        return 0.0

    async def detect(self, subject: Subject) -> Sequence[LabelHit]:
        """Ask the model about the rendition."""
        process = await self._running()
        return await process.ask(subject.rendition.raster or subject.rendition.jpeg)

    async def close(self) -> None:
        """End the model's process."""
        await self.process.close()

    async def _running(self) -> ModelProcess:
        if self.process.ended:
            async with self._starting:
                if self.process.ended:
                    await self._start_again()
        return self.process

    async def _start_again(self) -> None:
        try:
            self._description = await asyncio.to_thread(read_description, self._folder)
            self.process = await ModelProcess.start(self._folder, self._threads)
        except Invalid as error:
            # It was fine before: no photo is to blame, and whoever changes the folder may be at it.
            raise Unavailable(error.detail, retry_after_seconds=60) from error


@asynccontextmanager
async def open_labeler(folder: Path, *, threads: int | None = None) -> AsyncIterator[OnnxLabeler]:
    """Load the model folder; *threads* photos are labelled at once, by default one for each core.

    Raises `Invalid`, code ``invalid_model``, that says what is wrong with the folder.
    """
    description = read_description(folder)
    at_once = threads or os.cpu_count() or 1
    process = await ModelProcess.start(folder, at_once)
    labeler = OnnxLabeler(folder, description, at_once, process)
    try:
        yield labeler
    finally:
        await labeler.close()
