"""Uploading, against a small server of its own that fails on demand."""

import asyncio
import hashlib
import json
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from imgtag.__main__ import main
from imgtag.cli.client import Retries, Server, connect
from imgtag.cli.uploading import Outcome, Uploader
from imgtag.cli.walk import files_under

DEADLINE_SECONDS = 30
JPEG = b"\xff\xd8\xff\xe0"


class Nothing:
    """A meter that nobody looks at."""

    def expect(self, total: int) -> None:
        """Hear the total."""

    def advance(self, amount: int) -> None:
        """Hear of progress."""


class FakeService:
    """The routes that uploading needs. What it has taken is in *photos*, by SHA-256."""

    def __init__(self) -> None:
        self.photos: dict[str, bytes] = {}
        self.offered: list[dict[str, Any]] = []
        self.authorizations: dict[str, set[str | None]] = {"api": set(), "store": set()}
        self.too_large = 10_000_000
        self.put_faults: deque[Callable[[web.Request], Awaitable[web.Response]]] = deque()
        self.offer_faults: deque[web.Response] = deque()
        self.on_offer: Callable[[], None] = lambda: None
        self.gate: asyncio.Event | None = None
        self.sending = 0
        self.most_sending = 0
        self.reached = asyncio.Condition()
        self.status = deque([0])
        self.failed: list[dict[str, Any]] = []
        self.url = ""
        self._tickets: dict[str, dict[str, Any]] = {}

    def app(self) -> web.Application:
        """Lay out the routes."""
        app = web.Application(client_max_size=0)
        app.router.add_get("/api/session", self.session)
        app.router.add_get("/api/config", self.session)
        app.router.add_get("/api/status", self.tell_status)
        app.router.add_get("/api/photos", self.list_photos)
        app.router.add_post("/api/uploads", self.offer)
        app.router.add_put("/store/{ticket}", self.put)
        return app

    async def session(self, request: web.Request) -> web.Response:
        """Say who asks."""
        self.authorizations["api"].add(request.headers.get("Authorization"))
        return web.json_response({"username": "ada"})

    async def tell_status(self, _: web.Request) -> web.Response:
        """Count down what waits for labels."""
        waiting = self.status.popleft() if len(self.status) > 1 else self.status[0]
        return web.json_response({"photos": {"stored": waiting}})

    async def list_photos(self, request: web.Request) -> web.Response:
        """List failed photos."""
        assert request.query["state"] == "failed"
        return web.json_response({"photos": self.failed, "next_cursor": None})

    async def offer(self, request: web.Request) -> web.Response:
        """Give tickets."""
        if self.offer_faults:
            return self.offer_faults.popleft()
        files = (await request.json())["files"]
        assert 1 <= len(files) <= 100
        self.offered += files
        self.on_offer()
        return web.json_response({"uploads": [self._answer(file) for file in files]})

    def _answer(self, file: dict[str, Any]) -> dict[str, Any]:
        if file["size"] > self.too_large:
            refusal = {"status": "rejected", "code": "photo_too_large", "detail": "too large"}
            return {"file_name": file["file_name"], **refusal}
        if file["sha256"] in self.photos:
            return {"file_name": file["file_name"], "status": "duplicate", "photo_id": "p"}
        ticket = f"t{len(self._tickets)}"
        self._tickets[ticket] = file
        return {
            "file_name": file["file_name"],
            "status": "new",
            "photo_id": file["sha256"],
            "url": f"{self.url}/store/{ticket}",
            "method": "PUT",
            "headers": {"Content-Type": file["content_type"], "X-Signed": ticket},
            "expires_at": "2031-01-01T00:00:00Z",
        }

    async def put(self, request: web.Request) -> web.Response:
        """Take the bytes."""
        self.authorizations["store"].add(request.headers.get("Authorization"))
        if self.put_faults:
            return await self.put_faults.popleft()(request)
        async with self.reached:
            self.sending += 1
            self.most_sending = max(self.most_sending, self.sending)
            self.reached.notify_all()
        if self.gate:
            await self.gate.wait()
        content = b"".join([chunk async for chunk in request.content.iter_any()])
        self.sending -= 1
        file = self._tickets[request.match_info["ticket"]]
        assert request.headers["X-Signed"] == request.match_info["ticket"]
        assert request.content_type == file["content_type"]
        assert request.headers["Content-Length"] == str(file["size"]) == str(len(content))
        self.photos[hashlib.sha256(content).hexdigest()] = content
        return web.json_response({"photo_id": "p", "status": "stored"})


