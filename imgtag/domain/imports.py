"""An import: photos taken over from a folder or a bucket, a page of files at a time."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

from imgtag.domain.errors import Conflict
from imgtag.domain.ids import ImportId, OwnerId, PhotoId
from imgtag.domain.photos import MAX_FILE_NAME_CHARACTERS, Failure, file_name_of

MAX_TOLD: Final = 100
_ID_BYTES: Final = 10


class ImportState(StrEnum):
    """Where an import stands. The last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNDER_WAY: Final = frozenset({ImportState.QUEUED, ImportState.RUNNING})


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left out, and why."""

    file_name: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one page of files. *copied_bytes* are those of the copied ones."""

    copied: int = 0
    duplicates: int = 0
    copied_bytes: int = 0
    skipped: tuple[Skipped, ...] = ()

    def __add__(self, other: Self) -> Self:
        """Take two together."""
        return replace(
            self,
            copied=self.copied + other.copied,
            duplicates=self.duplicates + other.duplicates,
            copied_bytes=self.copied_bytes + other.copied_bytes,
            skipped=self.skipped + other.skipped,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import of one owner.

    The numbers are exact, and count each file once: *found* is *copied*, *duplicates* and *skipped*
    together. *told* are the first of those that were skipped. *cursor* is where the next page
    starts, in the source's own terms. *revision* grows with every write, so that a store can
    compare and set.
    """

    owner: OwnerId
    id: ImportId
    source: str
    created_at: datetime
    state: ImportState = ImportState.QUEUED
    copied: int = 0
    duplicates: int = 0
    skipped: int = 0
    bytes: int = 0
    told: tuple[Skipped, ...] = ()
    failure: Failure | None = None
    finished_at: datetime | None = None
    cursor: str | None = None
    revision: int = 0

    @property
    def found(self) -> int:
        """How many files it has dealt with."""
        return self.copied + self.duplicates + self.skipped

    @property
    def is_under_way(self) -> bool:
        """Whether it is still to be worked on."""
        return self.state in UNDER_WAY

    def begun(self) -> Self:
        """Note that somebody is at it."""
        return replace(self, state=ImportState.RUNNING)

    def counted(self, step: Step, cursor: str | None) -> Self:
        """Add a page, after which the next one starts at *cursor*."""
        return replace(
            self,
            copied=self.copied + step.copied,
            duplicates=self.duplicates + step.duplicates,
            skipped=self.skipped + len(step.skipped),
            bytes=self.bytes + step.copied_bytes,
            told=(*self.told, *step.skipped)[:MAX_TOLD],
            cursor=cursor,
        )

    def ended(self, state: ImportState, now: datetime, failure: Failure | None = None) -> Self:
        """Come to an end; raise `Conflict` when it has ended already."""
        if not self.is_under_way:
            msg = f"this import is {self.state} already"
            raise Conflict(msg)
        return replace(self, state=state, finished_at=now, failure=failure)

    def photo_id(self, mark: str) -> PhotoId:
        """Name the photo that it makes of the file with *mark*: the same name whenever it tries."""
        digest = hashlib.sha256(f"{self.owner} {self.id} {mark}".encode()).digest()
        return PhotoId.mint(self.created_at, digest[:_ID_BYTES])


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an import would find: an upper bound, since content is looked at only when copied.

    *bytes* are those of *files*; *known* of them were imported before and would be left alone, and
    *skipped* are too large, empty or no files. Labelling the rest takes *calls*, at *dollars* in
    all by list price. Without *complete* there is more than was counted.
    """

    files: int
    bytes: int
    known: int
    skipped: int
    calls: int
    dollars: float
    complete: bool


def name_of(key: str) -> str:
    """Call a photo after the last part of *key*; what is too long keeps its ending."""
    last = re.sub(r"[\\\0]", "_", key.rpartition("/")[2].encode("utf-8", "replace").decode())
    name = unicodedata.normalize("NFC", last)
    stem, dot, ending = name.rpartition(".")
    room = max(0, MAX_FILE_NAME_CHARACTERS - len(dot + ending))
    return file_name_of(f"{stem[:room]}{dot}{ending}"[:MAX_FILE_NAME_CHARACTERS])


def to_dict(imported: Import) -> dict[str, Any]:
    """Write *imported* as plain JSON values, all but its owner and revision."""
    return {
        "id": imported.id,
        "source": imported.source,
        "created": imported.created_at.isoformat(),
        "state": imported.state,
        "numbers": [imported.copied, imported.duplicates, imported.skipped, imported.bytes],
        "told": [[each.file_name, each.code, each.detail] for each in imported.told],
        "failure": imported.failure and [imported.failure.code, imported.failure.detail],
        "finished": imported.finished_at and imported.finished_at.isoformat(),
        "cursor": imported.cursor,
    }


def from_dict(owner: OwnerId, revision: int, data: Mapping[str, Any]) -> Import:
    """Read what `to_dict` wrote."""
    copied, duplicates, skipped, size = data["numbers"]
    told: Sequence[Sequence[str]] = data["told"]
    return Import(
        owner=owner,
        id=ImportId(data["id"]),
        source=data["source"],
        created_at=datetime.fromisoformat(data["created"]),
        state=ImportState(data["state"]),
        copied=copied,
        duplicates=duplicates,
        skipped=skipped,
        bytes=size,
        told=tuple(Skipped(*each) for each in told),
        failure=data["failure"] and Failure(*data["failure"]),
        finished_at=data["finished"] and datetime.fromisoformat(data["finished"]),
        cursor=data["cursor"],
        revision=revision,
    )
