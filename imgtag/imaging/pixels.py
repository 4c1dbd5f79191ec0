"""Decoded pixels, a strip of rows at a time.

`Image.load` copies what libwebp and libheif hand over into an image of Pillow's own while they
still hold theirs: 24 megapixels of WebP took 424 MB so, and 48 of HEIC 419 MB. Here the decoder is
let go of first, and only strips become images.
"""

from dataclasses import dataclass
from typing import Protocol

from PIL import Image, WebPImagePlugin
from pillow_heif import HeifImageFile


class Pixels(Protocol):
    """A decoded picture."""

    @property
    def size(self) -> tuple[int, int]:
        """Give width and height."""

    def rows(self, top: int, bottom: int) -> Image.Image:
        """Give the rows from *top* up to *bottom*, which may lie past the end."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A picture that Pillow holds."""

    picture: Image.Image

    @property
    def size(self) -> tuple[int, int]:
        """Give width and height."""
        return self.picture.size

    def rows(self, top: int, bottom: int) -> Image.Image:
        """Crop."""
        width, height = self.size
        return self.picture.crop((0, top, width, min(bottom, height)))


@dataclass(frozen=True, slots=True)
class Raw:
    """Rows of *stride* bytes each, as *mode* lays them out."""

    size: tuple[int, int]
    mode: str
    data: memoryview
    stride: int

    def rows(self, top: int, bottom: int) -> Image.Image:
        """Copy them out of the decoder's bytes."""
        width, height = self.size
        size = (width, min(bottom, height) - top)
        strip = self.data[top * self.stride : (top + size[1]) * self.stride]
        return Image.frombytes(self.mode, size, strip, "raw", self.mode, self.stride)


def decode(picture: Image.Image) -> Pixels:
    """Decode *picture*, which is of no use afterwards but for what it says of itself."""
    if isinstance(picture, WebPImagePlugin.WebPImageFile):
        return _webp(picture)
    if isinstance(picture, HeifImageFile):
        return _heif(picture)
    picture.load()
    return Loaded(picture)


def _webp(picture: WebPImagePlugin.WebPImageFile) -> Raw:
    frame = picture._decoder.get_next()  # noqa: SLF001 - there is no public way around a copy
    if frame is None:
        msg = "its first frame can't be decoded"
        raise ValueError(msg)
    del picture._decoder  # noqa: SLF001 - it holds two canvases
    width = picture.size[0]
    return Raw(picture.size, picture.rawmode, memoryview(frame[0]), 4 * width)


def _heif(picture: HeifImageFile) -> Raw:
    file = picture._heif_file  # noqa: SLF001 - as above
    if file is None:
        msg = "it was decoded before"
        raise ValueError(msg)
    frame = file[picture.tell()]
    # Decoding may find another size than the header said, so the bytes come first.
    data = memoryview(frame.data)
    picture._heif_file = None  # noqa: SLF001 - as above
    return Raw(frame.size, frame.mode, data, frame.stride)
