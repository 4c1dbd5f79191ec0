"""Ingest over HTTP until `labelled`, the model included, against bare Pillow on the same files.

    python benchmarks/ingest.py [--large 120] [--small 2000]

Bare Pillow decodes (draft mode) and resizes to 512 pixels in as many processes as there are cores,
in two ways: plainly, as scripts do, with `draft((512, 512))`, which decodes a photo of 1024x768
whole; and fitted, with the size that the result will have, which lets the decoder halve it. The
goal is against the plain way; the fitted one is shown, too. Both run before imgtag and after it,
and count together, since the speed of a shared machine changes from minute to minute.

imgtag runs with its default settings and takes the same files from a lean script
(`ingest/sender.py`) on the same cores, which uploads several at a time and watches until all are
labelled: the clock runs from its first request to the last label. Shown too: what each process used
of the processor for a photo, which says more where a machine does other things meanwhile, and the
peak memory.

Nothing is deleted before the end, and nothing should have been in the minutes before: whenever ext4
makes a file it passes over those that were deleted lately (`recently_deleted` in fs/ext4/ialloc.c),
which took half a millisecond for each photo when this ran twice in a row.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from service import serving

SIDE = 512
GOAL = 0.5
SERVICE_MB, CHILD_MB = 200, 400
KINDS = {"large": (4000, 3000), "small": (1024, 768)}
VARIANTS = 8
# A standard deviation, of 255: with it the files are of about 4 MB and 300 kB.
NOISE = {"large": 7, "small": 9}
SENDER = Path(__file__).parent / "ingest" / "sender.py"


@dataclass(frozen=True, slots=True)
class Bare:
    """What Pillow alone took: photos a second, and CPU ms for a photo."""

    rate: float
    cpu_ms: float

    def mean(self, other: "Bare") -> "Bare":
        """Take both runs, of the same files, together."""
        rate = 2 / (1 / self.rate + 1 / other.rate)
        return Bare(rate, (self.cpu_ms + other.cpu_ms) / 2)


@dataclass(frozen=True, slots=True)
class Ingest:
    """Photos a second; CPU ms for a photo by process; peak MB of the service and of any child."""

    rate: float
    cpu_ms: dict[str, float]
    service_mb: float
    child_mb: float


def make(folder: Path, kind: str, number: int) -> list[Path]:
    """Write *number* JPEGs with the detail of photos, no two of them with the same bytes."""
    folder.mkdir()
    pictures = [picture(kind, seed) for seed in range(min(number, VARIANTS))]
    paths = [folder / f"{index:05}.jpg" for index in range(number)]
    for index, path in enumerate(paths):
        data = pictures[index % VARIANTS]
        comment = b"\xff\xfe\x00\x0a%08d" % index
        path.write_bytes(data[:2] + comment + data[2:])
    return paths


def picture(kind: str, seed: int) -> bytes:
    """Draw smooth colours under sensor noise: it compresses about as a photo does."""
    width, height = KINDS[kind]
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 255, (height // 64 + 1, width // 64 + 1, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    noise = random.normal(0, NOISE[kind], (height, width, 1))
    buffer = BytesIO()
    Image.fromarray((smooth + noise).clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def plainly(path: Path) -> None:
    """Shrink a photo as scripts do."""
    with Image.open(path) as photo:
        photo.draft("RGB", (SIDE, SIDE))
        photo.thumbnail((SIDE, SIDE), Image.Resampling.HAMMING, reducing_gap=1)


def fitted(path: Path) -> None:
    """Shrink a photo with the least work that Pillow can do it with."""
    with Image.open(path) as photo:
        longest = max(photo.size)
        target = round(photo.width * SIDE / longest), round(photo.height * SIDE / longest)
        photo.draft("RGB", target)
        photo.resize(target, Image.Resampling.HAMMING, reducing_gap=1)


def bare(files: list[Path], shrink: Callable[[Path], None]) -> Bare:
    """Shrink *files* on all cores."""
    busy = cpu_of_children()
    with ProcessPoolExecutor() as pool:
        list(pool.map(shrink, files[: os.cpu_count()]))
        began = time.perf_counter()
        list(pool.map(shrink, files, chunksize=4))
        seconds = time.perf_counter() - began
    return Bare(len(files) / seconds, 1000 * (cpu_of_children() - busy) / len(files))


def cpu_of_children() -> float:
    """Tell how much CPU time the processes used that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ingest(folder: Path, number: int, data_dir: Path) -> Ingest:
    """Upload *folder* of *number* photos and wait for labels."""
    with serving(data_dir) as service:
        before = service.used()
        sender = [sys.executable, SENDER, service.url, folder]
        told = subprocess.run(sender, stdout=subprocess.PIPE, check=True)
        after = service.used()
    said = json.loads(told.stdout)
    seconds = {
        "sender": said["cpu_seconds"],
        "service": after.service - before.service,
        "children": after.children - before.children,
    }
    return Ingest(
        number / said["seconds"],
        {name: 1000 * each / number for name, each in seconds.items()},
        after.service_mb,
        after.child_mb,
    )


def report(plain: Bare, fit: Bare, ours: Ingest) -> None:
    """Print what was measured, and the goals."""
    total = sum(ours.cpu_ms.values())
    cpu = ", ".join(f"{name} {ms:.2f}" for name, ms in ours.cpu_ms.items())
    print(f"  imgtag {ours.rate:7.1f} photos/s")
    print(
        f"  Pillow {plain.rate:7.1f} photos/s plainly; ratio {ours.rate / plain.rate:.2f} ", end=""
    )
    print(f"(goal {GOAL})")
    print(f"         {fit.rate:7.1f} photos/s fitted;  ratio {ours.rate / fit.rate:.2f}")
    print(f"  CPU ms a photo: {cpu}; sum {total:.2f}")
    print(f"                  Pillow plainly {plain.cpu_ms:.2f}, fitted {fit.cpu_ms:.2f}; ", end="")
    print(f"ratios {plain.cpu_ms / total:.2f}, {fit.cpu_ms / total:.2f}")
    print(f"  peak MB: service {ours.service_mb:.0f} (goal {SERVICE_MB}), ", end="")
    print(f"child {ours.child_mb:.0f} (goal {CHILD_MB})")


def main() -> None:
    """Measure both kinds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--large", type=int, default=120)
    parser.add_argument("--small", type=int, default=2000)
    given = vars(parser.parse_args())
    with tempfile.TemporaryDirectory(prefix="imgtag-bench-") as place:
        for kind in KINDS:
            measure(kind, given[kind], Path(place))


def measure(kind: str, number: int, place: Path) -> None:
    """Measure *number* photos of one kind."""
    width, height = KINDS[kind]
    files = make(place / kind, kind, number)
    kilobytes = sum(path.stat().st_size for path in files) / len(files) / 1e3
    print(f"{number} photos of {width}x{height}, {kilobytes:.0f} kB each", flush=True)
    plain, fit = bare(files, plainly), bare(files, fitted)
    ours = ingest(files[0].parent, number, place / f"data-{kind}")
    report(plain.mean(bare(files, plainly)), fit.mean(bare(files, fitted)), ours)


if __name__ == "__main__":
    main()
