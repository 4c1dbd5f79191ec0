"""Folders of this machine that photos are imported from.

Below an allowed folder no link is followed: each name on the way is opened in the folder that was
opened before it, so that nobody can swap one for a link meanwhile. What a file is, is asked of the
open file.
"""

import asyncio
import os
import stat
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Generator,
    Iterator,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote_from_bytes, unquote_to_bytes

from imgtag.backends import Context
from imgtag.domain.errors import Invalid, NotFound
from imgtag.domain.keys import BlobKey
from imgtag.domain.photos import Failure
from imgtag.domain.sources import Scheme, Source
from imgtag.pipeline.threads import see_through
from imgtag.ports import SourceFile, SourcePage, SourceReading

T = TypeVar("T")
Names = tuple[bytes, ...]
Identity = tuple[int, int]

HEAD_BYTES: Final = 4096
PIECE_BYTES: Final = 1024 * 1024
# Each folder on the way is open while its files are listed.
MAX_DEPTH: Final = 64

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Without O_NONBLOCK, opening a pipe would wait for somebody to write into it.
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_NO_FILE: Final = Failure("not_a_file", "it is a link, a device or a pipe, which are not followed")
_UNREADABLE: Final = Failure("unreadable", "the service can't read it")
_TOO_DEEP: Final = Failure("unreadable", f"it lies more than {MAX_DEPTH} folders deep")
_CHANGED: Final = Failure("file_changed", "it was changed while it was imported")


class FolderSource:
    """Reads what lies in *allowed* folders, but nothing in the folder *kept_out*."""

    def __init__(self, allowed: Sequence[Source], kept_out: Path) -> None:
        self._allowed = allowed
        self._kept_out = kept_out

    async def page(self, source: Source, *, after: str | None, limit: int) -> SourcePage:
        return await _in_thread(self._page, source, after, limit)

    def _page(self, source: Source, after: str | None, limit: int) -> SourcePage:
        behind = tuple(map(unquote_to_bytes, after.split("/"))) if after else ()
        with (
            self._opened(source) as (folder, walk),
            closing(walk.files(folder, (), behind)) as files,
            _source_errors(),
        ):
            found = list(islice(files, limit + 1))
        page = found[:limit]
        return SourcePage(page, page[-1].key if len(found) > limit else None)

    @contextmanager
    def _opened(self, source: Source) -> Iterator[tuple[int, "_Walk"]]:
        """Open a source. The allowed folder may be reached by links, what lies in it may not."""
        root = next((known for known in self._allowed if known.covers(source)), None)
        if root is None:
            raise Invalid("this folder is not on the list", code="source_not_found")
        walk = _Walk(source, _identity_of(self._kept_out))
        below = tuple(map(os.fsencode, source.parts[len(root.parts) :]))
        with _source_errors():
            top = os.open(os.fsencode("/" + "/".join(root.parts)), _FOLDER)
        try:
            with _source_errors():
                folder = walk.descend(top, below)
            try:
                yield folder, walk
            finally:
                os.close(folder)
        finally:
            os.close(top)

    @asynccontextmanager
    async def open(self, source: Source, file: SourceFile) -> AsyncIterator[SourceReading]:
        if file.refusal:
            raise Invalid(file.refusal.detail, code=file.refusal.code)
        reading = _Reading(file)
        try:
            await _in_thread(self._open, source, reading)
            async with aclosing(reading):
                yield reading
        finally:
            reading.close()

    def _open(self, source: Source, reading: "_Reading") -> None:
        *folders, name = map(unquote_to_bytes, reading.file.key.split("/"))
        with self._opened(source) as (top, walk), _file_errors():
            folder = walk.descend(top, tuple(folders))
            try:
                reading.open(os.open(name, _FILE, dir_fd=folder))
            finally:
                os.close(folder)


