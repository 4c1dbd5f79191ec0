"""Fetching an archive so that nothing which has arrived is ever fetched again."""

import asyncio
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import aiohttp
from aiohttp import hdrs

from imgtag.cli.client import Client, Problem, Unreachable
from imgtag.cli.output import Meter
from imgtag.cli.running import Failed

_NOTE_SUFFIX: Final = ".part.json"
_PART_SUFFIX: Final = ".part"
# A connection that brings less than this has failed, or a broken server would be asked for ever.
_PROGRESS_BYTES: Final = 64 * 1024
_PARTIAL: Final = 206
_OK: Final = 200
_RANGE_NOT_SATISFIABLE: Final = 416
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+)")
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_MAX_NAME_BYTES: Final = 200


@dataclass(frozen=True, slots=True)
class Note:
    """What is written beside a part, so that the same command can carry on with it.

    *wanted* is what was asked of *server*; *etag* names the very bytes, once it is known.
    """

    server: str
    wanted: Mapping[str, Any]
    bundle: str
    file: str
    bytes: int
    etag: str | None = None

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read a note, or give None for what is none."""
        try:
            return cls(**json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Write the note so that it is whole whenever it is read."""
        new = path.with_name(path.name + ".new")
        new.write_text(json.dumps(asdict(self)))
        new.replace(path)


@dataclass(frozen=True, slots=True)
class Target:
    """Where the archive will be, and where it is until then."""

    file: Path

    @property
    def part(self) -> Path:
        """The bytes that have arrived."""
        return self.file.with_name(self.file.name + _PART_SUFFIX)

    @property
    def note(self) -> Path:
        """What they are."""
        return self.file.with_name(self.file.name + _NOTE_SUFFIX)

    @property
    def taken(self) -> bool:
        """Whether there is an archive of that name, or one on its way."""
        return self.file.exists() or self.note.exists()

    @property
    def arrived(self) -> int:
        """How many bytes have arrived."""
        try:
            return self.part.stat().st_size
        except FileNotFoundError:
            return 0

    def forget(self) -> None:
        """Drop what has arrived."""
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def finish(self) -> None:
        """Give the archive its name; what was there before is replaced."""
        self.part.replace(self.file)
        self.note.unlink(missing_ok=True)
        _sync_folder(self.file.parent)


def find_note(folder: Path, server: str, wanted: Mapping[str, Any]) -> Note | None:
    """Find a download of the same in *folder* that was broken off."""
    for path in sorted(folder.glob(f"*{_NOTE_SUFFIX}")):
        note = Note.read(path)
        if note and (note.server, note.wanted) == (server, wanted):
            return note
    return None


class Download:
    """One archive on its way into *target*."""

    def __init__(self, client: Client, note: Note, target: Target, meter: Meter) -> None:
        self._client = client
        self._note = note
        self._target = target
        self._meter = meter

    async def run(self) -> None:
        """Fetch what is missing, until all is there; durable on return.

        A broken connection is taken up again, as long as each brings something. Raises
        `Failed`; what has arrived stays, for the same command to carry on with.
        """
        if self._target.arrived > self._note.bytes:
            self._start_afresh()
        self._meter.expect(self._note.bytes)
        self._meter.advance(self._target.arrived)
        self._must_fit()
        await self._fetch_all()
        await asyncio.to_thread(_sync, self._target.part)

    async def _fetch_all(self) -> None:
        attempt = 0
        while (before := self._target.arrived) < self._note.bytes:
            try:
                await self._fetch()
            except (Problem, Unreachable) as error:
                moved = self._target.arrived - before >= _PROGRESS_BYTES
                attempt = 0 if moved else attempt + 1
                if attempt == self._client.attempts or not self._client.may_pass(error):
                    raise
                await self._client.pause(attempt, error)

    def _must_fit(self) -> None:
        missing = self._note.bytes - self._target.arrived
        free = shutil.disk_usage(self._target.file.parent).free
        if missing > free:
            msg = f"{self._target.file}: {missing} more bytes are needed and {free} are free"
            raise Failed(msg)

    async def _fetch(self) -> None:
        start = self._target.arrived
        headers: dict[str, str] = {}
        if start and self._note.etag:
            headers = {hdrs.RANGE: f"bytes={start}-", hdrs.IF_RANGE: self._note.etag}
        path = f"/api/bundles/{self._note.bundle}/archive"
        try:
            async with self._client.download(path, headers) as answer:
                await self._take(answer, start)
        except Problem as error:
            if error.status != _RANGE_NOT_SATISFIABLE:
                raise
            self._start_afresh()
            raise Unreachable("the server has another archive now") from error

    async def _take(self, answer: aiohttp.ClientResponse, start: int) -> None:
        if answer.status == _PARTIAL:
            self._must_continue(answer.headers.get(hdrs.CONTENT_RANGE, ""), start)
        elif answer.status == _OK:
            self._start_afresh()
            self._remember(answer.headers.get(hdrs.ETAG))
        else:
            msg = f"the server answered {answer.status} where an archive was expected"
            raise Failed(msg)
        await self._append(answer)
        if self._target.arrived != self._note.bytes:
            msg = f"{self._target.arrived} of {self._note.bytes} bytes arrived"
            raise Unreachable(msg)

    def _must_continue(self, content_range: str, start: int) -> None:
        match = _CONTENT_RANGE.fullmatch(content_range)
        if not match or (int(match[1]), int(match[2])) != (start, self._note.bytes):
            self._start_afresh()
            raise Unreachable("the server sent another part than was asked for")

    def _remember(self, etag: str | None) -> None:
        # A weak tag promises the same picture, not the same bytes: RFC 9110, 13.1.5.
        strong = etag if etag and not etag.startswith("W/") else None
        self._note = replace(self._note, etag=strong)
        self._note.write(self._target.note)

    def _start_afresh(self) -> None:
        self._meter.advance(-self._target.arrived)
        self._target.part.unlink(missing_ok=True)

    async def _append(self, answer: aiohttp.ClientResponse) -> None:
        with await asyncio.to_thread(self._target.part.open, "ab", 0) as part:
            async for chunk in answer.content.iter_any():
                await asyncio.to_thread(_write_all, part.fileno(), chunk)
                self._meter.advance(len(chunk))


def safe_name(name: str) -> str:
    """Make a file name that every system takes out of what a bundle is called."""
    name = _UNSAFE.sub("_", name).strip(" .")
    return name.encode()[:_MAX_NAME_BYTES].decode(errors="ignore").strip(" .") or "photos"


def _write_all(descriptor: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