async def reset(request: web.Request) -> web.Response:
    """Break the connection in the middle of the body."""
    await request.content.readany()
    assert request.transport
    request.transport.abort()
    return web.Response()


def answer(status: int, code: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Refuse a PUT once."""

    async def refuse(request: web.Request) -> web.Response:
        await request.content.read()
        return problem(status, code)

    return refuse


def problem(status: int, code: str) -> web.Response:
    """Make an error as the API tells it."""
    body = json.dumps({"status": status, "code": code, "detail": f"because of {code}"})
    return web.Response(status=status, text=body, content_type="application/problem+json")


@pytest.fixture
async def service() -> AsyncIterator[FakeService]:
    """Run a fake service on a port of its own."""
    service = FakeService()
    runner = web.AppRunner(service.app(), shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield service
    await runner.cleanup()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five photos in a folder and one below it."""
    for number in range(5):
        (tmp_path / f"{number}.jpg").write_bytes(JPEG + bytes([number]) * (300_000 * number + 1))
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "ä ö.JPG").write_bytes(JPEG + b"below")
    return tmp_path


async def imgtag(service: FakeService, *arguments: str | Path) -> int:
    """Run the command line in a thread, against *service*."""
    command = [*map(str, arguments), "--server", service.url]
    async with asyncio.timeout(DEADLINE_SECONDS):
        return await asyncio.to_thread(main, command)


async def sent(service: FakeService, folder: Path, *, parallel: int = 1) -> Outcome:
    """Upload *folder* with retries that don't wait."""
    outcome = Outcome()
    retries = Retries(attempts=4, pause_seconds=0.001)
    async with asyncio.timeout(DEADLINE_SECONDS), connect(Server(service.url), retries) as client:
        await client.call("GET", "/api/session")
        uploader = Uploader(client, outcome, Nothing(), parallel=parallel)
        await uploader.send_all(files_under([folder]))
    return outcome


