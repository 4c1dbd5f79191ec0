"""Ingest over HTTP until `labelled`, the model included, against bare Pillow on the same files.

    python benchmarks/ingest.py [--large 60] [--small 600]

Bare Pillow decodes (draft mode) and resizes to 512 pixels in as many processes as there are cores.
imgtag takes the same files by `imgtag upload --wait`, on the same cores. Prints photos a second,
their ratio, and the peak memory of the service and of its largest child in MB.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import psutil
from PIL import Image

SIDE = 512
KINDS = {"large": (4000, 3000), "small": (1024, 768)}


def make(folder: Path, size: tuple[int, int], number: int) -> None:
    """Write *number* different JPEGs with the detail of photos; sizes are pixels."""
    folder.mkdir()
    noise = Image.effect_noise((size[0] // 8, size[1] // 8), 60).resize(
        size, Image.Resampling.BICUBIC
    )
    sky = Image.linear_gradient("L").resize(size)
    for index in range(number):
        turned = noise.rotate(index * 360 / number)
        picture = Image.merge("RGB", (turned, sky, Image.blend(turned, sky, 0.5)))
        picture.save(folder / f"{index:05}.jpg", quality=90)


def shrink(path: Path) -> None:
    """Do what bare Pillow does best."""
    with Image.open(path) as photo:
        photo.draft("RGB", (SIDE, SIDE))
        photo.thumbnail((SIDE, SIDE), Image.Resampling.HAMMING, reducing_gap=1)


def bare(files: list[Path]) -> float:
    """Shrink *files* on all cores; answer with photos a second."""
    with ProcessPoolExecutor() as pool:
        list(pool.map(shrink, files[: os.cpu_count()]))
        began = time.perf_counter()
        list(pool.map(shrink, files, chunksize=4))
        return len(files) / (time.perf_counter() - began)


def ingest(folder: Path, number: int, data_dir: Path) -> tuple[float, float, float]:
    """Upload *folder* and wait for labels: photos a second, and peak MB of service and child."""
    environment = {**os.environ, "IMGTAG_DATA_DIR": str(data_dir), "IMGTAG_LOG_LEVEL": "error"}
    command = [sys.executable, "-m", "imgtag"]
    with subprocess.Popen(
        [*command, "serve", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True
    ) as service:
        url = (service.stdout.readline() if service.stdout else "").split()[-1]
        began = time.perf_counter()
        upload = [*command, "upload", "--wait", "--server", url, str(folder)]
        with subprocess.Popen(upload, env=environment, stdout=subprocess.DEVNULL) as client:
            peaks = watch(psutil.Process(service.pid), client)
        seconds = time.perf_counter() - began
        service.terminate()
    if client.returncode:
        sys.exit("the upload failed")
    return number / seconds, *peaks


def watch(service: psutil.Process, client: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Look at memory until *client* ends: the most of the service, and of any child, in MB."""
    parent = child = 0
    while client.poll() is None:
        parent = max(parent, service.memory_info().rss)
        sizes = [each.memory_info().rss for each in service.children() if each.is_running()]
        child = max(child, *sizes, 0)
        time.sleep(0.1)
    return parent / 1e6, child / 1e6


def main() -> None:
    """Measure both kinds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--large", type=int, default=60)
    parser.add_argument("--small", type=int, default=600)
    given = vars(parser.parse_args())
    with tempfile.TemporaryDirectory(prefix="imgtag-bench-") as place:
        for kind, size in KINDS.items():
            folder, number = Path(place) / kind, given[kind]
            make(folder, size, number)
            files = sorted(folder.iterdir())
            plain = bare(files)
            rate, parent, child = ingest(folder, number, Path(place) / f"{kind}-data")
            print(
                f"{size[0]}x{size[1]}: bare {plain:.1f}/s, imgtag {rate:.1f}/s, "
                f"ratio {rate / plain:.2f}, service {parent:.0f} MB, child {child:.0f} MB"
            )


if __name__ == "__main__":
    main()
