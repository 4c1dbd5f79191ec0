"""Archives, photos and thumbnails as answers: exact length, strong ETag, ranges, resuming.

On plain HTTP the kernel sends files that lie on this machine. Everything else, TLS and stores far
away, goes through `response.write` with bounded read-ahead. A member whose bytes are not the ones
that came ends the connection without a proper end: never a whole answer with a hole.
"""

import asyncio
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import structlog
from aiohttp import hdrs, web

from imgtag.api.ranges import Part, has_already, wanted
from imgtag.api.sendfile import SocketWriter
from imgtag.pipeline.archive import Literal, Segment, Slice
from imgtag.pipeline.budget import ByteBudget
from imgtag.pipeline.download import Damaged, Download
from imgtag.pipeline.files import FileChecker, OpenFile
from imgtag.pipeline.prefetch import prefetch
from imgtag.ports import BlobStore
from imgtag.services.photos import Picture

# One trip to a thread opens and checks this much; two groups are on their way while one is sent.
_GROUP_BYTES: Final = 8 * 1024 * 1024
_GROUP_SEGMENTS: Final = 64
_GROUPS_AHEAD: Final = 2
_SMALL_BYTES: Final = 64 * 1024
_RFC_8187: Final = "!#$&+-.^_`|~"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What all answers of a process share: a budget, what is known of files, a few threads."""

    budget: ByteBudget
    checker: FileChecker
    threads: ThreadPoolExecutor


DELIVERY: Final = web.AppKey("delivery", Delivery)


async def send_archive(request: web.Request, download: Download) -> web.StreamResponse:
    """Answer with an archive, or with the part of it that is asked for."""
    headers = {
        hdrs.CONTENT_DISPOSITION: disposition(download.file_name, inline=False),
        hdrs.CACHE_CONTROL: "private, no-cache",
    }
    size, etag = download.archive.size, download.etag
    response, part = _begin(request, size, etag, "application/zip", headers)
    if part is None:
        return response
    try:
        await _send_parts(request, response, download, part)
    except Damaged as damaged:
        log.warning("archive cut short", member=damaged.index, reason=damaged.reason)
        _cut(request)
        await download.on_damaged(damaged)
    return response


def _begin(
    request: web.Request, size: int, etag: str, content_type: str, headers: Mapping[str, str]
) -> tuple[web.StreamResponse, Part | None]:
    """Build the answer's head; with a part when bytes are to follow."""
    head: dict[str, str] = {**headers, hdrs.ACCEPT_RANGES: "bytes", hdrs.ETAG: f'"{etag}"'}
    if has_already(request, etag):
        return web.Response(status=304, headers=head), None
    part = wanted(request, size, etag)
    if part is None:
        head[hdrs.CONTENT_RANGE] = f"bytes */{size}"
        return web.Response(status=416, headers=head), None
    asked = hdrs.RANGE in request.headers and not part.whole
    if asked:
        head[hdrs.CONTENT_RANGE] = part.content_range
    response = web.StreamResponse(status=206 if asked else 200, headers=head)
    response.content_type = content_type
    response.content_length = part.stop - part.start
    return response, part


async def _send_parts(
    request: web.Request, response: web.StreamResponse, download: Download, part: Part
) -> None:
    writer = await response.prepare(request)
    if writer is None or request.method == hdrs.METH_HEAD:
        return
    delivery = request.app[DELIVERY]
    transport = request.transport
    if transport and _is_plain(transport) and download.source.path(0):
        writer.send_headers()
        await _send_by_kernel(transport, delivery, download, part)
        return
    async with prefetch(
        download.archive, download.source, delivery.budget, start=part.start, stop=part.stop
    ) as chunks:
        async for chunk in chunks:
            await response.write(chunk)


def _is_plain(transport: asyncio.Transport) -> bool:
    return (
        transport.get_extra_info("sslcontext") is None
        and transport.get_extra_info("socket") is not None
    )


async def _send_by_kernel(
    transport: asyncio.Transport, delivery: Delivery, download: Download, part: Part
) -> None:
    """Send the archive from files that are opened and checked ahead, in threads."""
    groups = _groups(download.archive.segments(part.start, part.stop))
    loop = asyncio.get_running_loop()
    ahead: deque[tuple[Sequence[Segment], asyncio.Future[list[OpenFile]]]] = deque()

    def look_ahead() -> None:
        while len(ahead) < _GROUPS_AHEAD and (group := next(groups, None)):
            opened = loop.run_in_executor(
                delivery.threads, _open_all, delivery.checker, download, group
            )
            ahead.append((group, opened))

    try:
        async with SocketWriter(transport) as out:
            look_ahead()
            while ahead:
                files = await ahead[0][1]
                group, _ = ahead.popleft()
                look_ahead()
                await _send_group(out, group, files)
    finally:
        for _, opened in ahead:
            opened.add_done_callback(_close_opened)


