"""Sending many files: looked at, offered in batches, and sent several at a time."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

from aiohttp import hdrs

from imgtag.cli.client import SILENCE_SECONDS, Client, Problem, Unreachable
from imgtag.cli.output import Meter
from imgtag.cli.running import Failed
from imgtag.cli.walk import LocalFile, read_file
from imgtag.imaging.model import Refused

MAX_BATCH: Final = 100
# The first batch is small, so that bytes flow while the next one is read.
_FIRST_BATCH: Final = 8
_READERS: Final = 4
_CHUNK_BYTES: Final = 256 * 1024
# The server has judged this photo, and a new ticket would change nothing.
_FINAL: Final = frozenset({413, 415, 422})


@dataclass(frozen=True, slots=True)
class Unsent:
    """A file that did not become a photo, and why."""

    path: str
    code: str
    detail: str


@dataclass(slots=True)
class Outcome:
    """What became of the files so far. *bytes* counts those of *uploaded*."""

    uploaded: int = 0
    skipped: int = 0
    bytes: int = 0
    rejected: list[Unsent] = field(default_factory=list)
    failed: list[Unsent] = field(default_factory=list)
    photo_ids: list[str] = field(default_factory=list)

    def reject(self, path: Path, code: str, detail: str) -> None:
        """Note a file that the server will never take."""
        self.rejected.append(Unsent(str(path), code, detail))

    def fail(self, path: Path, detail: str, code: str = "not_sent") -> None:
        """Note a file that may well be taken another time."""
        self.failed.append(Unsent(str(path), code, detail))

    @property
    def begun(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.uploaded or self.skipped) or not self.complete

    @property
    def complete(self) -> bool:
        """Whether the server has every file."""
        return not self.rejected and not self.failed

    def as_json(self) -> dict[str, Any]:
        """Say it for programs."""
        about = asdict(self)
        del about["photo_ids"]
        return about


@dataclass(frozen=True, slots=True)
class _Offer:
    """A file, and the leave to send it."""

    file: LocalFile
    photo_id: str
    url: str
    method: str
    headers: Mapping[str, str]


class Uploader:
    """Sends files of any number in bounded memory."""

    def __init__(self, client: Client, outcome: Outcome, meter: Meter, *, parallel: int) -> None:
        self._client = client
        self._outcome = outcome
        self._meter = meter
        self._parallel = parallel
        self._reading = asyncio.Semaphore(_READERS)

    async def send_all(self, paths: Iterator[Path]) -> None:
        """Send the files at *paths*. Raises `Failed` when the server can't be reached any more."""
        # Room for a batch, so that the next one is read and offered while this one is sent.
        offers: asyncio.Queue[_Offer | None] = asyncio.Queue(MAX_BATCH)
        async with asyncio.TaskGroup() as group:
            for _ in range(self._parallel):
                group.create_task(self._send_from(offers))
            async for batch in _batches(paths):
                for offer in await self._offer(await self._read(batch)):
                    await offers.put(offer)
            for _ in range(self._parallel):
                await offers.put(None)

    async def _read(self, paths: Sequence[Path]) -> Sequence[LocalFile]:
        async with asyncio.TaskGroup() as group:
            reading = [group.create_task(self._read_one(path)) for path in paths]
        return [file for task in reading if (file := task.result())]

    async def _read_one(self, path: Path) -> LocalFile | None:
        try:
            async with self._reading:
                return await asyncio.to_thread(read_file, path)
        except Refused as error:
            self._outcome.reject(path, error.code, error.detail)
        except OSError as error:
            self._outcome.fail(path, error.strerror or str(error), "unreadable")
        self._meter.advance(size_of(path))
        return None

    async def _offer(self, files: Sequence[LocalFile]) -> Sequence[_Offer]:
        """Ask which of *files* the server wants; note what becomes of the others."""
        if not files:
            return []
        body = {"files": [_description(file) for file in files]}
        answer = await self._client.call("POST", "/api/uploads", body=body)
        offers = [self._answered(*pair) for pair in zip(files, answer["uploads"], strict=True)]
        return [offer for offer in offers if offer]

    def _answered(self, file: LocalFile, told: Any) -> _Offer | None:
        match told["status"]:
            case "new":
                url = urljoin(self._client.server.url, told["url"])
                return _Offer(file, told["photo_id"], url, told["method"], told["headers"])
            case "duplicate":
                self._outcome.skipped += 1
                self._meter.advance(file.size)
            case _:
                self._outcome.reject(file.path, told["code"], told["detail"])
                self._meter.advance(file.size)
        return None

    async def _send_from(self, offers: asyncio.Queue[_Offer | None]) -> None:
        while offer := await offers.get():
            try:
                sent = await self._send(offer)
            except Problem as error:
                self._refused(offer.file.path, error)
            except Unreachable as error:
                # Raises where the server has gone altogether, which ends the others too.
                await self._client.call("GET", "/api/config")
                self._outcome.fail(offer.file.path, str(error))
            except Unreadable as error:
                self._outcome.fail(offer.file.path, str(error), "unreadable")
            else:
                self._count(sent)

    def _refused(self, path: Path, error: Problem) -> None:
        if error.status in _FINAL:
            self._outcome.reject(path, error.code, error.detail)
        else:
            self._outcome.fail(path, error.detail, error.code)

    def _count(self, sent: _Offer | None) -> None:
        if sent:
            self._outcome.uploaded += 1
            self._outcome.bytes += sent.file.size
            self._outcome.photo_ids.append(sent.photo_id)

    async def _send(self, offer: _Offer) -> _Offer | None:
        """Send one file, again where that may help; None where it turned out to be there."""
        for attempt in range(self._client.attempts - 1):
            try:
                return await self._put(offer)
            except (Problem, Unreachable) as error:
                if isinstance(error, Problem) and error.status in _FINAL:
                    raise
                if self._client.may_pass(error):
                    await self._client.pause(attempt, error)
                    continue
            again = await self._offer_again(offer.file)
            if again is None:
                return None
            offer = again
        return await self._put(offer)

    async def _offer_again(self, file: LocalFile) -> _Offer | None:
        """Ask for a new ticket: the old one has expired, or the bytes have arrived after all."""
        offers = await self._offer([file])
        return offers[0] if offers else None

    async def _put(self, offer: _Offer) -> _Offer:
        body = FileBody(offer.file, self._meter)
        sending = self._client.request(
            offer.method,
            offer.url,
            data=body.chunks(),
            headers={**offer.headers, hdrs.CONTENT_LENGTH: str(offer.file.size)},
            skip_auto_headers=[hdrs.CONTENT_TYPE],
        )
        try:
            async with body.patience(), sending as answer:
                await answer.read()
        except BaseException as error:
            body.take_back()
            if body.error:
                raise body.error from None
            if isinstance(error, TimeoutError):
                raise Unreachable("the server stopped taking bytes") from error
            raise
        return offer


