"""How much the child processes cost: photos a second through the pool against bare Pillow.

Bare is what a script would do with as many processes: open, draft, resize to 512 pixels, encode.
Both run in turn over the same files; the fastest round of each counts, since whatever else the
machine does only adds.

    python benchmarks/imaging.py [--photos N] [--workers N] [--rounds N] [PHOTO ...]

With PHOTOs given, those are enlarged to the sizes measured; else they are made up.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from imgtag.imaging.model import RenditionSpec
from imgtag.imaging.pool import ImagingPool
from imgtag.imaging.shrink import THUMBNAIL_QUALITY, fit

SIZES = {"12 MP": (4000, 3000), "1024x768": (1024, 768)}


@dataclass(frozen=True, slots=True)
class Figures:
    """Photos a second, and the peak resident MB of the largest child."""

    bare: float
    pool: float
    child_mb: float

    @property
    def ratio(self) -> float:
        """How much of bare Pillow's speed is left."""
        return self.pool / self.bare


def made_up(size: tuple[int, int], seed: int) -> Image.Image:
    """Draw smooth gradients under sensor noise: it compresses about as a photo does."""
    random = np.random.default_rng(seed)
    width, height = size
    coarse = random.integers(0, 255, (height // 64 + 1, width // 64 + 1, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))
    noise = random.integers(-10, 10, (height, width, 1), dtype=np.int16)
    return Image.fromarray(np.clip(smooth + noise, 0, 255).astype(np.uint8))


def write_photos(folder: Path, size: tuple[int, int], count: int, given: Sequence[Path]) -> None:
    """Write *count* JPEGs of *size*, of at most 8 different contents."""
    variants = []
    for number in range(min(count, 8)):
        if given:
            source = Image.open(given[number % len(given)]).convert("RGB")
            picture = ImageOps.fit(source, size, Image.Resampling.BICUBIC)
        else:
            picture = made_up(size, number)
        buffer = BytesIO()
        picture.save(buffer, "JPEG", quality=90)
        variants.append(buffer.getvalue())
    for number in range(count):
        (folder / f"{number}.jpg").write_bytes(variants[number % len(variants)])


def bare(paths: Sequence[Path]) -> int:
    """Make thumbnails the shortest way."""
    total = 0
    for path in paths:
        with Image.open(path) as picture:
            target = fit(picture.size, 512)
            picture.draft(None, target)
            small = picture.resize(target, Image.Resampling.HAMMING, reducing_gap=1.0)
        buffer = BytesIO()
        small.save(buffer, "JPEG", quality=THUMBNAIL_QUALITY)
        total += len(buffer.getvalue())
    return total


def bare_seconds(executor: ProcessPoolExecutor, paths: Sequence[Path], workers: int) -> float:
    """Time bare Pillow over *paths*, shared out in portions."""
    portion = max(1, len(paths) // (workers * 8))
    portions = [paths[at : at + portion] for at in range(0, len(paths), portion)]
    begun = time.perf_counter()
    list(executor.map(bare, portions))
    return time.perf_counter() - begun


async def pool_seconds(pool: ImagingPool, paths: Sequence[Path], *, digest: bool) -> float:
    """Time the pool over *paths*, all asked for at once."""
    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for path in paths:
            group.create_task(pool.inspect(path, RenditionSpec(224), digest=digest))
    return time.perf_counter() - begun


def peak_mb(process_ids: frozenset[int]) -> float:
    """Read the most that any of the processes ever had in memory; 0 where it can't be read."""
    return max(_peaks(process_ids), default=0) / 1024


def _peaks(process_ids: frozenset[int]) -> Iterator[int]:
    for process_id in process_ids:
        status = Path(f"/proc/{process_id}/status")
        if status.exists():
            lines = status.read_text().splitlines()
            yield from (int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


async def compare(paths: Sequence[Path], arguments: argparse.Namespace) -> Figures:
    """Run both in turn and take the fastest round of each."""
    context = multiprocessing.get_context("spawn")
    bares, pools = [], []
    with ProcessPoolExecutor(arguments.workers, mp_context=context) as executor:
        async with ImagingPool(workers=arguments.workers) as pool:
            bare_seconds(executor, paths[: arguments.workers * 16], arguments.workers)
            await pool_seconds(pool, paths[: arguments.workers * 4], digest=arguments.digest)
            for _ in range(arguments.rounds):
                bares.append(bare_seconds(executor, paths, arguments.workers))
                pools.append(await pool_seconds(pool, paths, digest=arguments.digest))
            peak = peak_mb(pool.process_ids)
    count = len(paths)
    return Figures(count / min(bares), count / min(pools), peak)


def arguments_of(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("given", nargs="*", type=Path, metavar="PHOTO")
    parser.add_argument("--photos", type=int, default=20, help="how many of 12 MP; small: 10 times")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--digest", action="store_true", help="the pool hashes the photos as well")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(words)


def main() -> None:
    """Measure every size and print a line for each."""
    arguments = arguments_of(sys.argv[1:])
    for name, size in SIZES.items():
        count = arguments.photos if name == "12 MP" else arguments.photos * 10
        with tempfile.TemporaryDirectory() as folder:
            write_photos(Path(folder), size, count, arguments.given)
            paths = sorted(Path(folder).iterdir())
            figures = asyncio.run(compare(paths, arguments))
        if arguments.json:
            print(
                json.dumps(
                    {
                        "photos": name,
                        "bare_per_second": round(figures.bare, 1),
                        "pool_per_second": round(figures.pool, 1),
                        "ratio": round(figures.ratio, 3),
                        "child_peak_mb": round(figures.child_mb),
                    }
                )
            )
            continue
        print(
            f"{name}: bare {figures.bare:.1f}/s, pool {figures.pool:.1f}/s, "
            f"ratio {figures.ratio:.2f}, largest child {figures.child_mb:.0f} MB"
        )


if __name__ == "__main__":
    main()