def _groups(segments: Iterator[Segment]) -> Iterator[list[Segment]]:
    """Cut into groups that are worth a trip to a thread, and not much more."""
    group: list[Segment] = []
    size = 0
    for segment in segments:
        group.append(segment)
        size += segment.stop - segment.start if isinstance(segment, Slice) else len(segment.data)
        if size >= _GROUP_BYTES or len(group) >= _GROUP_SEGMENTS:
            yield group
            group, size = [], 0
    if group:
        yield group


def _open_all(checker: FileChecker, download: Download, group: Sequence[Segment]) -> list[OpenFile]:
    with ExitStack() as undo:
        files = []
        for segment in group:
            if isinstance(segment, Slice):
                files.append(_open(checker, download, segment))
                undo.callback(files[-1].close)
        undo.pop_all()
    return files


def _open(checker: FileChecker, download: Download, part: Slice) -> OpenFile:
    path = download.source.path(part.index)
    if path is None:
        raise Damaged(part.index, "its bytes are gone")
    member = download.archive.members[part.index]
    return checker.open(part.index, member, path, part.start, part.stop)


async def _send_group(
    out: SocketWriter, group: Sequence[Segment], files: Sequence[OpenFile]
) -> None:
    with ExitStack() as stack:
        for file in files:
            stack.callback(file.close)
        in_order = iter(files)
        for segment in group:
            if isinstance(segment, Literal):
                await out.write(segment.data, more=segment is not group[-1])
                continue
            file = next(in_order)
            try:
                await out.send_file(file.descriptor, file.start, file.stop)
            except EOFError as error:
                raise Damaged(segment.index, "it became shorter while it was sent") from error


def _close_opened(opened: asyncio.Future[list[OpenFile]]) -> None:
    if opened.cancelled() or opened.exception():
        return
    for file in opened.result():
        file.close()


def _cut(request: web.Request) -> None:
    """End the connection so that no client can take what it has for the whole."""
    if isinstance(request.transport, asyncio.Transport):
        request.transport.abort()


async def send_blob(
    request: web.Request, blobs: BlobStore, picture: Picture, *, inline: bool
) -> web.StreamResponse:
    """Answer with a photo or a thumbnail, or with the part of it that is asked for."""
    headers = {
        hdrs.CONTENT_DISPOSITION: disposition(picture.photo.file_name, inline=inline),
        hdrs.CACHE_CONTROL: "private, max-age=86400, immutable" if inline else "private, no-cache",
    }
    info = await blobs.stat(picture.key)
    response, part = _begin(request, info.size, picture.etag, picture.content_type, headers)
    if part is None:
        return response
    async with blobs.read(picture.key, part.start, part.stop) as chunks:
        writer = await response.prepare(request)
        if writer is None or request.method == hdrs.METH_HEAD:
            return response
        path = blobs.local_path(picture.key)
        if path and request.transport and _is_plain(request.transport) and part.stop > _SMALL_BYTES:
            writer.send_headers()
            await _send_file(request.transport, path, part)
            return response
        async for chunk in chunks:
            await response.write(chunk)
    return response


async def _send_file(transport: asyncio.Transport, path: Path, part: Part) -> None:
    descriptor = await asyncio.to_thread(os.open, path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        async with SocketWriter(transport) as out:
            await out.send_file(descriptor, part.start, part.stop)
    except EOFError:
        transport.abort()
    finally:
        os.close(descriptor)


def disposition(file_name: str, *, inline: bool) -> str:
    """Write Content-Disposition (RFC 6266): ASCII for old clients, the real name beside it."""
    kind = "inline" if inline else "attachment"
    plain = "".join(mark if mark.isascii() and mark.isprintable() else "_" for mark in file_name)
    plain = plain.replace("\\", "_").replace('"', "_").replace("%", "_")
    value = f'{kind}; filename="{plain}"'
    if plain != file_name:
        value += f"; filename*=UTF-8''{quote(file_name, safe=_RFC_8187)}"
    return value
