"""Opening and checking an archive's files ahead of the sender, in threads."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from typing import Final, NamedTuple

from imgtag.domain.errors import NotFound
from imgtag.pipeline.archive import Literal, Segment, Slice
from imgtag.pipeline.download import Damaged, Download
from imgtag.pipeline.files import Differs, FileChecker, OpenFile, open_file

# One trip to a thread opens and checks this much; one group is on its way while one is sent. So a
# download has at most 64 files open, however slow its client is.
GROUP_BYTES: Final = 16 * 1024 * 1024
GROUP_SEGMENTS: Final = 64


class Body(NamedTuple):
    """A slice of a member, and the file that it is in."""

    part: Slice
    file: OpenFile


Group = Sequence[Literal | Body]


class FilesAhead:
    """Walks through bytes *start* up to *stop* of a download, a group of files at a time.

    Only for a source whose members lie on this machine. `close` it in the end; the threads of
    *executor* are held for checking alone, never by a slow client.
    """

    def __init__(
        self, download: Download, checker: FileChecker, executor: Executor, start: int, stop: int
    ) -> None:
        self._download = download
        self._checker = checker
        self._executor = executor
        self._groups = _groups(download.archive.segments(start, stop))
        self._ahead: asyncio.Future[Group] | None = None
        self._current: Group = ()

    async def next_group(self) -> Group:
        """Close the group before, and give the next one; empty at the end.

        Raises `Damaged` for a file that is absent or another, `Unavailable` for one that can't be
        read just now.
        """
        # Cancelled or not, what a thread has opened must be closed: see `close`.
        self._ahead = self._ahead or self._look_ahead(())
        opened = await asyncio.shield(self._ahead)
        sent, self._current, self._ahead = self._current, opened, None
        self._ahead = self._look_ahead(sent)
        return opened

    def close(self) -> None:
        """Close all files, those that are just being opened as soon as they are."""
        _close(self._current)
        self._current = ()
        if self._ahead:
            self._ahead.add_done_callback(_close_late)

    def _look_ahead(self, sent: Group) -> "asyncio.Future[Group]":
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._executor, self._turn, sent)

    def _turn(self, sent: Group) -> Group:
        """Close what was sent, and open what comes next: all that the event loop needn't do."""
        _close(sent)
        opened: list[Literal | Body] = []
        try:
            for segment in next(self._groups, ()):
                if isinstance(segment, Slice):
                    body = Body(segment, self._opened(segment.index))
                    opened.append(body)
                    self._check(body)
                else:
                    opened.append(segment)
        except BaseException:
            _close(opened)
            raise
        return opened

    def _opened(self, index: int) -> OpenFile:
        path = self._download.source.path(index)
        if path is None:
            raise Damaged(index, "its bytes are not on this machine")
        try:
            return open_file(path)
        except NotFound:
            raise Damaged(index, "its bytes are gone") from None

    def _check(self, body: Body) -> None:
        archive, part = self._download.archive, body.part
        size, crc32 = archive.size_of(part.index), archive.crc32_of(part.index)
        try:
            self._checker.check(body.file, size, crc32, part.start, part.stop)
        except Differs as error:
            raise Damaged(part.index, str(error)) from None


def _groups(segments: Iterable[Segment]) -> Iterator[Sequence[Segment]]:
    """Cut into groups that are worth a trip to a thread, and not much more."""
    group: list[Segment] = []
    size = 0
    for segment in segments:
        group.append(segment)
        size += segment.stop - segment.start if isinstance(segment, Slice) else len(segment.data)
        if size >= GROUP_BYTES or len(group) >= GROUP_SEGMENTS:
            yield group
            group, size = [], 0
    if group:
        yield group


def _close(group: Group) -> None:
    for each in group:
        if isinstance(each, Body):
            each.file.close()


def _close_late(opened: asyncio.Future[Group]) -> None:
    if not opened.cancelled() and opened.exception() is None:
        _close(opened.result())
