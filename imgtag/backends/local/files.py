"""Photos as files: under their ids, never under a name that somebody chose."""

import errno
import os
import re
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Sequence,
)
from contextlib import ExitStack, aclosing, asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count, islice
from pathlib import Path
from typing import Any, Final, TypeVar

from imgtag.backends import Context
from imgtag.backends.local.durable import Folders, disk_errors, sync_file, sync_folder, workshop
from imgtag.backends.local.lock import make_data_dir
from imgtag.domain.errors import NotFound
from imgtag.domain.ids import Id, OwnerId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.pipeline.threads import Threads, see_through
from imgtag.ports import BlobInfo, BlobWriter, UploadTerms, UploadTicket

T = TypeVar("T")

THREADS: Final = 8
PIECE_BYTES: Final = 1024 * 1024
# What is no longer than this goes to the disk in one trip to a thread.
BUFFER_BYTES: Final = 512 * 1024

# POSIX lets a system take as few as 16 at once; all that Python runs on take these.
_MAX_PIECES: Final = 1024
_TYPE_ATTRIBUTE: Final = "user.imgtag.content_type"
_MAGIC_BYTES: Final = 16
# Part of the format on disk: what it says of blobs that are there has to stay as it is.
_MAGIC: Final = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"....ftyp(?:hei|hev)[cmsx]", re.DOTALL), "image/heic"),
    (re.compile(rb"....ftypm[is]f1", re.DOTALL), "image/heif"),
    (re.compile(rb"PK\x03\x04"), "application/zip"),
    (re.compile(rb"[{\[]"), "application/json"),
)


class _Reading:
    """A range of one file, read in pieces."""

    def __init__(self, path: Path, start: int, stop: int | None) -> None:
        self._path = path
        self._at = start
        self._stop = stop
        self._descriptor: int | None = None

    def open(self) -> bytes:
        """Open it, or raise `NotFound`, and give the first piece."""
        with _blob_errors():
            self._descriptor = os.open(self._path, os.O_RDONLY)
        return self.next_piece()

    def next_piece(self) -> bytes:
        """Give what follows; nothing at the end."""
        size = PIECE_BYTES if self._stop is None else min(PIECE_BYTES, self._stop - self._at)
        if size <= 0 or self._descriptor is None:
            return b""
        with _blob_errors():
            piece = os.pread(self._descriptor, size, self._at)
        self._at += len(piece)
        return piece

    def close(self) -> None:
        """Close it if it was opened."""
        if self._descriptor is not None:
            os.close(self._descriptor)