class TestCommand:
    """``imgtag upload``."""

    async def test_everything_once(
        self, service: FakeService, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A folder arrives byte for byte; the second time nothing is sent."""
        assert await imgtag(service, "upload", folder) == 0
        originals = {path.read_bytes() for path in files_under([folder])}
        assert set(service.photos.values()) == originals
        assert "6 uploaded (2.9 MiB), 0 skipped, 0 rejected, 0 failed" in capsys.readouterr().out
        service.put_faults.append(answer(500, "should_not_be_asked"))
        assert await imgtag(service, "upload", folder) == 0
        assert "0 uploaded (0 bytes), 6 skipped" in capsys.readouterr().out
        assert service.put_faults

    async def test_tells_what_was_refused(
        self, service: FakeService, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What is no photo never leaves this machine; what the server refuses is told."""
        (folder / "notes.jpg").write_text("these are words")
        (folder / "empty.jpg").touch()
        (folder / ".hidden.jpg").write_bytes(JPEG)
        (folder / "huge.jpg").write_bytes(JPEG + bytes(2_000_000))
        service.too_large = 1_500_000
        assert await imgtag(service, "upload", folder, "--json") == 1
        told = json.loads(capsys.readouterr().out)
        codes = {Path(each["path"]).name: each["code"] for each in told["rejected"]}
        assert codes == {
            "notes.jpg": "unsupported_format",
            "empty.jpg": "empty_file",
            "huge.jpg": "photo_too_large",
        }
        assert (told["uploaded"], told["skipped"], told["failed"]) == (6, 0, [])
        names = {file["file_name"] for file in service.offered}
        assert names == {"0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg", "ä ö.JPG", "huge.jpg"}

    async def test_token_stays_at_home(
        self, service: FakeService, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The API gets the token; an address that is signed by itself does not."""
        monkeypatch.setenv("IMGTAG_TOKEN", "imgtag_secret")
        assert await imgtag(service, "upload", folder / "1.jpg") == 0
        assert service.authorizations["api"] == {"Bearer imgtag_secret"}
        assert service.authorizations["store"] == {None}

    async def test_waits_for_labels(
        self, service: FakeService, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """With --wait the command ends when all is labelled, and tells what could not be."""
        service.status = deque([1, 0])
        sha256 = hashlib.sha256((folder / "1.jpg").read_bytes()).hexdigest()
        failure = {"code": "damaged_photo", "detail": "it is damaged"}
        service.failed = [
            {"id": sha256, "file_name": "1.jpg", "failure": failure},
            {"id": "somebody else's", "file_name": "2.jpg", "failure": failure},
        ]
        assert await imgtag(service, "upload", folder, "--wait") == 1
        told = capsys.readouterr()
        assert "6 uploaded" in told.out
        assert told.err.splitlines() == ["rejected: 1.jpg: it is damaged"]

    async def test_not_signed_in(
        self, service: FakeService, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Without a credential the server's words are told, with what to do about it."""
        service.offer_faults.append(problem(401, "unauthenticated"))
        assert await imgtag(service, "upload", folder) == 1
        error = capsys.readouterr().err
        assert error.startswith("imgtag: because of unauthenticated (give a token")
        assert error.count("\n") == 1

    async def test_nobody_there(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A server that isn't there is told at once, in one line."""
        nobody = FakeService()
        nobody.url = "http://127.0.0.1:9"
        assert await imgtag(nobody, "upload", folder) == 1
        told = capsys.readouterr()
        assert told.err == "imgtag: can't reach http://127.0.0.1:9: Connection refused\n"
        assert told.out == ""

    async def test_interrupted(self, service: FakeService, folder: Path) -> None:
        """Ctrl-C in the middle of a photo ends with 130 and one line."""
        service.gate = asyncio.Event()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "imgtag", "upload", str(folder), "--server", service.url,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(DEADLINE_SECONDS):
            async with service.reached:
                await service.reached.wait_for(lambda: service.sending == 4)
            process.send_signal(signal.SIGINT)
            _, error = await process.communicate()
        service.gate.set()
        assert process.returncode == 130
        assert error.decode().strip() == "imgtag: interrupted"


class TestFailures:
    """What goes wrong on the way."""

    async def test_passing_faults(self, service: FakeService, folder: Path) -> None:
        """Busy answers and broken connections are tried again until the photo is whole."""
        service.put_faults += [answer(503, "unavailable"), reset, answer(500, "internal_error")]
        service.offer_faults.append(problem(503, "unavailable"))
        outcome = await sent(service, folder)
        assert outcome.complete
        assert outcome.uploaded == len(service.photos) == 6

    @pytest.mark.parametrize("status", [400, 403, 404, 410])
    async def test_expired_ticket(self, service: FakeService, folder: Path, status: int) -> None:
        """A ticket that is not accepted any more is replaced by a new one."""
        service.put_faults.append(answer(status, "ticket_expired"))
        outcome = await sent(service, folder)
        assert (outcome.uploaded, outcome.complete) == (6, True)
        assert len(service.offered) == 7

    async def test_lost_answer(self, service: FakeService, folder: Path) -> None:
        """A photo whose acknowledgement got lost counts once."""

        async def take_and_hang_up(request: web.Request) -> web.Response:
            await service.put(request)
            return await reset(request)

        service.put_faults.append(take_and_hang_up)
        outcome = await sent(service, folder)
        assert (outcome.uploaded, outcome.skipped, outcome.complete) == (6, 0, True)

    @pytest.mark.parametrize("status", [413, 415, 422])
    async def test_refused_for_good(self, service: FakeService, folder: Path, status: int) -> None:
        """A photo that the server judges and refuses is not sent again."""
        service.put_faults.append(answer(status, "no_photo"))
        outcome = await sent(service, folder)
        assert [each.code for each in outcome.rejected] == ["no_photo"]
        assert (outcome.uploaded, len(service.offered)) == (5, 6)

    async def test_one_that_never_works(self, service: FakeService, folder: Path) -> None:
        """A photo that fails again and again is told, and the others go on."""
        service.put_faults += [reset] * 4
        outcome = await sent(service, folder)
        assert (outcome.uploaded, len(outcome.failed)) == (5, 1)

    async def test_file_that_shrinks(self, service: FakeService, folder: Path) -> None:
        """A file that changes before it is sent is told as such, and half of it is no photo."""
        service.on_offer = lambda: os.truncate(folder / "4.jpg", 1000)
        outcome = await sent(service, folder)
        assert [each.code for each in outcome.failed] == ["unreadable"]
        assert "shorter" in outcome.failed[0].detail
        assert outcome.uploaded == len(service.photos) == 5

    async def test_unreadable_file(self, service: FakeService, folder: Path) -> None:
        """A link to nowhere among the photos is passed over; the others arrive."""
        (folder / "nowhere.jpg").symlink_to(folder / "missing")
        outcome = await sent(service, folder)
        assert outcome.uploaded == 6

    async def test_server_that_goes_away(self, service: FakeService, folder: Path) -> None:
        """When the server is gone altogether, the command ends instead of failing each file."""

        async def shut_down(request: web.Request) -> web.Response:
            service.put_faults += [reset] * 100
            return await reset(request)

        service.put_faults.append(shut_down)
        service.session = self.never  # type: ignore[method-assign]
        runner = web.AppRunner(service.app(), shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        outcome = Outcome()
        try:
            async with connect(Server(service.url), Retries(3, 0.001)) as client:
                with pytest.raises(ExceptionGroup) as ended:
                    await Uploader(client, outcome, Nothing(), parallel=2).send_all(
                        files_under([folder])
                    )
        finally:
            await runner.cleanup()
        assert "can't reach" in str(ended.value.exceptions[0])
        assert outcome.uploaded == 0

    async def never(self, request: web.Request) -> web.Response:
        """Answer nothing."""
        return await reset(request)


class TestPace:
    """Several at once, and not too many."""

    async def test_parallel(self, service: FakeService, tmp_path: Path) -> None:
        """As many photos are under way as was asked for, and never more."""
        for number in range(30):
            (tmp_path / f"{number}.jpg").write_bytes(JPEG + bytes([number]) * 1000)
        service.gate = asyncio.Event()
        async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as group:
            sending = group.create_task(sent(service, tmp_path, parallel=3))
            async with service.reached:
                await service.reached.wait_for(lambda: service.sending == 3)
            service.gate.set()
        assert sending.result().uploaded == 30
        assert service.most_sending == 3

    async def test_batches(self, service: FakeService, tmp_path: Path) -> None:
        """Hundreds of files are offered a hundred at a time, in the order of their names."""
        for number in range(250):
            (tmp_path / f"{number:03}.jpg").write_bytes(JPEG + number.to_bytes(2, "big"))
        outcome = await sent(service, tmp_path, parallel=4)
        assert outcome.uploaded == 250
        names = [file["file_name"] for file in service.offered]
        assert names == [f"{number:03}.jpg" for number in range(250)]
