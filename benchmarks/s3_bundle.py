"""Build a 2 GB bundle on an S3-shaped server, and compare with plainly moving the same bytes.

Plain is: read every photo and throw it away, then upload as many bytes of photos from a file, in
parts of the same size, as many at once as the builder sends. Each runs in a process of its own.

    python benchmarks/s3_bundle.py [--photos N] [--rounds N]
"""

import argparse
import asyncio
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from s3_server import PART_BYTES, serving  # noqa: E402 - it lies beside this file

from imgtag.backends import Context  # noqa: E402 - found by the line above
from imgtag.backends.aws import BACKENDS, clients  # noqa: E402
from imgtag.backends.aws.blobs import S3BlobStore  # noqa: E402
from imgtag.backends.memory import MemoryBundleStore, MemoryQueue  # noqa: E402
from imgtag.domain.bundles import Bundle, BundleState  # noqa: E402
from imgtag.domain.events import BundleRequested  # noqa: E402
from imgtag.domain.ids import BundleId, OwnerId, PhotoId  # noqa: E402
from imgtag.domain.keys import BlobKey, BlobKind  # noqa: E402
from imgtag.domain.manifest import ManifestEntry, write_manifest  # noqa: E402
from imgtag.domain.queries import Query  # noqa: E402
from imgtag.services.archives import Archives  # noqa: E402
from imgtag.services.building import Builder  # noqa: E402
from imgtag.services.feed import Feed  # noqa: E402
from imgtag.services.layouts import Layouts, measure  # noqa: E402
from imgtag.settings import Settings  # noqa: E402

MIB: Final = 1024 * 1024
OWNER: Final = OwnerId("ada")
BEGAN: Final = datetime(2024, 5, 1, tzinfo=UTC)
BUNDLE: Final = BundleId("0" * 26)
DIFFERENT: Final = 8


