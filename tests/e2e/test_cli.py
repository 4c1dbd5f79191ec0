"""The command line against a real service, each in processes of their own."""

import hashlib
import io
import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image

from imgtag.__main__ import main

DEADLINE_SECONDS = 120
PASSWORD = "correct horse"


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Service:
    """A service that runs, and how to call it."""

    url: str
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]"
    log: Path

    def imgtag(self, *arguments: str | Path, cwd: Path | None = None) -> Done:
        """Run a command against it, in this process."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(cwd or Path.cwd())
            for name, value in self.environment.items():
                patch.setenv(name, value)
            code = main([str(argument) for argument in arguments])
        return Done(code, out.getvalue(), err.getvalue())

    def imgtag_alone(self, *arguments: str | Path, max_file_bytes: int = -1) -> Done:
        """Run a command in a process of its own; *max_file_bytes* is how full the disk may get."""

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_bytes, max_file_bytes))

        done = subprocess.run(
            [sys.executable, "-m", "imgtag", *map(str, arguments)],
            env={**os.environ, **self.environment},
            preexec_fn=limit,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """Call the API."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(  # noqa: S310 - an address of our own
            self.url + path, json.dumps(body).encode() if body else None, headers, method=method
        )
        with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as answer:  # noqa: S310
            return json.loads(answer.read())


@contextmanager
def serving(data_dir: Path, **settings: str) -> Iterator[Service]:
    """Run a service on a free port until the end of the block."""
    log = data_dir.with_name("log")
    environment = {"IMGTAG_DATA_DIR": str(data_dir), "IMGTAG_CONFIG": os.devnull, **settings}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "imgtag", "serve", "--port", "0"],
            env={**os.environ, **environment},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        url = said(process, log, r"^imgtag is ready: (\S+)$")
        yield Service(url, {**environment, "IMGTAG_SERVER": url}, process, log)
    finally:
        process.terminate()
        try:
            process.wait(DEADLINE_SECONDS)
        finally:
            process.kill()
            process.wait()


def said(process: "subprocess.Popen[bytes]", log: Path, pattern: str) -> str:
    """Wait until the service says something, and give the part in parentheses."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (found := re.search(pattern, log.read_text(), re.MULTILINE)):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        threading.Event().wait(0.05)
    return found[1]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with six photos, one of them twice, and three files that are none."""
    folder = tmp_path_factory.mktemp("photos")
    random = Random(7)
    for number in range(5):
        noise = Image.frombytes("RGB", (300, 200), random.randbytes(300 * 200 * 3))
        noise.save(folder / f"{number}.JPG", "JPEG", quality=95)
    (folder / "below").mkdir()
    Image.new("RGB", (40, 30), "teal").save(folder / "below" / "seé.png")
    (folder / "again.jpg").write_bytes((folder / "0.JPG").read_bytes())
    (folder / "notes.jpg").write_text("these are words")
    (folder / "empty.jpg").touch()
    (folder / "cut.jpg").write_bytes((folder / "1.JPG").read_bytes()[:3000])
    return folder


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Iterator[Service]:
    """A service without accounts that has the photos; three of them carry the label Lake."""
    with serving(tmp_path_factory.mktemp("service") / "data") as service:
        assert service.imgtag("upload", photos, "--wait").returncode == 1
        for photo in found(service):
            if photo["file_name"] in {"1.JPG", "2.JPG", "seé.png"}:
                change = {"labels": {"add": ["Lake"]}}
                service.call("PATCH", f"/api/photos/{photo['id']}", change)
        yield service


def found(service: Service, *options: str) -> list[Any]:
    """List photos through the command line."""
    done = service.imgtag("photos", "--json", *options)
    assert done.returncode == 0, done.stderr
    photos: list[Any] = json.loads(done.stdout)["photos"]
    return photos


def members(path: Path) -> dict[str, str]:
    """Hash the members of an archive."""
    with zipfile.ZipFile(path) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


