import asyncio
import os
import random
import resource
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import psutil
import pytest
from PIL import Image

from imgtag.domain.errors import ImgtagError, Invalid, TooLarge, Unavailable, Unsupported
from imgtag.imaging.model import CODES, MEBIBYTE, Inspection, Limits, RenditionSpec
from imgtag.imaging.pool import ImagingPool
from tests.unit.imaging.conftest import Write
from tests.unit.imaging.pictures import (
    encoded,
    mutated,
    noise,
    png,
    png_header,
    scans_repeated,
    seeds,
    solid_png,
)
from tests.unit.processes import gone, until


@pytest.fixture(scope="module")
def honest() -> bytes:
    """A photo without fault."""
    return encoded(noise((640, 480)))


@pytest.fixture
async def pool() -> AsyncIterator[ImagingPool]:
    """A pool of one child."""
    async with ImagingPool(workers=1) as running:
        yield running


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A file that a child reads and reads: a pipe that nobody writes to."""
    path = tmp_path / "endless"
    os.mkfifo(path)
    return path


@asynccontextmanager
async def under_inspection(
    pool: ImagingPool, endless: Path
) -> AsyncIterator[tuple[asyncio.Task[object], int]]:
    """Have a child read *endless*, and give the task and the end to write to.

    At the end of the block the file ends, and so does the task.
    """
    writer = os.open(endless, os.O_RDWR)
    async with asyncio.TaskGroup() as group:
        try:
            task = group.create_task(outcome(pool, endless))
            await until(lambda: bool(busy(pool)))
            yield task, writer
        finally:
            os.close(writer)


async def outcome(pool: ImagingPool, path: Path) -> object:
    """Inspect *path* and give the photo or the error."""
    try:
        return await pool.inspect(path)
    except ImgtagError as error:
        return error


def busy(pool: ImagingPool) -> set[int]:
    """The children that have a photo now."""
    return {child.process_id for child in pool._children if child._busy and child.runs}


def peak_bytes(process_id: int) -> int:
    """The most that a process ever had in memory."""
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    (peak,) = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    return peak * 1024


async def works(pool: ImagingPool, write: Write, data: bytes) -> bool:
    """Tell whether an honest photo gets through."""
    return isinstance(await pool.inspect(write(data, "honest")), Inspection)


async def test_inspects(pool: ImagingPool, write: Write) -> None:
    """What comes out of a child is what it found, hashes and rendition included."""
    path = write(encoded(noise((2000, 1000))))
    photo = await pool.inspect(path, RenditionSpec(1000), digest=True)
    assert (photo.facts.width, photo.facts.height) == (2000, 1000)
    assert photo.content is not None
    assert photo.content.size == path.stat().st_size
    assert photo.rendition is not None
    assert photo.thumbnail.startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(
    ("data", "kind", "code"),
    [
        (b"", Invalid, "empty_file"),
        (b"plain text", Unsupported, "unsupported_format"),
        (encoded(noise())[:-200], Invalid, "damaged_photo"),
        (png([png_header(60_000, 60_000), (b"IDAT", b"")]), TooLarge, "too_many_pixels"),
        (scans_repeated(noise(), 1000), Invalid, "photo_bomb"),
    ],
)
async def test_refusals(
    pool: ImagingPool, write: Write, data: bytes, kind: type[ImgtagError], code: str
) -> None:
    """A photo at fault is an error of the domain with a code, and the child stays."""
    children = pool.process_ids
    with pytest.raises(kind) as refusal:
        await pool.inspect(write(data))
    assert refusal.value.code == code
    assert pool.process_ids == children


async def test_missing_file(pool: ImagingPool, write: Write, tmp_path: Path, honest: bytes) -> None:
    """A file that isn't there is the caller's to explain, and costs no child."""
    with pytest.raises(FileNotFoundError):
        await pool.inspect(tmp_path / "absent")
    assert await works(pool, write, honest)


async def test_mutations(write: Write) -> None:
    """400 damaged files, HEIC too: each is inspected or refused, and the pool goes on."""
    source, kinds = random.Random(7), list(seeds().values())
    paths = [write(mutated(kinds[n % len(kinds)], source), f"{n}") for n in range(400)]
    async with ImagingPool(workers=2) as pool, asyncio.TaskGroup() as group:
        tasks = [group.create_task(outcome(pool, path)) for path in paths]
    answers = [task.result() for task in tasks]
    assert {a.code for a in answers if isinstance(a, ImgtagError)} <= CODES
    assert any(isinstance(answer, Inspection) for answer in answers)


async def test_killed_once(pool: ImagingPool, endless: Path, honest: bytes) -> None:
    """A child killed from outside costs its photo nothing: a fresh child takes it over."""
    async with under_inspection(pool, endless) as (task, writer):
        (first,) = busy(pool)
        os.kill(first, signal.SIGKILL)
        await until(lambda: bool(busy(pool) - {first}))
        os.write(writer, honest)
    assert isinstance(task.result(), Inspection)
    assert first not in pool.process_ids


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
async def test_killed_twice(
    pool: ImagingPool, endless: Path, write: Write, honest: bytes, signum: int
) -> None:
    """A photo that takes two children with it is refused, and the pool goes on."""
    async with under_inspection(pool, endless) as (task, _):
        (first,) = busy(pool)
        os.kill(first, signum)
        await until(lambda: bool(busy(pool) - {first}))
        (second,) = busy(pool)
        os.kill(second, signum)
        await until(task.done)
    error = task.result()
    assert isinstance(error, Invalid)
    assert error.code == "photo_crashed_decoder"
    assert await works(pool, write, honest)


async def test_idle_child_killed(pool: ImagingPool, write: Write, honest: bytes) -> None:
    """A child that died between two photos is noticed, and the next photo gets through."""
    for signum in (signal.SIGKILL, signal.SIGSEGV):
        (child,) = pool.process_ids
        os.kill(child, signum)
        assert await works(pool, write, honest)


async def test_endless_reading(endless: Path) -> None:
    """A photo that takes too long by the clock is refused, and its child is ended."""
    async with ImagingPool(workers=1, limits=Limits(wall_seconds=0.3)) as pool:
        (first,) = pool.process_ids
        async with under_inspection(pool, endless) as (task, _):
            await until(task.done)
        error = task.result()
        assert isinstance(error, Invalid)
        assert error.code == "photo_too_expensive"
        await until(lambda: gone(first))


async def test_eats_cpu(write: Write, honest: bytes) -> None:
    """A photo that takes too much CPU is ended by the system itself."""
    limits = Limits(max_scans=10**6, cpu_seconds=0.2)
    bomb = write(scans_repeated(noise((2400, 2400)), 4000), "bomb")
    async with ImagingPool(workers=1, limits=limits) as pool:
        with pytest.raises(Invalid, match="CPU time") as refusal:
            await pool.inspect(bomb)
        assert refusal.value.code == "photo_too_expensive"
        assert await works(pool, write, honest)


async def test_eats_memory(write: Write, honest: bytes) -> None:
    """A photo that takes too much memory is refused, and the pool goes on."""
    limits = Limits(decoded_bytes=2**40, memory_bytes=128 * MEBIBYTE)
    flood = write(solid_png(9_000, 9_000), "flood")
    async with ImagingPool(workers=1, limits=limits) as pool:
        with pytest.raises(Invalid) as refusal:
            await pool.inspect(flood)
        assert refusal.value.code == "photo_too_expensive"
        assert await works(pool, write, honest)


async def test_cancelled(pool: ImagingPool, endless: Path, write: Write, honest: bytes) -> None:
    """Cancelling an inspection ends its child; the next photo gets an answer of its own."""
    async with under_inspection(pool, endless) as (task, _):
        (child,) = busy(pool)
        task.cancel()
        await until(task.done)
    assert await works(pool, write, honest)
    await until(lambda: gone(child))
    assert child not in pool.process_ids


async def test_answers_stay_apart(write: Write) -> None:
    """With many asking and some giving up, everybody gets the answer to their own question."""
    sizes = [(20 + number, 30 + 2 * number) for number in range(60)]
    paths = [write(encoded(noise(size)), f"{size[0]}") for size in sizes]
    async with ImagingPool(workers=2) as pool:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(pool.inspect(path)) for path in paths]
            await until(tasks[4].done)
            for task in tasks[5::9]:
                task.cancel()
        facts = [None if task.cancelled() else task.result().facts for task in tasks]
    found = [fact and (fact.width, fact.height) for fact in facts]
    assert all(size in {None, expected} for size, expected in zip(found, sizes, strict=True))
    assert sum(size is None for size in found) <= len(tasks[5::9])


async def test_close_ends_all(endless: Path) -> None:
    """Closing ends every child, idle or busy; who waits for an answer learns that it may retry."""
    pool = ImagingPool(workers=2)
    async with pool:
        children = pool.process_ids
        assert len(children) == 2
        async with under_inspection(pool, endless) as (task, _):
            await pool.close()
            await until(task.done)
    assert isinstance(task.result(), Unavailable)
    assert all(gone(child) for child in children)
    with pytest.raises(Unavailable):
        await pool.inspect(Path(__file__))


async def test_children_are_replaced(write: Write, honest: bytes) -> None:
    """A child retires after its number of photos, and one that has grown retires too."""
    for limits, photos in ((Limits(photos_per_child=2), 3), (Limits(resident_bytes=1), 17)):
        async with ImagingPool(workers=1, limits=limits) as pool:
            (first,) = pool.process_ids
            for _ in range(photos):
                assert await works(pool, write, honest)
            assert len(pool.process_ids) == 1
            assert first not in pool.process_ids


async def test_confined(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child has no secrets of its parent, no files but its pipe, and hard limits."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    async with ImagingPool(workers=1) as pool:
        (child,) = pool.process_ids
        process = psutil.Process(child)
        assert "AWS_SECRET_ACCESS_KEY" not in process.environ()
        assert process.num_fds() == 3
        assert process.nice() > psutil.Process().nice()
        assert resource.prlimit(child, resource.RLIMIT_NOFILE) == (4, 4)
        assert resource.prlimit(child, resource.RLIMIT_FSIZE) == (0, 0)
        assert resource.prlimit(child, resource.RLIMIT_CORE) == (0, 0)
        assert resource.prlimit(child, resource.RLIMIT_AS) == (Limits().memory_bytes,) * 2


async def test_signals_for_the_group(pool: ImagingPool, write: Write, honest: bytes) -> None:
    """SIGTERM and SIGINT are for the parent: a child goes on until it is told."""
    children = pool.process_ids
    for child in children:
        os.kill(child, signal.SIGTERM)
        os.kill(child, signal.SIGINT)
    assert await works(pool, write, honest)
    assert pool.process_ids == children


async def test_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool whose children don't start says so, as something worth a retry."""
    for program in ("/bin/false", "/nowhere/python"):
        monkeypatch.setattr(sys, "executable", program)
        with pytest.raises(Unavailable, match="did not start"):
            async with ImagingPool(workers=1):
                pass


PARENT = """
import asyncio
from imgtag.imaging.pool import ImagingPool

async def main():
    async with ImagingPool(workers=2) as pool:
        print(*pool.process_ids, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_no_orphans() -> None:
    """Children end with their parent, even one that was killed."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    children = [int(word) for word in (await parent.stdout.readline()).split()]
    assert len(children) == 2
    parent.kill()
    await parent.wait()
    await until(lambda: all(gone(child) for child in children))


async def test_a_large_webp_in_little_memory(write: Write) -> None:
    """24 megapixels take a child less than 400 MB: three copies of the pixels and no more."""
    buffer = BytesIO()
    Image.new("RGB", (6000, 4000), "teal").save(buffer, "WEBP", quality=1, method=0)
    path = write(buffer.getvalue())
    async with ImagingPool(workers=1) as pool:
        (child,) = pool.process_ids
        seen = await pool.inspect(path)
        peak = peak_bytes(child)
    assert (seen.facts.width, seen.facts.height) == (6000, 4000)
    assert peak < 400_000_000