class _Reading:
    """One file, which stays the one that was listed."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.head = b""
        self._descriptor: int | None = None
        self._chunks = self._read()

    def open(self, descriptor: int) -> None:
        """Take over *descriptor*, and read the beginning."""
        self._descriptor = descriptor
        self._check(descriptor)
        self.head = os.pread(descriptor, HEAD_BYTES, 0)

    def close(self) -> None:
        """Close it if it was opened."""
        if self._descriptor is not None:
            os.close(self._descriptor)

    def chunks(self) -> AsyncIterator[bytes]:
        return self._chunks

    async def copy_to(self, key: BlobKey, *, content_type: str) -> bool:  # noqa: ARG002
        return False

    async def aclose(self) -> None:
        """End reading."""
        await self._chunks.aclose()

    async def _read(self) -> AsyncGenerator[bytes, None]:
        at = 0
        while piece := await _in_thread(self._piece, at):
            yield piece
            at += len(piece)

    def _piece(self, at: int) -> bytes:
        if self._descriptor is None:
            return b""
        with _file_errors():
            piece = os.pread(self._descriptor, PIECE_BYTES, at)
            if not piece:
                self._check(self._descriptor)
        return piece

    def _check(self, descriptor: int) -> None:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise Invalid(_NO_FILE.detail, code=_NO_FILE.code)
        if self.file.mark.partition(" ")[0] != _version(facts):
            raise Invalid(_CHANGED.detail, code=_CHANGED.code)


class _Walk:
    """Goes through the folder of *source* in order of names, the hidden ones left out."""

    def __init__(self, source: Source, kept_out: Identity | None) -> None:
        self._place = os.fsencode("/".join(source.parts))
        self._kept_out = kept_out

    def descend(self, folder: int, names: Names) -> int:
        """Open what lies below *folder*, one name after the other, through no link."""
        inner = os.dup(folder)
        try:
            for name in names:
                outer, inner = inner, os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=inner)
                os.close(outer)
                if _identity(os.fstat(inner)) == self._kept_out:
                    raise PermissionError
        except OSError:
            os.close(inner)
            raise
        return inner

    def files(self, folder: int, at: Names, behind: Names) -> Generator[SourceFile, None, None]:
        """Give what lies in *folder*, which is *at* these names, and comes *behind* those."""
        for name in _names(folder):
            if not behind or name > behind[0]:
                yield from self._entry(folder, (*at, name), ())
            elif name == behind[0] and len(behind) > 1:
                yield from self._entry(folder, (*at, name), behind[1:])

    def _entry(self, folder: int, names: Names, behind: Names) -> Generator[SourceFile, None, None]:
        try:
            facts = os.stat(names[-1], dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(facts.st_mode):
                yield from self._inside(folder, names, behind)
            elif stat.S_ISREG(facts.st_mode):
                yield self._file(names, facts)
            else:
                yield _refused(names, _NO_FILE)
        except FileNotFoundError:
            return
        except OSError:
            yield _refused(names, _UNREADABLE)

    def _inside(
        self, folder: int, names: Names, behind: Names
    ) -> Generator[SourceFile, None, None]:
        if len(names) > MAX_DEPTH:
            yield _refused(names, _TOO_DEEP)
            return
        inner = self.descend(folder, names[-1:])
        try:
            yield from self.files(inner, names, behind)
        finally:
            os.close(inner)

    def _file(self, names: Names, facts: os.stat_result) -> SourceFile:
        place = sha256(b"file " + self._place + b"/" + b"/".join(names)).hexdigest()
        return SourceFile(
            key=_key(names),
            path=_shown(names),
            size=facts.st_size,
            mark=f"{_version(facts)} {place}",
        )


@asynccontextmanager
async def open_source(context: Context) -> AsyncIterator[FolderSource]:
    """Open the folders that the settings allow."""
    allowed = [source for source in context.settings.sources if source.scheme is Scheme.FILE]
    yield FolderSource(allowed, context.settings.data_dir)


async def _in_thread(work: Callable[..., T], *arguments: Any) -> T:
    """Run *work* in a thread, and not leave before it has ended, even when cancelled."""
    return await see_through(asyncio.get_running_loop().run_in_executor(None, work, *arguments))


def _names(folder: int) -> Sequence[bytes]:
    names = map(os.fsencode, os.listdir(folder))
    return sorted(name for name in names if not name.startswith(b"."))


def _key(names: Names) -> str:
    return "/".join(map(quote_from_bytes, names))


def _shown(names: Names) -> str:
    return b"/".join(names).decode(errors="replace")


def _refused(names: Names, why: Failure) -> SourceFile:
    return SourceFile(key=_key(names), path=_shown(names), size=0, mark="", refusal=why)


def _version(facts: os.stat_result) -> str:
    return f"{facts.st_size}-{facts.st_mtime_ns}"


def _identity(facts: os.stat_result) -> Identity:
    return facts.st_dev, facts.st_ino


def _identity_of(folder: Path) -> Identity | None:
    try:
        return _identity(folder.stat())
    except OSError:
        return None


@contextmanager
def _source_errors() -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise Invalid("there is no such folder", code="source_not_found") from None
    except OSError as error:
        msg = "the service can't read this folder, or it is a link"
        raise Invalid(msg, code="source_not_readable") from error


@contextmanager
def _file_errors() -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound("it was removed while it was imported", code="file_gone") from None
    except OSError as error:
        raise Invalid(_UNREADABLE.detail, code=_UNREADABLE.code) from error
