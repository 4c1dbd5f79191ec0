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

_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*]')
_UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_RESERVED: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|$)", re.IGNORECASE
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
    taken: set[str] = set()
    next_number: dict[str, int] = {}
    return [_distinct(_safe(*photo), taken, next_number) for photo in photos]


def _distinct(name: str, taken: set[str], next_number: dict[str, int]) -> str:
    stem, ending = _split(name)
    plain = _folded(name)
    # Remembered for each name, so that many equal ones take no longer than many different ones.
    number = next_number.get(plain, 1)
    candidate = name
    while _folded(candidate) in taken or number > 1:
        number += 1
        candidate = f"{stem} ({number}){ending}"
        if _folded(candidate) not in taken:
            break
    next_number[plain] = number
    taken.add(_folded(candidate))
    return candidate


def _folded(name: str) -> str:
    """What makes two names the same on some file system."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _split(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    return stem, dot + ending


def _safe(file_name: str, content_type: str | None) -> str:
    name = unicodedata.normalize("NFC", file_name)
    name = "".join("_" if unicodedata.category(mark) in _UNPRINTABLE else mark for mark in name)
    name = _FORBIDDEN.sub("_", name).strip(" .") or _NAMELESS
    if not name.lower().endswith(_PHOTO_ENDINGS):
        name += EXTENSIONS.get(content_type or "", ".jpg")
    stem, ending = _split(name)
    stem = _RESERVED.sub(r"_\1", stem.strip(" .")) or _NAMELESS
    return _shortened(stem, MAX_NAME_BYTES - _NUMBER_BYTES - len(ending)) + ending


def _shortened(stem: str, max_bytes: int) -> str:
    """Cut to *max_bytes* of UTF-8, between two characters."""
    return stem.encode()[:max_bytes].decode(errors="ignore").rstrip(" .")
