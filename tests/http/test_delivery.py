"""Archives over HTTP: by the kernel, from memory, and through TLS."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, TCPConnector

from imgtag.api import sendfile
from imgtag.api.delivery import disposition
from tests.http.site import DEADLINE_SECONDS, MIB, Site, eventually, handing_out, open_files
from tests.unit.archives import Bodies, Files
from tests.unit.test_names import HOSTILE

WAYS = ("files", "memory", "tls")
FEW = {f"{number}.jpg": random.Random(number).randbytes(9000 * number) for number in range(30)}
# More than the buffers of a connection hold, so that a client who doesn't read is waited for.
MANY = {f"{number}.jpg": bytes([number]) * MIB for number in range(40)}


def source_of(way: str, folder: Path, files: dict[str, bytes]) -> Bodies:
    """Put the members where *way* takes them from."""
    bodies = list(files.values())
    return Bodies(bodies) if way == "memory" else Files(folder, bodies)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """How the bytes get out."""
    return str(request.param)


@pytest.fixture
async def site(way: str, tmp_path: Path) -> AsyncIterator[Site]:
    """A site with a few small photos."""
    async with handing_out(FEW, source_of(way, tmp_path, FEW), tls=way == "tls") as running:
        yield running


@pytest.fixture
async def fetch(site: Site) -> AsyncIterator[Callable[..., Any]]:
    """Ask for the archive with some headers: answer and body."""
    async with ClientSession(connector=TCPConnector(ssl=site.tls or True)) as client:

        async def ask(method: str = "GET", **headers: str) -> tuple[Any, bytes]:
            asked = {name.replace("_", "-"): value for name, value in headers.items()}
            async with client.request(method, site.url, headers=asked) as answer:
                return answer, await answer.read()

        yield ask


async def test_the_whole_archive_arrives(site: Site, fetch: Callable[..., Any]) -> None:
    """Every byte, its exact length, and what a client needs in order to resume."""
    answer, body = await fetch()
    assert answer.status == 200
    assert body == site.archive
    assert answer.content_length == len(site.archive)
    assert answer.headers["ETag"] == '"mark"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert (await fetch())[1] == site.archive


async def test_any_range_is_the_same_part_of_the_whole(
    site: Site, fetch: Callable[..., Any]
) -> None:
    """A hundred ranges, cut anywhere, are identical."""
    chance = random.Random(8)
    size = len(site.archive)
    for _ in range(100):
        start = chance.randrange(size)
        stop = min(size, start + chance.choice([1, 60, 5000, 10**6]))
        answer, body = await fetch(Range=f"bytes={start}-{stop - 1}")
        assert answer.status == 206
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"
        assert body == site.archive[start:stop]


async def test_conditions_decide_what_is_sent(site: Site, fetch: Callable[..., Any]) -> None:
    """If-Range, If-None-Match and HEAD, as RFC 9110 has them."""
    answer, body = await fetch(Range="bytes=0-", If_Range='"mark"')
    assert (answer.status, body) == (206, site.archive)
    assert (await fetch(Range="bytes=9-", If_Range='"other"'))[0].status == 200
    assert (await fetch(If_None_Match='W/"mark", "x"'))[0].status == 304
    answer, body = await fetch("HEAD", Range="bytes=0-0")
    assert (answer.status, body) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(site.archive))


async def test_a_range_without_bytes_is_a_problem(site: Site, fetch: Callable[..., Any]) -> None:
    """416 says how many bytes there are."""
    size = len(site.archive)
    answer, body = await fetch(Range=f"bytes={size}-")
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{size}"
    assert answer.content_type == "application/problem+json"
    assert json.loads(body)["code"] == "range_not_satisfiable"


@pytest.mark.parametrize("damage", ["absent", "shorter", "other"])
async def test_damage_cuts_the_connection(way: str, tmp_path: Path, damage: str) -> None:
    """The client gets an error, never a whole answer with a hole; the bundle is told."""
    source = source_of(way, tmp_path, FEW)
    good = FEW["20.jpg"]
    bad = {"absent": None, "shorter": good[:-1], "other": b"\0" + good[1:]}[damage]
    source.bodies[20] = bad
    if isinstance(source, Files):
        source.file(20).unlink()
        if bad is not None:
            source.file(20).write_bytes(bad)
    async with handing_out(FEW, source, tls=way == "tls") as site, ClientSession() as client:
        for attempt in (1, 2):
            with pytest.raises(ClientError):
                async with client.get(site.url, ssl=site.tls or True) as answer:
                    await answer.read()
            assert [each.index for each in site.damaged] == [20] * attempt
        assert site.budget.held == 0


async def test_a_store_that_fails_is_no_damage(tmp_path: Path) -> None:
    """A file that can't be opened just now cuts the connection, and the bundle stays as it is."""
    source = Files(tmp_path, list(FEW.values()))
    source.file(3).unlink()
    source.file(3).symlink_to(source.file(3))
    async with handing_out(FEW, source) as site, ClientSession() as client:
        with pytest.raises(ClientError):
            async with client.get(site.url) as answer:
                await answer.read()
        assert site.damaged == []


