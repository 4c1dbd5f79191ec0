"""The container image, built and run by its own scripts in a clean folder, without an engine."""

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
# Ninety packages from a registry: a minute, or a quarter of an hour on a bad day.
BUILD_SECONDS = 1800
DEADLINE_SECONDS = 60
USER = 10001
AS_PROCESS_ONE = ("unshare", "--pid", "--fork", "--mount-proc")

pytestmark = pytest.mark.timeout(2 * BUILD_SECONDS)


def instruction(name: str) -> list[str]:
    """Give the words after each *name* in the last stage of the Dockerfile."""
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    last = text[text.rindex("\nFROM ") :]
    return [line.removeprefix(name).strip() for line in last.splitlines() if line.startswith(name)]


@dataclass(frozen=True, slots=True)
class Image:
    """What the build stage leaves, where a test can run it; *data* is the volume."""

    folder: Path
    data: Path

    @property
    def python(self) -> Path:
        """The interpreter in there."""
        return self.folder / "bin" / "python"

    def environment(self, **settings: object) -> dict[str, str]:
        """Set what the Dockerfile sets, in this folder, and *settings*."""
        known = dict(pair.split("=", 1) for pair in shlex.split(instruction("ENV")[0]))
        known["PATH"] = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        chosen = {f"IMGTAG_{name.upper()}": str(value) for name, value in settings.items()}
        return known | {"IMGTAG_DATA_DIR": str(self.data)} | chosen

    def is_healthy(self, port: int) -> bool:
        """Do what HEALTHCHECK does."""
        command = json.loads(instruction("HEALTHCHECK")[0].partition("CMD ")[2])
        command = [word.replace("/opt/imgtag", str(self.folder)) for word in command]
        environment = self.environment(port=port)
        return subprocess.run(command, env=environment, timeout=30, check=False).returncode == 0


def interpreter() -> str:
    """Find a Python that the image's user may start too: root's own is out of its reach."""
    ours = Path(sys.executable).resolve()
    if all(folder.stat().st_mode & 0o001 for folder in ours.parents):
        return str(ours)
    return shutil.which("python3", path="/usr/bin:/usr/local/bin") or str(ours)


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    """Build it as the Dockerfile does: the page, then the environment."""
    with TemporaryDirectory(prefix="imgtag-image-") as folder:
        scratch = Path(folder)
        # Whoever runs in there is somebody else, and has to get in.
        scratch.chmod(0o755)
        built = Image(scratch / "imgtag", scratch / "data")
        page = scratch / "page"
        environment = {**os.environ, "IMGTAG_WEB_OUT": str(page), "PYTHON": interpreter()}
        for command in (
            ["npm", "--prefix", ROOT / "web", "run", "build"],
            [ROOT / "deploy/image/build.sh", ROOT, page, built.folder],
        ):
            subprocess.run(command, env=environment, timeout=BUILD_SECONDS, check=True)
        shutil.copy(ROOT / "deploy/image/health.py", built.folder)
        built.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(built.data, USER, USER)
        yield built


def another_user() -> list[str]:
    """Run as the image's user, to whom nothing but the volume belongs."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs"]


def process_one() -> list[str]:
    """Run as process 1 of a namespace, or skip the test where that is not allowed."""
    tried = subprocess.run([*AS_PROCESS_ONE, "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("no PID namespace can be made here")
    return list(AS_PROCESS_ONE)


def free_port() -> int:
    """Find a port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def started(
    image: Image, port: int, *wrapped: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[str]]]:
    """Run the image's entry point until the context is left; give what it said at its start."""
    command = json.loads(instruction("ENTRYPOINT")[0]) + json.loads(instruction("CMD")[0])
    process = await asyncio.create_subprocess_exec(
        *wrapped, *command,
        env=image.environment(port=port, auth="local"),
        cwd=image.folder,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout
        async with asyncio.timeout(DEADLINE_SECONDS):
            said = [(await process.stdout.readline()).decode() for _ in range(2)]
        yield process, said
    finally:
        with suppress(psutil.NoSuchProcess):
            for each in psutil.Process(process.pid).children(recursive=True):
                each.kill()
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not holds():  # noqa: ASYNC110 - what other processes do sets no event
            await asyncio.sleep(0.02)


def test_it_holds_the_locked_packages_and_no_others(image: Image) -> None:
    """The versions of requirements/runtime.txt, imgtag, and neither pip nor a test tool."""
    listing = "from importlib.metadata import distributions as d\n"
    listing += "print(*(f'{each.name}=={each.version}' for each in d()))"
    listed = subprocess.check_output([image.python, "-I", "-c", listing], text=True)
    held = {
        f"{re.sub('[-_.]+', '-', name).lower()}=={version}"
        for name, version in (each.split("==") for each in listed.split())
    }
    locked = (ROOT / "requirements/runtime.txt").read_text()
    ours = {name for name in held if name.startswith("imgtag==")}

    assert len(ours) == 1
    assert held - ours <= set(re.findall(r"^([\w.-]+==[^\s;]+)", locked, re.MULTILINE))
    assert not any(name.startswith(("pip==", "pytest==", "hypothesis==")) for name in held)


def test_it_lists_what_is_in_it(image: Image) -> None:
    """The bill of materials, in CycloneDX, names every package."""
    bill = json.loads((image.folder / "sbom.cdx.json").read_text())
    named = {part["name"].lower() for part in bill["components"]}

    assert bill["bomFormat"] == "CycloneDX"
    assert {"imgtag", "aiohttp", "pillow", "onnxruntime", "aiobotocore"} <= named


def test_nothing_in_it_depends_on_where_or_when_it_was_built(image: Image) -> None:
    """Its bytecode goes by content, so nothing is written at run time, and no path is noted."""
    compiled = list((image.folder / "lib").rglob("imgtag/__pycache__/*.pyc"))

    assert compiled
    # https://peps.python.org/pep-0552/: the hash of the source, not checked again.
    assert {int.from_bytes(path.read_bytes()[4:8], "little") for path in compiled} == {1}
    assert not list((image.folder / "lib").rglob("direct_url.json"))


async def test_it_serves_the_page_as_nobody_in_particular(image: Image) -> None:
    """Without rights, on a tree that it can't write to, it gets healthy and prints its code."""
    port = free_port()
    assert not image.is_healthy(port)
    async with started(image, port, *another_user()) as (process, said):
        assert said[0] == f"imgtag is ready: http://0.0.0.0:{port}\n"
        assert "set-up code" in said[1]
        assert image.is_healthy(port)
        whose = psutil.Process(process.pid).uids().real
        assert whose == (USER if os.geteuid() == 0 else os.getuid())
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), DEADLINE_SECONDS) == 0
    assert not image.is_healthy(port)


async def test_it_is_right_as_process_one(image: Image) -> None:
    """SIGTERM ends it, though nothing else does that for process 1; dead children are buried."""
    wrapped = [*process_one(), *another_user()]
    port = free_port()
    async with started(image, port, *wrapped) as (process, _):
        (imgtag,) = psutil.Process(process.pid).children()  # of `unshare`, which waits for it
        assert image.is_healthy(port)
        child, *_ = imgtag.children()
        child.kill()
        await until(lambda: not child.is_running())
        assert all(
            each.status() != psutil.STATUS_ZOMBIE for each in imgtag.children(recursive=True)
        )
        imgtag.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), DEADLINE_SECONDS) == 0
