"""Names for the members of an archive: the photos' own, made safe and told apart.

Safe means: what Windows, macOS and Linux all accept, and no tool reads as a path. The rules for
Windows are from "Naming Files, Paths, and Namespaces" on learn.microsoft.com.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from imgtag.domain.photos import EXTENSIONS

MAX_NAME_BYTES: Final = 200
MANIFEST_NAME: Final = "manifest.json"
SIDECAR_ENDING: Final = ".xmp"

_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Windows takes these for devices whatever follows the first dot, and ignores spaces before it.
_RESERVED: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\.|$)", re.IGNORECASE
)
_PHOTO_ENDINGS: Final = (
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".png",
    ".webp",
    ".heic",
    ".heif",
    ".hif",
)
_NAMELESS: Final = "photo"
# Room for " (100000)" between stem and ending.
_NUMBER_BYTES: Final = 9


def member_names(photos: Iterable[tuple[str, str | None]]) -> list[str]:
    """Give each photo, told by file name and content type, the name of its member.

    Names stay in order and differ even where upper and lower case, or composed and decomposed
    letters, are the same: later ones become ``lake (2).jpg``. All end like a photo, so that neither
    the manifest nor a sidecar (``<name>.xmp``) can have the same name.
    """
    # The highest number that each folded name has got; what is in it is taken.
    numbers: dict[str, int] = {}
    return [_distinct(_safe(*photo), numbers) for photo in photos]


def safe_text(text: str) -> str:
    """Replace what no file name may contain, on any system, by ``_``."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        text = "".join("_" if unicodedata.category(mark) in _UNPRINTABLE else mark for mark in text)
    return _FORBIDDEN.sub("_", text)


def _distinct(name: str, numbers: dict[str, int]) -> str:
    plain = candidate = _folded(name)
    if plain not in numbers:
        numbers[plain] = 1
        return name
    stem, ending = _split(name)
    # Counting goes on where it stopped, so that many equal names cost no more than different ones.
    number = numbers[plain]
    while candidate in numbers:
        number += 1
        candidate = _folded(f"{stem} ({number}){ending}")
    numbers[plain], numbers[candidate] = number, 1
    return f"{stem} ({number}){ending}"


def _folded(name: str) -> str:
    """What makes two names the same on some file system."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _split(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    return stem, dot + ending


def _safe(file_name: str, content_type: str | None) -> str:
    name = safe_text(file_name).strip(" .") or _NAMELESS
    if not name.lower().endswith(_PHOTO_ENDINGS):
        name += EXTENSIONS.get(content_type or "", ".jpg")
    stem, ending = _split(name)
    stem = stem.strip(" .") or _NAMELESS
    if _RESERVED.match(stem):
        stem = f"_{stem}"
    return _shortened(stem, MAX_NAME_BYTES - _NUMBER_BYTES - len(ending)) + ending


def _shortened(stem: str, max_bytes: int) -> str:
    """Cut to *max_bytes* of UTF-8, between two characters."""
    return stem.encode()[:max_bytes].decode(errors="ignore").rstrip(" .")
