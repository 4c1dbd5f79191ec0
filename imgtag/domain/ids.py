"""Identifiers, each a type of its own, checked when made."""

import re
from datetime import datetime
from typing import ClassVar, Self

from imgtag.domain.errors import NotFound

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_ENTROPY_BYTES = 10


class Id(str):
    """An opaque identifier: safe in a URL, an object key and a folder name.

    Text that can't be one raises `NotFound`, since nothing can be found under it.
    """

    __slots__ = ()
    pattern: ClassVar[re.Pattern[str]] = re.compile(r"[0-9a-hjkmnp-tv-z]{26}")

    def __new__(cls, text: str) -> Self:
        """Check *text*."""
        if not cls.pattern.fullmatch(text):
            msg = f"there is no such {cls.__name__.removesuffix('Id').lower()}"
            raise NotFound(msg)
        return super().__new__(cls, text)

    @classmethod
    def mint(cls, now: datetime, entropy: bytes) -> Self:
        """Make a new id from a time and ten random bytes: a ULID in lower case.

        Ids sort by the millisecond they were made in. Layout: github.com/ulid/spec.
        """
        if len(entropy) != _ENTROPY_BYTES:
            msg = f"an id takes {_ENTROPY_BYTES} random bytes, not {len(entropy)}"
            raise ValueError(msg)
        number = int(now.timestamp() * 1000) << (8 * _ENTROPY_BYTES)
        number |= int.from_bytes(entropy, "big")
        return cls("".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5)))


class PhotoId(Id):
    """Names a photo of one owner."""

    __slots__ = ()


class BundleId(Id):
    """Names a bundle of one owner."""

    __slots__ = ()


class ImportId(Id):
    """Names an import of one owner."""

    __slots__ = ()


class TokenId(Id):
    """Names an API token; it is not the secret."""

    __slots__ = ()


class OwnerId(Id):
    """Whose it is: the tenant. Given by the authenticator, never by a client.

    Local accounts mint one each; providers hand out their own subjects (a UUID, say).
    """

    __slots__ = ()
    pattern = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
