"""Where an owner's bytes are kept: the only way to name a blob."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from imgtag.domain.errors import NotFound
from imgtag.domain.ids import Id, OwnerId


class BlobKind(StrEnum):
    """What the bytes are. The value is part of stored keys and never changes."""

    ORIGINAL = "originals"
    THUMBNAIL = "thumbnails"
    RENDITION = "renditions"
    MANIFEST = "manifests"
    ARCHIVE = "archives"


@dataclass(frozen=True, slots=True)
class BlobKey:
    """One blob of one owner. Holds ids only: no name that a user chose can reach a path."""

    owner: OwnerId
    kind: BlobKind
    name: Id

    def __str__(self) -> str:
        return f"{self.kind}/{self.owner}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote. Anything else raises `NotFound`."""
        parts = text.split("/")
        if len(parts) != len(cls.__slots__) or parts[0] not in set(BlobKind):
            msg = "not the key of a blob"
            raise NotFound(msg)
        kind, owner, name = parts
        return cls(OwnerId(owner), BlobKind(kind), Id(name))
