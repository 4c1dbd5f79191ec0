"""Archives, photos and thumbnails as answers: exact length, strong ETag, ranges, resuming.

On plain HTTP the kernel sends files that lie on this machine. Everything else, TLS and stores far
away, goes through `response.write` with bounded read-ahead. A member whose bytes are not the ones
that came ends the connection by a reset: never a whole answer with a hole.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import structlog
from aiohttp import hdrs, web

from imgtag.api.problems import problem
from imgtag.api.ranges import Part, has_already, wanted
from imgtag.api.sendfile import SocketWriter, Watch, reset
from imgtag.domain.errors import NotFound, Unavailable
from imgtag.domain.names import safe_text
from imgtag.pipeline.budget import ByteBudget
from imgtag.pipeline.download import Damaged, Download
from imgtag.pipeline.files import FileChecker, OpenFile, open_file
from imgtag.pipeline.prefetch import prefetch
from imgtag.pipeline.sending import Sender, archive_sender, file_sender
from imgtag.pipeline.threads import Threads
from imgtag.ports import BlobStore
from imgtag.services.photos import Picture

# A proxy that compressed the archive would take its ranges and its ETag away.
_ARCHIVE_CACHING: Final = "private, no-cache, no-transform"
_ORIGINAL_CACHING: Final = "private, no-cache"
_THUMBNAIL_CACHING: Final = "private, max-age=86400, immutable"
_RFC_8187: Final = "!#$&+-.^_`|~"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What all answers of a process share: a budget, what is known of files, a few threads.

    Photos have their own, so that no thumbnail waits for the turns of archives.
    """

    budget: ByteBudget
    checker: FileChecker
    photos: Threads
    archives: Threads


