"""Downloading, against a small server of its own that breaks off on demand."""

import asyncio
import hashlib
import io
import json
import re
import signal
import sys
import threading
import time
import zipfile
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import web

from imgtag.__main__ import main
from imgtag.cli.client import Retries, Server, connect
from imgtag.cli.downloading import Download, Note, Target, safe_name

DEADLINE_SECONDS = 30
QUERY = {"all": ["Lake"], "any": [], "none": [], "unlabelled": False}
WANTED = {"query": QUERY, "sidecars": False}


class Nothing:
    """A meter that nobody looks at."""

    def expect(self, total: int) -> None:
        """Hear the total."""

    def advance(self, amount: int) -> None:
        """Hear of progress."""


def archive(seed: int = 1) -> bytes:
    """Make an archive as imgtag does: stored members, and the manifest last."""
    random, photos, out = Random(seed), [], io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
        for number in range(5):
            content = random.randbytes(400_000)
            name = f"{number}.jpg"
            file.writestr(zipfile.ZipInfo(name), content)
            sha256 = hashlib.sha256(content).hexdigest()
            photos.append({"name": name, "id": "p", "sha256": sha256, "size": len(content)})
        file.writestr(
            zipfile.ZipInfo("manifest.json"), json.dumps({"photos": photos, "missing": []})
        )
    return out.getvalue()


class FakeService:
    """The routes that downloading needs. *cuts* says after how many bytes an answer breaks off."""

    def __init__(self) -> None:
        self.content = archive()
        self.etag = '"one"'
        self.name = "Lake"
        self.states = deque(["ready"])
        self.failure: dict[str, str] | None = None
        self.refusal: tuple[int, str] | None = None
        self.cuts: deque[int] = deque()
        self.ignores_ranges = False
        self.elsewhere: str | None = None
        self.sent = 0
        self.ranges: list[str | None] = []
        self.authorizations: list[str | None] = []
        self.made = 0
        self.waiting = 0
        self.gone: set[str] = set()
        self.size: int | None = None
        self.stall: asyncio.Event | None = None
        self.stalled = asyncio.Event()
        self.url = ""

    def app(self) -> web.Application:
        """Lay out the routes."""
        app = web.Application()
        app.router.add_get("/api/status", self.tell_status)
        app.router.add_post("/api/bundles", self.make)
        app.router.add_get("/api/bundles/{id}", self.show)
        app.router.add_get("/api/bundles/{id}/archive", self.send)
        return app

    async def tell_status(self, _: web.Request) -> web.Response:
        """Say how many photos wait for labels."""
        return web.json_response({"photos": {"stored": self.waiting}})

    async def make(self, request: web.Request) -> web.Response:
        """Make a bundle."""
        if self.refusal:
            return problem(*self.refusal)
        assert await request.json() == WANTED
        assert request.headers["Idempotency-Key"]
        self.made += 1
        return web.json_response(self._bundle(f"b{self.made}"), status=202)

    async def show(self, request: web.Request) -> web.Response:
        """Show a bundle."""
        if request.match_info["id"] in self.gone:
            return problem(410, "bundle_expired")
        bundle = self._bundle(request.match_info["id"])
        if len(self.states) > 1:
            self.states.popleft()
        return web.json_response(bundle)

    def _bundle(self, bundle_id: str) -> dict[str, Any]:
        return {
            "id": bundle_id,
            "name": self.name,
            "state": self.states[0],
            "photos": 5,
            "bytes": len(self.content) if self.size is None else self.size,
            "progress": {"photos": 1, "bytes": 1},
            **({"failure": self.failure} if self.failure else {}),
        }

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Send the archive, or a part of it, or the beginning of that."""
        self.authorizations.append(request.headers.get("Authorization"))
        if self.elsewhere:
            there = f"{self.elsewhere}{request.path}?signature=x"
            raise web.HTTPSeeOther(there)
        self.ranges.append(request.headers.get("Range"))
        start = self._start(request)
        body = self.content[start:]
        response = web.StreamResponse(status=206 if start else 200)
        response.headers["ETag"] = self.etag
        response.content_length = len(body)
        if start:
            total = len(self.content)
            response.headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
        await response.prepare(request)
        return await self._write(request, response, body)

    async def _write(
        self, request: web.Request, response: web.StreamResponse, body: bytes
    ) -> web.StreamResponse:
        cut = self.cuts.popleft() if self.cuts else None
        await response.write(body[:cut])
        self.sent += len(body[:cut])
        if cut is not None:
            if self.stall:
                self.stalled.set()
                await self.stall.wait()
            assert request.transport
            request.transport.close()
        return response

    def _start(self, request: web.Request) -> int:
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        if not wanted or self.ignores_ranges or request.headers["If-Range"] != self.etag:
            return 0
        return int(wanted[1])


def problem(status: int, code: str) -> web.Response:
    """Make an error as the API tells it."""
    body = json.dumps({"status": status, "code": code, "detail": f"because of {code}"})
    return web.Response(status=status, text=body, content_type="application/problem+json")


async def start(service: FakeService) -> web.AppRunner:
    """Run *service* on a port of its own."""
    runner = web.AppRunner(service.app(), shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return runner


@pytest.fixture
async def service() -> AsyncIterator[FakeService]:
    """Run a fake service."""
    service = FakeService()
    runner = await start(service)
    yield service
    await runner.cleanup()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def arguments(service: FakeService, *more: str) -> list[str]:
    """Say what to download."""
    return ["download", "--all", "Lake", "--server", service.url, *more]


async def imgtag(service: FakeService, *more: str) -> int:
    """Run the command line in a thread."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        return await asyncio.to_thread(main, arguments(service, *more))


