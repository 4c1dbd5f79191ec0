"""Sending files by the kernel, between literal bytes of our own: what a thread does of it.

A thread takes turns: it opens files, checks them, and sends until the socket takes no more. It may
wait for the disk, which the event loop must not, and hardly ever waits for a client. So a fast one
costs little more than the kernel's own work, and a slow one keeps no thread from others.
"""

import errno
import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from enum import Enum, auto
from typing import Final, NamedTuple

from imgtag.domain.errors import NotFound
from imgtag.pipeline.archive import Literal, Slice
from imgtag.pipeline.download import Damaged, Download
from imgtag.pipeline.files import Differs, FileChecker, OpenFile, cannot_read, open_file

# After this long, others have the thread.
TURN_SECONDS: Final = 0.05
# So much is open, and on its way from the disk, while what comes before it is sent.
AHEAD_BYTES: Final = 16 * 1024 * 1024
AHEAD_PIECES: Final = 64
# A client that is about as fast as we are makes room in less; coming back would cost more.
_PATIENCE_MILLISECONDS: Final = 2
# A turn looks at the clock in between.
_AT_ONCE_BYTES: Final = 2 * 1024 * 1024
_CLIENT_IS_GONE: Final = frozenset(
    {errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.ENOTCONN}
)
_MORE: Final = getattr(socket, "MSG_MORE", 0)


class Body(NamedTuple):
    """A part of a member, and the file that it is in. *known* says that its bytes are right."""

    part: Slice
    file: OpenFile
    known: bool = True

    @property
    def size(self) -> int:
        """How many bytes there are to send."""
        return self.part.size


Piece = Literal | Body


class Turn(Enum):
    """How a turn ended: with everything sent, with a full socket, or for the sake of others."""

    DONE = auto()
    FULL = auto()
    MORE = auto()


class Sender:
    """Sends *pieces* to a socket, in order, and closes their files.

    Those that *opened* holds come first. A file that is not known is handed to *check* before its
    first byte is sent. Turns follow each other, in whatever threads; `close` comes after the last.
    """

    def __init__(
        self,
        pieces: Iterator[Piece],
        check: Callable[[Body], None] = lambda _: None,
        *,
        opened: Iterable[Body] = (),
    ) -> None:
        self._pieces = pieces
        self._check = check
        self._ahead: deque[Piece] = deque(opened)
        self._ahead_bytes = sum(piece.size for piece in self._ahead)
        self._sent = 0

    def turn(self, target: socket.socket) -> Turn:
        """Send some to a socket that doesn't block.

        Raises `Damaged`, `Unavailable` when a file can't be read just now, and `ConnectionError`
        when the client has left.
        """
        end = time.monotonic() + TURN_SECONDS
        while time.monotonic() < end:
            self._look_ahead()
            if not self._ahead:
                return Turn.DONE
            try:
                self._send(target, self._ahead[0])
            except BlockingIOError:
                if not _makes_room(target):
                    return Turn.FULL
            except ConnectionError:
                raise
            except OSError as error:
                raise _told(error) from error
        return Turn.MORE

    def close(self) -> None:
        """Close what is open."""
        for piece in self._ahead:
            if isinstance(piece, Body):
                piece.file.close()
        self._ahead.clear()

    def _look_ahead(self) -> None:
        while self._ahead_bytes < AHEAD_BYTES and len(self._ahead) < AHEAD_PIECES:
            piece = next(self._pieces, None)
            if piece is None:
                return
            self._ahead.append(piece)
            self._ahead_bytes += piece.size

    def _send(self, target: socket.socket, piece: Piece) -> None:
        """Send of the first piece what the socket takes."""
        if isinstance(piece, Body):
            sent = self._send_body(target, piece)
        else:
            # At the very end, waiting for more would keep the client waiting.
            more = _MORE if len(self._ahead) > 1 else 0
            sent = target.send(memoryview(piece.data)[self._sent :], more)
        self._sent += sent
        self._ahead_bytes -= sent
        if self._sent == piece.size:
            self._sent = 0
            self._ahead.popleft()
            if isinstance(piece, Body):
                piece.file.close()

    def _send_body(self, target: socket.socket, body: Body) -> int:
        part, file, known = body
        if not (known or self._sent):
            self._check(body)
        start = part.start + self._sent
        count = min(part.stop - start, _AT_ONCE_BYTES)
        sent = os.sendfile(target.fileno(), file.descriptor, start, count)
        if not sent:
            raise Damaged(part.member, "the file became shorter while it was sent")
        return sent


def file_sender(file: OpenFile, start: int, stop: int) -> Sender:
    """Send bytes *start* up to *stop* of one file, as they are."""
    return Sender(iter(()), opened=[Body(Slice(0, start, stop), file)])


def archive_sender(download: Download, checker: FileChecker, start: int, stop: int) -> Sender:
    """Send bytes *start* up to *stop* of an archive whose members lie on this machine.

    A turn raises `Damaged` for a member that is absent or another.
    """
    members = _Members(download, checker)
    return Sender(members.pieces(start, stop), members.check)


class _Members:
    """The files of a download."""

    def __init__(self, download: Download, checker: FileChecker) -> None:
        self._archive = download.archive
        self._source = download.source
        self._checker = checker

    def pieces(self, start: int, stop: int) -> Iterator[Piece]:
        """Open one after the other."""
        for segment in self._archive.segments(start, stop):
            yield segment if isinstance(segment, Literal) else self._opened(segment)

    def check(self, body: Body) -> None:
        """Raise `Damaged` unless a member is what the archive promises."""
        index = body.part.member
        try:
            self._checker.check(body.file, *self._promised(index))
        except Differs as error:
            raise Damaged(index, str(error)) from None

    def _opened(self, part: Slice) -> Body:
        path = self._source.path(part.member)
        if path is None:
            raise Damaged(part.member, "its bytes are not on this machine")
        try:
            file = open_file(path)
        except NotFound:
            raise Damaged(part.member, "its bytes are gone") from None
        known = self._checker.knows(file, *self._promised(part.member))
        if not known:
            file.fetch(part.start, part.stop)
        return Body(part, file, known)

    def _promised(self, index: int) -> tuple[int, int]:
        return self._archive.size_of(index), self._archive.crc32_of(index)


def _told(error: OSError) -> Exception:
    """Say whether it was the client or the file."""
    if error.errno in _CLIENT_IS_GONE:
        return ConnectionResetError(error.errno, error.strerror)
    return cannot_read(error)


def _makes_room(target: socket.socket) -> bool:
    """Wait a moment for the client."""
    poll = select.poll()
    poll.register(target, select.POLLOUT)
    return bool(poll.poll(_PATIENCE_MILLISECONDS))
