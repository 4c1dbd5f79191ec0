"""Anybody can bring a backend in a package of their own, and hold it to the same contract."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imgtag.backends import find
from imgtag.domain.errors import Invalid

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests" / "examples" / "imgtag_example_backend"
PIP = ("pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--no-index")

USE_IT = """
import asyncio
from imgtag.compose import open_backends
from imgtag.domain.ids import Id, OwnerId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.settings import Settings

async def main():
    key = BlobKey(OwnerId("ada"), BlobKind.ORIGINAL, Id("0" * 26))
    async with open_backends(Settings()) as backends:
        async with backends.blobs.write(key, content_type="image/jpeg") as writer:
            await writer.write(b"a photo")
        print(type(backends.blobs).__module__, (await backends.blobs.stat(key)).size)

asyncio.run(main())
"""


def run(*command: str | Path, path: Path, cwd: Path, **settings: str) -> tuple[int, str]:
    """Run Python with what is installed under *path*; give the exit status and the output."""
    environment = {**os.environ, "PYTHONPATH": f"{path}{os.pathsep}{ROOT}", **settings}
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the example to where its author might have it."""
    return shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("author") / "source")


@pytest.fixture(scope="module")
def installed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the example and install it into a folder of its own, without a network."""
    target = tmp_path_factory.mktemp("installed")
    pip = (*PIP, "--no-build-isolation", "--target", target, source)
    status, output = run("-m", *pip, path=target, cwd=target)
    assert status == 0, output
    return target


def test_an_installed_package_brings_a_backend(installed: Path, tmp_path: Path) -> None:
    """Its entry point is found by the name in the setting, and imgtag runs on it."""
    memory = ("CATALOG", "QUEUE", "LABELER", "NOTIFIER", "AUTH", "BUNDLES")
    settings = {
        **{f"IMGTAG_{port}": "memory" for port in memory},
        "IMGTAG_BLOBS": "shoebox",
        "IMGTAG_DATA_DIR": str(tmp_path / "data"),
    }
    status, output = run("-c", USE_IT, path=installed, cwd=tmp_path, **settings)
    assert (status, output) == (0, "imgtag_example_backend.shoebox 7\n")
    (blob,) = (tmp_path / "data" / "shoebox").iterdir()
    assert blob.read_bytes().endswith(b"\na photo")


def test_without_the_package_the_name_is_unknown() -> None:
    """Where it is not installed, as here, there is no such backend."""
    with pytest.raises(Invalid) as caught:
        find("blobs", "shoebox")
    assert caught.value.code == "unknown_backend"


def test_the_package_passes_the_same_suite(installed: Path, source: Path) -> None:
    """Its author subclasses the shipped suite and runs it, outside of this repository."""
    pytest_ = ("pytest", "-q", "-p", "no:cacheprovider", "tests")
    status, output = run("-m", *pytest_, path=installed, cwd=source)
    assert status == 0, output
    assert "31 passed" in output