def wait_for_bytes(path: Path, size: int) -> None:
    """Wait until a file has *size* bytes."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not path.exists() or path.stat().st_size < size:
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def names(folder: Path) -> set[str]:
    """List a folder."""
    return {path.name for path in folder.iterdir()}


class TestCommand:
    """``imgtag download``."""

    async def test_whole(
        self, service: FakeService, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The archive arrives under the bundle's name, verified, and nothing else stays."""
        assert await imgtag(service) == 0
        assert (folder / "Lake.zip").read_bytes() == service.content
        assert names(folder) == {"Lake.zip"}
        assert capsys.readouterr().out == "Lake.zip: 5 photos, 1.9 MiB, verified\n"

    @pytest.mark.usefixtures("folder")
    @pytest.mark.parametrize(
        ("waiting", "line"),
        [
            (0, ""),
            (1, "imgtag: 1 photo still waits for labels, and may belong here too\n"),
            (7, "imgtag: 7 photos still wait for labels, and may belong here too\n"),
        ],
    )
    async def test_tells_what_may_be_missing(
        self, service: FakeService, capsys: pytest.CaptureFixture[str], waiting: int, line: str
    ) -> None:
        """Photos without their labels yet are told of, beside the answer proper."""
        service.waiting = waiting
        assert await imgtag(service) == 0
        shown = capsys.readouterr()
        assert (shown.out.count("verified"), shown.err) == (1, line)

    async def test_never_overwrites_unasked(self, service: FakeService, folder: Path) -> None:
        """A second download gets a name of its own; -o replaces what it names."""
        for _ in range(2):
            assert await imgtag(service) == 0
        assert names(folder) == {"Lake.zip", "Lake (2).zip"}
        (folder / "mine.zip").write_bytes(b"old")
        assert await imgtag(service, "-o", "mine.zip") == 0
        assert (folder / "mine.zip").read_bytes() == service.content
        (folder / "below").mkdir()
        assert await imgtag(service, "-o", "below", "--json") == 0
        assert names(folder / "below") == {"Lake.zip"}

    async def test_waits_until_ready(self, service: FakeService, folder: Path) -> None:
        """A bundle that has to be built first is waited for."""
        service.states = deque(["queued", "building", "ready"])
        assert await imgtag(service) == 0
        assert names(folder) == {"Lake.zip"}

    @pytest.mark.parametrize(
        ("failure", "line"),
        [
            ({"code": "photo_missing", "detail": "a photo is gone"}, "imgtag: a photo is gone\n"),
            (None, "imgtag: the bundle is failed\n"),
        ],
    )
    async def test_failed_bundle(
        self,
        service: FakeService,
        folder: Path,
        capsys: pytest.CaptureFixture[str],
        failure: dict[str, str] | None,
        line: str,
    ) -> None:
        """A bundle that can't be made is told in its own words."""
        service.states, service.failure = deque(["queued", "failed"]), failure
        assert await imgtag(service) == 1
        assert capsys.readouterr().err == line
        assert "Lake.zip" not in names(folder)

    async def test_nothing_matches(
        self, service: FakeService, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """An empty match is one line, and leaves nothing behind."""
        service.refusal = 422, "nothing_matches"
        assert await imgtag(service) == 1
        assert capsys.readouterr().err == "imgtag: because of nothing_matches\n"
        assert not names(folder)

    async def test_wrong_bytes(
        self, service: FakeService, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """An archive that is not what its manifest says does not get its name."""
        spoilt = bytearray(service.content)
        spoilt[1_000_000] ^= 1
        service.content = bytes(spoilt)
        assert await imgtag(service) == 1
        told = capsys.readouterr().err
        assert "damaged: 2.jpg" in told
        assert names(folder) == {"Lake.zip.part"}
        service.content, service.etag = archive(), '"two"'
        assert await imgtag(service) == 0
        assert names(folder) == {"Lake.zip"}

    async def test_no_archive_at_all(self, service: FakeService, folder: Path) -> None:
        """What is no archive fails in one line, and the same command starts afresh."""
        service.content = b"not an archive"
        assert await imgtag(service) == 1
        service.content = archive()
        assert await imgtag(service) == 0
        assert names(folder) == {"Lake.zip"}

    async def test_no_room(
        self, service: FakeService, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What can't fit on the disk is not begun."""
        service.size = 1 << 60
        assert await imgtag(service) == 1
        assert "are free" in capsys.readouterr().err
        assert not service.ranges
        assert "Lake.zip.part" not in names(folder)

    async def test_no_such_folder(self, service: FakeService) -> None:
        """A folder that isn't there is wrong usage."""
        assert await imgtag(service, "-o", "nowhere/x.zip") == 2
        assert not service.made

    async def test_hostile_name(self, service: FakeService, folder: Path) -> None:
        """Whatever a bundle is called, its archive lands in this folder."""
        service.name = '../../etc/\x1b[31m"passwd": .'
        assert await imgtag(service) == 0
        assert names(folder) == {".._.._etc__[31m_passwd__.zip".lstrip(".")}


class TestResuming:
    """Carrying on."""

    async def fetched(self, service: FakeService, folder: Path) -> None:
        """Download with retries that don't wait."""
        note = Note(service.url, WANTED, "b1", "Lake.zip", len(service.content))
        async with (
            asyncio.timeout(DEADLINE_SECONDS),
            connect(Server(service.url), Retries(3, 0.001)) as client,
        ):
            await client.call("GET", "/api/bundles/b1")
            target = Target(folder / "Lake.zip")
            await Download(client, note, target, Nothing()).run()
        assert target.part.read_bytes() == service.content

    async def test_broken_connections(self, service: FakeService, folder: Path) -> None:
        """However often the connection breaks, each one carries on further than the one before."""
        service.cuts += [900_000] * 3
        await self.fetched(service, folder)
        starts = [int(wanted[6:-1]) if wanted else 0 for wanted in service.ranges]
        assert starts == sorted(set(starts))
        assert len(starts) >= 2

    async def test_other_bytes_by_now(self, service: FakeService, folder: Path) -> None:
        """When the server's archive has changed, nothing of the old one stays in the new one."""
        service.cuts.append(300_000)
        service.etag = '"old"'
        original = FakeService.send

        async def send(request: web.Request) -> web.StreamResponse:
            response = await original(service, request)
            service.etag, service.content = '"new"', archive(seed=2)
            return response

        service.send = send  # type: ignore[method-assign]
        runner = await start(service)
        await self.fetched(service, folder)
        await runner.cleanup()

    async def test_server_without_ranges(self, service: FakeService, folder: Path) -> None:
        """Where parts can't be had, the whole is fetched again, and is whole."""
        service.ignores_ranges = True
        service.cuts.append(300_000)
        await self.fetched(service, folder)

    async def test_weak_etag(self, service: FakeService, folder: Path) -> None:
        """A weak ETag is no ground for carrying on."""
        service.etag = 'W/"one"'
        service.cuts.append(300_000)
        await self.fetched(service, folder)
        assert service.ranges == [None, None]

    async def test_no_progress(self, service: FakeService, folder: Path) -> None:
        """A server that breaks off again and again without sending anything is given up on."""
        service.cuts += [10] * 20
        with pytest.raises(Exception, match="can't reach") as ended:
            await self.fetched(service, folder)
        assert type(ended.value).__name__ == "Unreachable"
        assert len(service.ranges) == 3

    async def test_killed(self, service: FakeService, folder: Path) -> None:
        """After kill -9 the same command carries on from the last byte."""
        service.cuts.append(700_000)
        service.stall = asyncio.Event()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "imgtag", *arguments(service)
        )
        async with asyncio.timeout(DEADLINE_SECONDS):
            await service.stalled.wait()
            await asyncio.to_thread(wait_for_bytes, folder / "Lake.zip.part", 700_000)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        service.stall.set()
        assert names(folder) == {"Lake.zip.part", "Lake.zip.part.json"}
        assert await imgtag(service) == 0
        assert service.ranges == [None, "bytes=700000-"]
        assert (service.made, names(folder)) == (1, {"Lake.zip"})

    async def test_bundle_is_gone(self, service: FakeService, folder: Path) -> None:
        """A bundle that expired meanwhile is made anew; two bundles are never mixed."""
        self.leave(service, folder, "b9")
        service.gone.add("b9")
        assert await imgtag(service) == 0
        assert (service.ranges, service.made) == ([None], 1)
        assert names(folder) == {"Lake.zip"}

    async def test_another_question(self, service: FakeService, folder: Path) -> None:
        """What was left of another query is left alone."""
        self.leave(service, folder, "b9", wanted={"query": {}, "sidecars": True})
        before = names(folder)
        assert await imgtag(service) == 0
        assert names(folder) - before == {"Lake (2).zip"}

    def leave(
        self, service: FakeService, folder: Path, bundle: str, wanted: dict[str, Any] = WANTED
    ) -> None:
        """Leave a download behind as if it had been broken off."""
        target = Target(folder / "Lake.zip")
        target.part.write_bytes(service.content[:500_000])
        Note(service.url, wanted, bundle, "Lake.zip", len(service.content), service.etag).write(
            target.note
        )

    async def test_garbage_beside_it(self, service: FakeService, folder: Path) -> None:
        """A note that can't be read is as good as none."""
        (folder / "Lake.zip.part.json").write_text("{")
        (folder / "Lake.zip.part").write_bytes(b"garbage")
        assert await imgtag(service, "-o", "Lake.zip") == 0
        assert names(folder) == {"Lake.zip"}


class TestElsewhere:
    """An archive that another host hands out."""

    async def test_token_stays_at_home(self, service: FakeService, folder: Path) -> None:
        """The other host gets no token, and broken downloads carry on there."""
        store = FakeService()
        store.cuts.append(900_000)
        runner = await start(store)
        service.elsewhere = store.url
        assert await imgtag(service, "--token", "imgtag_secret") == 0
        await runner.cleanup()
        assert service.authorizations == ["Bearer imgtag_secret"] * 2
        assert store.authorizations == [None, None]
        assert [bool(wanted) for wanted in store.ranges] == [False, True]
        assert names(folder) == {"Lake.zip"}

    async def test_round_in_circles(
        self, service: FakeService, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A server that redirects for ever is told."""
        service.elsewhere = service.url
        assert await imgtag(service) == 1
        assert "circles" in capsys.readouterr().err
        assert "Lake.zip" not in names(folder)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Lake, Mountain", "Lake, Mountain"),
        ("a/b\\c:d", "a_b_c_d"),
        (" . ", "photos"),
        ("", "photos"),
    ],
)
def test_names(name: str, expected: str) -> None:
    """A bundle's name becomes a file name that every system takes."""
    assert safe_name(name) == expected


def test_long_names() -> None:
    """A long name is cut between characters."""
    assert safe_name("ä" * 300) == "ä" * 100
