"""Which photos, in which order, from where on."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from imgtag.domain.errors import Invalid
from imgtag.domain.ids import PhotoId
from imgtag.domain.labels import LabelName
from imgtag.domain.photos import Photo, PhotoState

MAX_TERMS: Final = 50
MAX_PHOTO_IDS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Query:
    """A condition on photos; every part that is given must hold.

    *all*, *any*, *none* are labels; *text* is a part of the file name, in any case; *photo_ids*
    names photos outright. *trashed* picks the trash instead of the library. Without *state*,
    photos whose bytes have not arrived don't match.
    """

    all: tuple[LabelName, ...] = ()
    any: tuple[LabelName, ...] = ()
    none: tuple[LabelName, ...] = ()
    unlabelled: bool = False
    state: PhotoState | None = None
    text: str = ""
    photo_ids: tuple[PhotoId, ...] = ()
    trashed: bool = False

    def __post_init__(self) -> None:
        if len(self.all) + len(self.any) + len(self.none) > MAX_TERMS:
            msg = f"a query names at most {MAX_TERMS} labels"
            raise Invalid(msg)
        if len(self.photo_ids) > MAX_PHOTO_IDS:
            msg = f"a query names at most {MAX_PHOTO_IDS} photos"
            raise Invalid(msg)

    def matches(self, photo: Photo) -> bool:
        """Tell whether *photo* meets the condition: the meaning that every catalog must keep."""
        has = photo.labels.labels
        return (
            (photo.trashed_at is not None) == self.trashed
            and self._matches_state(photo.state)
            and all(name.folded in has for name in self.all)
            and (not self.any or any(name.folded in has for name in self.any))
            and not any(name.folded in has for name in self.none)
            and not (self.unlabelled and has)
            and self.text.casefold() in photo.file_name.casefold()
            and (not self.photo_ids or photo.id in self.photo_ids)
        )

    def _matches_state(self, state: PhotoState) -> bool:
        if self.state is None:
            return state is not PhotoState.AWAITING
        return state is self.state


class Sort(StrEnum):
    """The order of photos. Ties are broken by id, in the same direction."""

    NEWEST_TAKEN = "-taken_at"
    OLDEST_TAKEN = "taken_at"
    NEWEST_CREATED = "-created_at"
    OLDEST_CREATED = "created_at"

    @property
    def descending(self) -> bool:
        """Newest first."""
        return self.value.startswith("-")

    @property
    def reversed(self) -> "Sort":
        """The same times, the other way round."""
        return Sort(self.value.removeprefix("-") if self.descending else f"-{self.value}")

    def time_of(self, photo: Photo) -> datetime:
        """The time it sorts by; a photo without a capture time is filed under its arrival."""
        return photo.shown_at if self.value.endswith("taken_at") else photo.created_at


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two photos of a sorted list: after the photo with this time and id."""

    time: datetime
    id: PhotoId


@dataclass(frozen=True, slots=True)
class Page:
    """Photos in order, and where the next page starts, or None at the end."""

    photos: tuple[Photo, ...]
    next: Position | None


# A tuple, for a layout has a million of them: a frozen dataclass takes four times as long to make.
class LayoutRow(NamedTuple):
    """What a grid needs to give a photo its place. Sizes are pixels; None until it is decoded."""

    id: PhotoId
    width: int | None
    height: int | None
    taken_at: datetime | None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many live photos of an owner are in each state, and how many lie in the trash."""

    awaiting: int = 0
    stored: int = 0
    labelled: int = 0
    failed: int = 0
    trashed: int = 0

    @property
    def total(self) -> int:
        """Every photo that is not in the trash."""
        return self.awaiting + self.stored + self.labelled + self.failed