@pytest.fixture(scope="module")
def importing(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Iterator[Service]:
    """A service that has nothing yet, and may import the folder of photos."""
    chosen = {"IMGTAG_IMPORT_SOURCES": photos.as_uri(), "IMGTAG_LABELER": "memory"}
    with serving(tmp_path_factory.mktemp("importing") / "data", **chosen) as service:
        yield service


class TestImporting:
    """Taking photos over from where the service can read them."""

    def test_a_folder_is_imported(self, importing: Service, photos: Path) -> None:
        """After an estimate; what was left out is told, and asked again nothing is new."""
        done = importing.imgtag("import", photos.as_uri(), "--estimate")
        assert (done.returncode, done.stderr) == (0, "")
        assert re.fullmatch(r"9 files \(.+\), 1 more that are no photos\n", done.stdout)
        assert found(importing) == []
        done = importing.imgtag("import", photos.as_uri())
        assert done.returncode == 0
        assert re.fullmatch(r"7 imported \(.+\), 1 known before, 2 skipped\n", done.stdout), (
            done.stdout
        )
        assert "skipped: notes.jpg: imgtag takes JPEG" in done.stderr
        assert "skipped: empty.jpg: the file is empty" in done.stderr
        assert len(found(importing)) == 7
        told = json.loads(importing.imgtag("import", photos, "--json").stdout)
        numbers = [told[name] for name in ("state", "copied", "duplicates", "skipped")]
        assert numbers == ["done", 0, 8, 2]
        assert {each["file_name"] for each in told["failures"]} == {"notes.jpg", "empty.jpg"}
        estimate = json.loads(importing.imgtag("import", photos, "--estimate", "--json").stdout)
        assert estimate["known"] == 8

    @pytest.mark.parametrize(
        ("below", "says"),
        [("/missing", "there is no such folder"), ("/../..", "no . and no .."), ("", "not among")],
    )
    def test_a_place_that_cannot_be_imported(
        self, importing: Service, photos: Path, below: str, says: str
    ) -> None:
        """One line says why."""
        source = f"{photos}{below}" if below else "s3://bucket/prefix"
        done = importing.imgtag("import", source)
        assert (done.returncode, done.stdout) == (1, "")
        assert len(done.stderr.splitlines()) == 1
        assert says in done.stderr


class TestLibrary:
    """Uploading, listing, downloading."""

    def test_upload_again(self, service: Service, photos: Path) -> None:
        """What is there is skipped; what can't be a photo is told, with its reason."""
        done = service.imgtag("upload", photos, "--json")
        assert done.returncode == 1
        told = json.loads(done.stdout)
        assert (told["uploaded"], told["skipped"], told["failed"]) == (0, 8, [])
        refused = {Path(each["path"]).name: each["code"] for each in told["rejected"]}
        assert refused == {"notes.jpg": "unsupported_format", "empty.jpg": "empty_file"}

    def test_photos(self, service: Service) -> None:
        """Photos are listed by label, state and name; a damaged one tells why it has none."""
        assert len(found(service)) == 7
        assert {each["file_name"] for each in found(service, "--all", "Lake")} == {
            "1.JPG",
            "2.JPG",
            "seé.png",
        }
        assert len(found(service, "--all", "lake", "--name", ".jpg")) == 2
        [failed] = found(service, "--state", "failed")
        assert (failed["file_name"], failed["failure"]["code"]) == ("cut.jpg", "damaged_photo")
        assert len(found(service, "--limit", "2")) == 2
        table = service.imgtag("photos", "--limit", "2")
        assert len(table.stdout.splitlines()) == 2
        assert "there are more" in table.stderr

    def test_labels(self, service: Service) -> None:
        """Labels are listed with their counts."""
        lines = service.imgtag("labels").stdout.splitlines()
        assert "Lake\t3" in lines
        told = json.loads(service.imgtag("labels", "--json").stdout)
        assert told["labels"]["Lake"]["count"] == 3

    def test_download(self, service: Service, photos: Path, tmp_path: Path) -> None:
        """The archive holds exactly the photos that match, byte for byte."""
        done = service.imgtag("download", "--all", "Lake", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["Lake.zip"]
        got = members(tmp_path / "Lake.zip")
        del got["manifest.json"]
        originals = {name: photos / name for name in ("1.JPG", "2.JPG")}
        originals["seé.png"] = photos / "below" / "seé.png"
        assert got == {
            name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in originals.items()
        }
        assert service.imgtag("verify", tmp_path / "Lake.zip").returncode == 0

    def test_sidecars(self, service: Service, tmp_path: Path) -> None:
        """With --sidecars each photo has its labels beside it, and the archive verifies."""
        done = service.imgtag("download", "--any", "Lake", "--sidecars", "-o", tmp_path / "x.zip")
        assert done.returncode == 0, done.stderr
        with zipfile.ZipFile(tmp_path / "x.zip") as archive:
            assert "Lake" in archive.read("1.JPG.xmp").decode()

    def test_full_disk(self, service: Service, tmp_path: Path) -> None:
        """A disk that fills up is one line; with room again the same command carries on."""
        file = tmp_path / "all.zip"
        stopped = service.imgtag_alone("download", "-o", file, max_file_bytes=150_000)
        assert stopped.returncode == 1
        assert stopped.stderr == "imgtag: File too large\n"
        assert file.with_name("all.zip.part").stat().st_size == 150_000
        done = service.imgtag("download", "-o", file)
        assert done.returncode == 0, done.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["all.zip"]
        ranges = [line for line in service.log.read_text().splitlines() if '"status": 206' in line]
        assert len(ranges) == 1

    def test_nothing_matches(self, service: Service, tmp_path: Path) -> None:
        """An empty match is one line, and no file."""
        done = service.imgtag("download", "--all", "Nonesuch", cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert not list(tmp_path.iterdir())

    def test_doctor(self, service: Service) -> None:
        """Beside the running service everything is found to be well."""
        done = service.imgtag("doctor", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["photos"] == 7

    def test_openapi(self, service: Service) -> None:
        """The document that is printed is the one that is served."""
        printed = json.loads(service.imgtag("openapi").stdout)
        assert printed == service.call("GET", "/api/openapi.json")

    def test_second_service(self, service: Service) -> None:
        """A second service on the same data folder is refused in one line."""
        done = service.imgtag_alone("serve", "--port", "0")
        assert done.returncode == 1
        assert f"as process {service.process.pid}" in done.stderr
        assert "Traceback" not in done.stdout + done.stderr

    def test_label_files(self, service: Service, photos: Path) -> None:
        """Files are labelled without a server; one that can't be read is told, and 1 returned."""
        done = service.imgtag("label", photos / "1.JPG", photos / "notes.jpg", "--json")
        assert done.returncode == 1
        first, second = json.loads(done.stdout)["files"]
        assert isinstance(first["labels"], list)
        assert second["failure"]["code"] == "unsupported_format"


class TestPeople:
    """Accounts and tokens beside a running service."""

    @pytest.fixture
    def service(self, tmp_path: Path) -> Iterator[Service]:
        """A service with local accounts, and nobody yet."""
        with serving(tmp_path / "data", IMGTAG_AUTH="local") as service:
            yield service

    def test_first_account_and_token(self, service: Service, photos: Path) -> None:
        """The printed code makes the first account; its token uploads, and no token doesn't."""
        code = said(service.process, service.log, r"set-up code (\S+)$")
        who = {"username": "ada", "password": PASSWORD}
        service.call("POST", "/api/setup", {"code": code, **who})
        made = service.imgtag("token", "create", "laptop", "--user", "ada")
        token = made.stdout.strip()
        assert service.call("GET", "/api/session", token=token)["username"] == "ada"
        refused = service.imgtag("upload", photos / "1.JPG")
        assert refused.returncode == 1
        assert refused.stderr.endswith("(give a token with --token or IMGTAG_TOKEN)\n")
        assert service.imgtag("upload", photos / "1.JPG", "--token", token).returncode == 0
        assert service.imgtag("user", "remove", "ada", "--yes").returncode == 0
        assert service.imgtag("labels", "--token", token).returncode == 1

    def test_ends_at_a_signal(self, service: Service) -> None:
        """SIGTERM drains the service and it ends with 0; a second one takes over the folder."""
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(DEADLINE_SECONDS) == 0
        with serving(Path(service.environment["IMGTAG_DATA_DIR"]), IMGTAG_AUTH="local") as second:
            assert second.call("GET", "/api/config")["auth"]["setup_due"] is True
