"""Writes COUNT small JPEG files, each different, into FOLDER."""

import sys
from pathlib import Path

from PIL import Image, ImageDraw


def main(folder: str, count: str, start: str = "0") -> None:
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for n in range(int(start), int(start) + int(count)):
        size = (96 + n % 5 * 24, 96 + n % 3 * 24)
        photo = Image.new("RGB", size, (n * 37 % 256, n * 61 % 256, n * 97 % 256))
        ImageDraw.Draw(photo).text((8, 8), str(n), fill="white")
        exif = Image.Exif()
        exif[0x0132] = exif[0x9003] = f"{2020 + n % 5}:{n % 12 + 1:02}:{n % 28 + 1:02} 12:00:00"
        photo.save(target / f"IMG_{n:05}.jpg", quality=70, exif=exif)


if __name__ == "__main__":
    main(*sys.argv[1:])