DELIVERY: Final = web.AppKey("delivery", Delivery)


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is asked for: *size* bytes that *etag* stands for, and how to label them."""

    size: int
    etag: str
    content_type: str
    disposition: str
    caching: str


async def send_archive(request: web.Request, download: Download) -> web.StreamResponse:
    """Answer with an archive, or with the part of it that is asked for.

    A member that is damaged cuts the connection, and the download's `on_damaged` is told; a store
    that fails cuts it too.
    """
    subject = _Subject(
        download.archive.size,
        download.etag,
        "application/zip",
        disposition(download.file_name, inline=False),
        _ARCHIVE_CACHING,
    )
    response, part = await _begin(request, subject)
    if part is None:
        return response
    try:
        with _whole_or_cut(request):
            await _send_archive(request, response, download, part)
    except Damaged as damaged:
        log.warning("archive cut short", member=damaged.index, reason=damaged.reason)
        await download.on_damaged(damaged)
    except Unavailable as error:
        log.warning("archive cut short", reason=error.detail)
    return response


async def _begin(request: web.Request, subject: _Subject) -> tuple[web.StreamResponse, Part | None]:
    """Answer the head; with a part when bytes are to follow."""
    head: dict[str, str] = {hdrs.ETAG: f'"{subject.etag}"', hdrs.CACHE_CONTROL: subject.caching}
    if has_already(request, subject.etag):
        return web.Response(status=304, headers=head), None
    part = wanted(request, subject.size, subject.etag)
    if part is None:
        return _no_such_range(request, subject.size), None
    head[hdrs.ACCEPT_RANGES] = "bytes"
    head[hdrs.CONTENT_DISPOSITION] = subject.disposition
    if part.asked:
        head[hdrs.CONTENT_RANGE] = part.content_range
    response = web.StreamResponse(status=206 if part.asked else 200, headers=head)
    response.content_type = subject.content_type
    response.content_length = part.stop - part.start
    await response.prepare(request)
    return response, part if request.method == hdrs.METH_GET else None


def _no_such_range(request: web.Request, size: int) -> web.Response:
    detail = f"there is nothing in this range: there are {size} bytes"
    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    response = problem(request, status, "range_not_satisfiable", detail)
    response.headers[hdrs.CONTENT_RANGE] = f"bytes */{size}"
    return response


async def _send_archive(
    request: web.Request, response: web.StreamResponse, download: Download, part: Part
) -> None:
    delivery = request.app[DELIVERY]
    transport = _kernel_transport(request)
    if transport and download.source.path(0):
        sender = archive_sender(download, delivery.checker, part.start, part.stop)
        await _send_files(response, transport, sender, delivery.archives)
        return
    async with prefetch(
        download.archive, download.source, delivery.budget, start=part.start, stop=part.stop
    ) as chunks:
        await _write_all(request, response, chunks)


async def _send_files(
    response: web.StreamResponse, transport: asyncio.Transport, sender: Sender, threads: Threads
) -> None:
    with closing(sender):
        await response.write(b"")  # the head, which aiohttp keeps until the first write
        async with SocketWriter.on(transport) as out:
            await out.send(sender, threads)


def _kernel_transport(request: web.Request) -> asyncio.Transport | None:
    """Give the transport when the kernel can write to its socket: not through TLS."""
    transport = request.transport
    if (
        transport is None
        or transport.get_extra_info("sslcontext") is not None
        or transport.get_extra_info("socket") is None
    ):
        return None
    return transport


async def _write_all(
    request: web.Request, response: web.StreamResponse, chunks: AsyncIterator[bytes]
) -> None:
    if request.transport is None:
        raise ConnectionResetError("the client has left")
    with closing(Watch(request.transport)) as watch:
        async for chunk in chunks:
            await watch.write(response, chunk)


@contextmanager
def _whole_or_cut(request: web.Request) -> Iterator[None]:
    """Whatever goes wrong inside, no client can take what it has for the whole.

    A client that left ends it quietly: that is everyday.
    """
    try:
        yield
    except BaseException as error:
        if request.transport:
            reset(request.transport)
        if not isinstance(error, ConnectionError):
            raise
        log.info("client left", reason=str(error))


async def send_blob(
    request: web.Request, blobs: BlobStore, picture: Picture, *, inline: bool
) -> web.StreamResponse:
    """Answer with a photo or a thumbnail, or with the part of it that is asked for.

    Raises `NotFound` or `Unavailable` while nothing is sent yet; later, the connection is cut.
    """
    path = blobs.local_path(picture.key)
    transport = _kernel_transport(request)
    if path and transport:
        return await _send_local(request, transport, path, picture, inline=inline)
    info = await blobs.stat(picture.key)
    response, part = await _begin(request, _picture(picture, info.size, inline=inline))
    if part is None:
        return response
    try:
        with _whole_or_cut(request):
            async with blobs.read(picture.key, part.start, part.stop) as chunks:
                await _write_all(request, response, chunks)
    except (NotFound, Unavailable) as error:
        log.warning("photo cut short", reason=error.detail)
    return response


async def _send_local(
    request: web.Request,
    transport: asyncio.Transport,
    path: str,
    picture: Picture,
    *,
    inline: bool,
) -> web.StreamResponse:
    threads = request.app[DELIVERY].photos
    with ExitStack() as undo:
        file = await _opened(threads, path)
        undo.callback(file.close)
        response, part = await _begin(request, _picture(picture, file.size, inline=inline))
        if part is None:
            return response
        undo.pop_all()
    try:
        with _whole_or_cut(request):
            sender = file_sender(file, part.start, part.stop)
            await _send_files(response, transport, sender, threads)
    except Damaged as damaged:
        log.warning("photo cut short", reason=damaged.reason)
    except Unavailable as error:
        log.warning("photo cut short", reason=error.detail)
    return response


async def _opened(threads: Threads, path: str) -> OpenFile:
    """Open a file, in a thread. Raises `NotFound`, `Unavailable`."""
    opened = threads.run(open_file, path)
    try:
        return await asyncio.shield(opened)
    except asyncio.CancelledError:
        opened.add_done_callback(_close_late)
        raise


def _close_late(opened: asyncio.Future[OpenFile]) -> None:
    if not opened.cancelled() and opened.exception() is None:
        opened.result().close()


def _picture(picture: Picture, size: int, *, inline: bool) -> _Subject:
    return _Subject(
        size,
        picture.etag,
        picture.content_type,
        disposition(picture.photo.file_name, inline=inline),
        _THUMBNAIL_CACHING if inline else _ORIGINAL_CACHING,
    )


def disposition(file_name: str, *, inline: bool) -> str:
    """Write Content-Disposition (RFC 6266): ASCII for old clients, the real name beside it."""
    name = safe_text(file_name)
    plain = "".join(mark if mark.isascii() and mark != "%" else "_" for mark in name)
    value = f'{"inline" if inline else "attachment"}; filename="{plain}"'
    if plain != name:
        value += f"; filename*=UTF-8''{quote(name, safe=_RFC_8187)}"
    return value