class _Incoming:
    """One file on its way in. Everything but `abandon` may wait for the disk.

    It takes few calls to the system: each one hands the interpreter over, and on a busy service
    having it back takes longer than the call.
    """

    def __init__(self, temporary: Path, content_type: str) -> None:
        self._temporary = temporary
        self._content_type = content_type
        self._descriptor: int | None = None
        self._speaks = False
        self._abandoned = False

    def append(self, pieces: Sequence[bytes]) -> None:
        """Write *pieces* at the end."""
        with disk_errors():
            if self._descriptor is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
                self._descriptor = os.open(self._temporary, flags, 0o600)
                head = b"".join(piece[:_MAGIC_BYTES] for piece in islice(pieces, _MAGIC_BYTES))
                known = _type_of(head[:_MAGIC_BYTES]) if len(head) >= _MAGIC_BYTES else None
                self._speaks = known == self._content_type
            _write_all(self._descriptor, pieces)

    def finish(self, pieces: Sequence[bytes], target: str, folders: Folders) -> None:
        """Write *pieces* too, make it durable and, unless it was abandoned, put it in its place."""
        self.append(pieces)
        folder = target.rpartition("/")[0]
        with disk_errors():
            self._seal()
            folders.ensure(folder)
            if self._abandoned:
                return
            self._temporary.replace(target)
            sync_folder(folder)

    def abandon(self) -> None:
        """Ask a `finish` that runs in another thread to leave no trace, if it still can."""
        self._abandoned = True

    def discard(self) -> None:
        """Remove what is left of it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._temporary.unlink(missing_ok=True)

    def _seal(self) -> None:
        if self._descriptor is None:
            return
        if not self._speaks:
            _set_content_type(self._descriptor, self._content_type)
        sync_file(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = None


class _Writer:
    """Collects pieces until a trip to the disk is worth it."""

    def __init__(self, append: Callable[[Sequence[bytes]], Awaitable[None]]) -> None:
        self._append = append
        self._size = 0
        self.pieces: list[bytes] = []

    async def write(self, chunk: bytes) -> None:
        """Append *chunk*; waits when the disk is slower than the caller."""
        self.pieces.append(bytes(chunk))
        self._size += len(chunk)
        if self._size > BUFFER_BYTES:
            pieces, self.pieces, self._size = self.pieces, [], 0
            await self._append(pieces)


class FileBlobStore:
    """Keeps each blob as a file below *root*. See `open_files`.

    A blob lies at ``<kind>/<owner>/<last two of the id>/<id>``. Its first bytes tell its content
    type; where it is another one, an extended attribute of the file does.
    """

    def __init__(self, root: Path, temporary: Path, threads: Threads) -> None:
        self._root = root
        self._temporary = temporary
        self._threads = threads
        self._folders = Folders(root)
        self._numbers = count()

    async def stat(self, key: BlobKey) -> BlobInfo:
        return await self._run(_stat, self._path(key))

    @asynccontextmanager
    async def read(
        self, key: BlobKey, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        reading = _Reading(self._path(key), start, stop)
        try:
            first = await self._run(reading.open)
            async with aclosing(self._pieces(reading, first)) as pieces:
                yield pieces
        finally:
            reading.close()

    async def _pieces(self, reading: _Reading, piece: bytes) -> AsyncGenerator[bytes, None]:
        while piece:
            yield piece
            piece = await self._run(reading.next_piece)

    @asynccontextmanager
    async def write(self, key: BlobKey, *, content_type: str) -> AsyncIterator[BlobWriter]:
        incoming = _Incoming(self._temporary / str(next(self._numbers)), content_type)
        writer = _Writer(lambda pieces: self._run(incoming.append, pieces))
        try:
            yield writer
            await self._run(
                incoming.finish,
                writer.pieces,
                self.local_path(key),
                self._folders,
                abandon=incoming.abandon,
            )
        except BaseException:
            await self._run(incoming.discard)
            raise

    async def delete(self, key: BlobKey) -> None:
        await self._run(_delete, self._path(key))

    async def keys(self) -> AsyncIterator[BlobKey]:
        for folder in await self._run(_folders_of_blobs, self._root):
            for key in await self._run(_keys_in, folder):
                yield key

    async def reach(self) -> None:
        # Not seen through: it holds nothing, and whoever asks may tire of a disk that hangs.
        await self._threads.run(_look_at, self._temporary)

    def local_path(self, key: BlobKey) -> str:
        return f"{self._root}/{key.kind}/{_folder_name(key.owner)}/{key.name[-2:]}/{key.name}"

    def _path(self, key: BlobKey) -> Path:
        return Path(self.local_path(key))

    async def upload_ticket(self, key: BlobKey, terms: UploadTerms) -> UploadTicket | None:  # noqa: ARG002
        return None

    async def download_url(
        self,
        key: BlobKey,  # noqa: ARG002
        *,
        file_name: str,  # noqa: ARG002
        content_type: str,  # noqa: ARG002
        expires_in: timedelta,  # noqa: ARG002
    ) -> str | None:
        return None

    async def _run(
        self, work: Callable[..., T], *arguments: Any, abandon: Callable[[], None] | None = None
    ) -> T:
        """Run *work* in a thread, and not leave before it has ended, even when cancelled."""
        return await see_through(self._threads.run(work, *arguments), on_cancel=abandon)


@asynccontextmanager
async def open_files(context: Context) -> AsyncIterator[FileBlobStore]:
    """Open the photos in the data folder; what killed processes left half-written is removed."""
    data_dir = make_data_dir(context.settings.data_dir)
    async with open_blobs(data_dir / "blobs") as store:
        yield store


@asynccontextmanager
async def open_blobs(root: Path) -> AsyncIterator[FileBlobStore]:
    """Open the blobs below *root*, which is made if it is absent."""
    with ExitStack() as stack:
        with disk_errors():
            temporary = stack.enter_context(workshop(root / "incoming"))
            sync_folder(root.parent)
        threads = stack.enter_context(Threads(THREADS, "files"))
        yield FileBlobStore(root, temporary, threads)


def _look_at(folder: Path) -> None:
    """See whether *folder* is there, and takes files."""
    with disk_errors():
        folder.stat()
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@lru_cache(maxsize=1024)
def _folder_name(owner: OwnerId) -> str:
    """Spell *owner* so that it stays apart from others where upper and lower case are the same."""
    return re.sub("[A-Z]", lambda letter: f"={letter[0].lower()}", owner)


@contextmanager
def _blob_errors() -> Iterator[None]:
    with disk_errors():
        try:
            yield
        except FileNotFoundError:
            msg = "there is no such blob"
            raise NotFound(msg) from None


def _write_all(descriptor: int, pieces: Sequence[bytes]) -> None:
    rest: deque[bytes | memoryview] = deque(pieces)
    while rest:
        written = os.writev(descriptor, list(islice(rest, _MAX_PIECES)))
        while rest and written >= len(rest[0]):
            written -= len(rest.popleft())
        if written:
            rest[0] = memoryview(rest[0])[written:]


def _stat(path: Path) -> BlobInfo:
    with _blob_errors(), path.open("rb") as file:
        facts = os.fstat(file.fileno())
        content_type = _content_type(file.fileno())
        modified_at = datetime.fromtimestamp(facts.st_mtime, UTC)
    return BlobInfo(facts.st_size, content_type, modified_at)


def _set_content_type(descriptor: int, content_type: str) -> None:
    if hasattr(os, "setxattr"):
        with suppress(OSError):
            os.setxattr(descriptor, _TYPE_ATTRIBUTE, content_type.encode())


def _content_type(descriptor: int) -> str:
    if hasattr(os, "getxattr"):
        with suppress(OSError):
            return os.getxattr(descriptor, _TYPE_ATTRIBUTE).decode()
    return _type_of(os.pread(descriptor, _MAGIC_BYTES, 0))


def _type_of(head: bytes) -> str:
    known = (content_type for magic, content_type in _MAGIC if magic.match(head))
    return next(known, "application/octet-stream")


def _delete(path: Path) -> None:
    with disk_errors(), suppress(FileNotFoundError):
        path.unlink()
        sync_folder(path.parent)


def _folders_of_blobs(root: Path) -> Sequence[Path]:
    with disk_errors():
        owners = (owner for kind in BlobKind for owner in _children(root / kind))
        return [folder for owner in owners for folder in _children(owner)]


def _keys_in(folder: Path) -> Sequence[BlobKey]:
    kind, owner = folder.parts[-3:-1]
    subject = re.sub("=([a-z])", lambda letter: letter[1].upper(), owner)
    keys = []
    for path in _children(folder):
        with suppress(NotFound):  # whatever somebody else has put there
            keys.append(BlobKey(OwnerId(subject), BlobKind(kind), Id(path.name)))
    return keys


def _children(folder: Path) -> Sequence[Path]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