async def test_the_client_of_a_cut_connection_sees_a_reset(tmp_path: Path) -> None:
    """Not an end: clients that don't count bytes notice too."""
    source = Files(tmp_path, list(MANY.values()))
    source.file(39).unlink()
    async with handing_out(MANY, source) as site, await site.connect() as client:
        with pytest.raises(ConnectionResetError):
            await client.reader.readexactly(len(site.archive))


@pytest.mark.parametrize("leaves", ["reset", "half closed"])
async def test_nothing_is_left_of_a_client_that_left(way: str, tmp_path: Path, leaves: str) -> None:
    """Files, bytes of the budget and tasks are given back within moments."""
    async with handing_out(MANY, source_of(way, tmp_path, MANY), tls=way == "tls") as site:
        files, tasks = open_files(), len(asyncio.all_tasks())
        async with await site.connect() as client:
            await client.reader.readexactly(MIB)
            assert open_files() > files
            if leaves == "half closed" and way != "tls":
                client.writer.write_eof()
                await eventually(lambda: open_files() <= files + 1)
        await eventually(lambda: open_files() == files and len(asyncio.all_tasks()) == tasks)
        assert site.budget.held == 0


async def test_a_client_that_stopped_reading_is_given_up(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the deadline its connection is cut and everything given back."""
    monkeypatch.setattr(sendfile, "STALL_SECONDS", 0.3)
    monkeypatch.setattr(sendfile, "_LOOK_SECONDS", 0.1)
    async with handing_out(MANY, source_of(way, tmp_path, MANY), tls=way == "tls") as site:
        tasks = len(asyncio.all_tasks())
        async with await site.connect() as client:
            client.reader._transport.pause_reading()
            await eventually(lambda: len(asyncio.all_tasks()) == tasks)
        assert site.budget.held == 0


async def test_a_client_that_leaves_before_its_turn_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While the transport still has something to say, the socket is waited for, and given back."""
    monkeypatch.setattr(sendfile, "_LOOK_SECONDS", 0.1)
    ended: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(40 * MIB))
        try:
            async with sendfile.SocketWriter.on(writer.transport):
                raise AssertionError("the client reads nothing")
        except ConnectionError as error:
            ended.set_result(error)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        files = open_files()
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        reader._transport.pause_reading()
        await eventually(lambda: open_files() > files + 2)
        writer.transport.abort()
        assert isinstance(await ended, ConnectionError)
        await eventually(lambda: open_files() == files)


async def test_stalled_clients_keep_nobody_from_downloading(tmp_path: Path) -> None:
    """Five that don't read share the budget with one that does, and it gets everything."""
    source = source_of("memory", tmp_path, MANY)
    async with handing_out(MANY, source) as site, AsyncExitStack() as stack:
        for _ in range(5):
            client = await stack.enter_async_context(await site.connect())
            client.reader._transport.pause_reading()
        reading = await stack.enter_async_context(ClientSession())
        async with asyncio.timeout(DEADLINE_SECONDS), reading.get(site.url) as answer:
            assert await answer.read() == site.archive
        await stack.aclose()
        await eventually(lambda: site.budget.held == 0)


async def test_many_clients_at_once(site: Site, fetch: Callable[..., Any]) -> None:
    """Twenty downloads side by side are all whole."""
    async with asyncio.TaskGroup() as tasks:
        fetches = [tasks.create_task(fetch()) for _ in range(20)]
    assert all(each.result()[1] == site.archive for each in fetches)


def test_a_download_has_a_name_that_is_safe_everywhere() -> None:
    """Header fields of hostile names have no line ends, and say the very name."""
    for given in HOSTILE:
        message = Message()
        message["Content-Disposition"] = disposition(given, inline=False)
        assert message["Content-Disposition"].isascii()
        assert message["Content-Disposition"].isprintable()
        assert message.get_content_disposition() == "attachment"
    assert disposition("Séa 100%.zip", inline=True) == (
        "inline; filename=\"S_a 100_.zip\"; filename*=UTF-8''S%C3%A9a%20100%25.zip"
    )