class Clock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Tell the time."""
        return datetime.now(UTC)


def photo_id(number: int) -> PhotoId:
    """Name a photo."""
    return PhotoId.mint(BEGAN, number.to_bytes(10, "big"))


def key_of(number: int) -> BlobKey:
    """Tell where a photo lies."""
    return BlobKey(OWNER, BlobKind.ORIGINAL, photo_id(number))


def lay_photos(root: Path, photos: int) -> None:
    """Write photos of 2 to 6 MiB, a few different ones under many names, and what they are."""
    facts = []
    for seed in range(DIFFERENT):
        body = random.Random(seed).randbytes(int(MIB * (2 + 4 * seed / (DIFFERENT - 1))))
        (root / f"body-{seed}").write_bytes(body)
        with (root / "bodies").open("ab") as file:
            file.write(body)
        facts.append((len(body), sha256(body).hexdigest(), zlib.crc32(body)))
    (root / "facts.json").write_text(json.dumps(facts))
    for number in range(photos):
        target = root / "photos" / str(key_of(number))
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(root / f"body-{number % DIFFERENT}", target)


def entries_of(root: Path, photos: int) -> list[ManifestEntry]:
    """Describe the photos."""
    facts = json.loads((root / "facts.json").read_text())
    return [
        ManifestEntry(f"{number:04}.jpg", photo_id(number), digest, size, crc32, BEGAN, ())
        for number in range(photos)
        for size, digest, crc32 in [facts[number % DIFFERENT]]
    ]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[S3BlobStore, Context]]:
    """Open the store as imgtag does."""
    settings = Settings(
        profile="aws", data_dir=folder, s3_bucket="photos", s3_working_bucket="working"
    )
    async with AsyncExitStack() as stack:
        context = Context(settings, Clock(), stack)
        yield await stack.enter_async_context(BACKENDS["s3"].blobs(context)), context


async def prepare(folder: Path, entries: list[ManifestEntry]) -> Bundle:
    """Write the manifest, and describe the bundle."""
    query = Query(photo_ids=())
    async with opened(folder) as (blobs, _):
        key = BlobKey(OWNER, BlobKind.MANIFEST, BUNDLE)
        async with blobs.write(key, content_type="application/json") as writer:
            await writer.write(b"".join(write_manifest(query, BEGAN, entries)))
    size = measure(query, BEGAN, entries, sidecars=False)
    return Bundle(
        owner=OWNER,
        id=BUNDLE,
        name="Benchmark",
        query=query,
        sidecars=False,
        photos=size.photos,
        bytes=size.bytes,
        token="t" * 22,
        created_at=datetime.now(UTC),
    )


async def build(folder: Path, entries: list[ManifestEntry]) -> None:
    """Build the bundle as a worker does."""
    bundle = await prepare(folder, entries)
    async with opened(folder) as (blobs, context):
        events = MemoryQueue(Clock(), topic="bundles")
        bundles = MemoryBundleStore(Clock(), events)
        await bundles.create(bundle, idempotency_key=None, event=None)
        builder = Builder(
            Archives(blobs),
            bundles,
            events,
            Layouts(blobs).of,
            announce=_nobody,
            memory=context.settings.bundle_memory,
            clock=Clock(),
            feed=Feed(),
        )
        began = time.perf_counter()
        await builder.handle(BundleRequested(OWNER, BUNDLE))
        _report(began, bundle.bytes)
        built = await bundles.get(OWNER, BUNDLE)
        if built.state is not BundleState.READY:
            raise RuntimeError(built)


async def _nobody(_: Bundle) -> None:
    return


async def plain(folder: Path, entries: list[ManifestEntry]) -> None:
    """Read every photo, then upload as many bytes."""
    size = sum(entry.size for entry in entries)
    async with opened(folder) as (blobs, context):
        in_flight = context.settings.bundle_memory // 2 // PART_BYTES
        s3 = await clients.s3(context)
        where: Any = {"Bucket": "working", "Key": "plain"}
        source = os.open(folder / "bodies", os.O_RDONLY)
        length = (folder / "bodies").stat().st_size // PART_BYTES * PART_BYTES

        async def read(number: int) -> None:
            async with blobs.read(key_of(number)) as chunks:
                async for _ in chunks:
                    pass

        began = time.perf_counter()
        await _all(read, range(len(entries)), in_flight)
        upload = (await s3.create_multipart_upload(**where))["UploadId"]

        async def send(number: int) -> None:
            body = os.pread(source, PART_BYTES, number * PART_BYTES % length)
            await s3.upload_part(**where, UploadId=upload, PartNumber=number, Body=body)

        parts = range(1, -(-size // PART_BYTES) + 1)
        await _all(send, parts, in_flight)
        done = [{"PartNumber": number, "ETag": "0"} for number in parts]
        await s3.complete_multipart_upload(
            **where, UploadId=upload, MultipartUpload={"Parts": done}
        )
        _report(began, size)


async def _all(call: Callable[[int], Awaitable[None]], items: Iterable[int], at_once: int) -> None:
    left = iter(items)

    async def work() -> None:
        for item in left:
            await call(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())


def _report(began: float, size: int) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {
        "seconds": time.perf_counter() - began,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
        "bytes": size,
    }
    print(json.dumps(told), flush=True)


def run(what: str, root: Path, photos: int) -> dict[str, float]:
    """Run one of the two in a process of its own."""
    command = [sys.executable, __file__, "--child", what, "--root", str(root)]
    done = subprocess.run(
        [*command, "--photos", str(photos)], check=True, capture_output=True, text=True
    )
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def check(root: Path, photos: int) -> None:
    """Read the archive with somebody else's code, every checksum of it, and remove it."""
    path = root / f"working/archives/{OWNER}/{BUNDLE}"
    with zipfile.ZipFile(path) as archive:
        bad, names = archive.testzip(), archive.namelist()
    path.unlink()
    if bad or len(names) != photos + 1:
        raise RuntimeError(bad, len(names))


def compare(photos: int, rounds: int) -> None:
    """Run both in turns and print the medians."""
    with tempfile.TemporaryDirectory(prefix="imgtag-") as folder:
        root = Path(folder)
        lay_photos(root, photos)
        found: dict[str, list[dict[str, float]]] = {"build": [], "plain": []}
        with serving(root):
            for _ in range(rounds):
                for what, results in found.items():
                    results.append(run(what, root, photos))
                check(root, photos)
    medians = {}
    for what, results in found.items():
        seconds = medians[what] = statistics.median(each["seconds"] for each in results)
        size = results[0]["bytes"] / 1e9
        cpu = statistics.median(each["cpu"] for each in results)
        peak = max(each["peak_mb"] for each in results)
        rate = 1000 * size / seconds
        print(
            f"{what:<6} {size:.2f} GB in {seconds:>5.1f} s ({rate:>3.0f} MB/s)"
            f"  {cpu:>5.1f} CPU s  peak {peak:.0f} MiB"
        )
    print(f"building takes {medians['build'] / medians['plain']:.2f} times as long as plain")


def main() -> None:
    """Compare, or be one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", choices=["build", "plain"])
    parser.add_argument("--root", type=Path)
    arguments = parser.parse_args()
    if not arguments.child:
        compare(arguments.photos, arguments.rounds)
        return
    entries = entries_of(arguments.root, arguments.photos)
    asyncio.run((build if arguments.child == "build" else plain)(arguments.root, entries))


if __name__ == "__main__":
    main()
