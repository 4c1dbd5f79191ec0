"""Where photos may be imported from: addresses of folders and buckets."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self
from urllib.parse import unquote, unquote_to_bytes

from imgtag.domain.errors import Invalid

_FILE: Final = re.compile(r"file://(?:localhost)?(/[^?#]*)")
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
# docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_S3: Final = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?", re.DOTALL)
_DOTS: Final = frozenset({".", ".."})


class Scheme(StrEnum):
    """What kind of place it is."""

    FILE = "file"
    S3 = "s3"


@dataclass(frozen=True, slots=True)
class Source:
    """A folder of this machine, or all that lies in a bucket below a prefix, taken as a folder.

    *bucket* is empty for folders. *parts* are the names of the folders on the way: as the file
    system has them (bytes that are no UTF-8 as surrogates), or as they stand in keys of S3.
    """

    scheme: Scheme
    bucket: str
    parts: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``file:///folder``, ``/folder`` or ``s3://bucket/prefix``.

        Escapes are read once, and in ``file:`` only. Anything else, and whatever leads upwards,
        raises `Invalid`, code ``invalid_source``.
        """
        if text.startswith("/"):
            return cls(Scheme.FILE, "", _parts(text[1:]))
        if found := _FILE.fullmatch(text):
            return cls(Scheme.FILE, "", _parts(_unescaped(found[1])[1:]))
        if found := _S3.fullmatch(text):
            return cls(Scheme.S3, found[1], _parts(found[2] or ""))
        raise _invalid("an address to import from is file:///folder or s3://bucket/prefix")

    def covers(self, other: Self) -> bool:
        """Tell whether *other* is this place or lies in it."""
        mine, theirs = (self.scheme, self.bucket), (other.scheme, other.bucket)
        return mine == theirs and other.parts[: len(self.parts)] == self.parts

    @property
    def prefix(self) -> str:
        """What the keys of S3 begin with."""
        return "".join(f"{part}/" for part in self.parts)


def _unescaped(path: str) -> str:
    if _BROKEN_ESCAPE.search(path):
        raise _invalid("a % in a file: address is written %25")
    # As `os.fsdecode` does on POSIX: a file name is bytes, and all of them are kept apart.
    return unquote_to_bytes(path).decode("utf-8", "surrogateescape")


def _parts(path: str) -> tuple[str, ...]:
    parts = tuple(path.removesuffix("/").split("/")) if path.strip("/") else ()
    for part in parts:
        # No store or library on the way may take a second look and see a way up.
        if not part or part in _DOTS or unquote(unquote(part)) in _DOTS or "\0" in part:
            raise _invalid("an address to import from has no empty parts, no . and no ..")
    return parts


def _invalid(detail: str) -> Invalid:
    return Invalid(detail, code="invalid_source", pointer="/source")
