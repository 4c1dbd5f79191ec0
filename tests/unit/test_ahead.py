"""Opening files ahead of the sender."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imgtag.pipeline.ahead import FilesAhead
from imgtag.pipeline.download import Damaged, Download
from imgtag.pipeline.files import FileChecker
from tests.unit.archives import Files, lay_out
from tests.unit.processes import until

BODY = b"photo" * 100


async def nobody_asks(damaged: Damaged) -> None:
    """Hear of damage."""
    raise AssertionError(damaged)


@pytest.fixture
def download(tmp_path: Path) -> Download:
    """Lay out an archive of five files."""
    source = Files(tmp_path, [BODY] * 5)
    archive = lay_out({f"{number}.jpg": BODY for number in range(5)})
    return Download(archive, source, "photos.zip", "etag", nobody_asks)


def still_open(folder: Path) -> int:
    """Count the files of *folder* that this process has open."""
    return sum(link.resolve().is_relative_to(folder) for link in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("turns", [0, 1])
async def test_whoever_leaves_early_leaves_nothing_open(
    download: Download, tmp_path: Path, turns: int
) -> None:
    """Cancelled while files are being opened, even the first ones, they are closed all the same."""
    with ThreadPoolExecutor(1) as threads:
        files = FilesAhead(download, FileChecker(), threads, 0, download.archive.size)
        for _ in range(turns):
            assert await files.next_group()
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(files.next_group())
            await asyncio.sleep(0)
            waiting.cancel()
        files.close()
    await until(lambda: still_open(tmp_path) == 0)