class Unreadable(Failed):
    """The file can't be read to its end, or is not what it was."""


class FileBody:
    """A file's bytes on their way, chunk by chunk."""

    def __init__(self, file: LocalFile, meter: Meter) -> None:
        self._file = file
        self._meter = meter
        self._sent = 0
        self._patience = asyncio.timeout(SILENCE_SECONDS)
        self.error: Unreadable | None = None

    def patience(self) -> asyncio.Timeout:
        """Time out when no chunk was taken for a while."""
        return self._patience

    async def chunks(self) -> AsyncIterator[bytes]:
        """Give exactly as many bytes as were announced.

        Raises `Unreadable`, and keeps it in *error*, since the HTTP client wraps what it gets.
        """
        try:
            with await asyncio.to_thread(self._file.path.open, "rb") as file:
                while self._sent < self._file.size:
                    chunk = await asyncio.to_thread(file.read, self._next_bytes())
                    if not chunk:
                        self.error = Unreadable("it got shorter while it was being sent")
                        raise self.error
                    yield chunk
                    self._taken(len(chunk))
        except OSError as error:
            self.error = Unreadable(error.strerror or "it can't be read")
            raise self.error from error

    def take_back(self) -> None:
        """Uncount what was sent in vain."""
        self._meter.advance(-self._sent)
        self._sent = 0

    def _next_bytes(self) -> int:
        return min(_CHUNK_BYTES, self._file.size - self._sent)

    def _taken(self, number: int) -> None:
        self._sent += number
        self._meter.advance(number)
        self._patience.reschedule(asyncio.get_running_loop().time() + SILENCE_SECONDS)


def size_of(path: Path) -> int:
    """Tell a file's size in bytes, 0 where that can't be told."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _description(file: LocalFile) -> dict[str, Any]:
    return {
        "file_name": file.name,
        "size": file.size,
        "content_type": file.content_type,
        "sha256": file.sha256,
    }


async def _batches(paths: Iterator[Path]) -> AsyncIterator[Sequence[Path]]:
    for size in chain([_FIRST_BATCH], repeat(MAX_BATCH)):
        batch = await asyncio.to_thread(list, islice(paths, size))
        if not batch:
            return
        yield batch
