"""One owner's photos, and what follows from them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from imgtag.domain.errors import Conflict, NotFound
from imgtag.domain.ids import PhotoId
from imgtag.domain.labels import LabelCount, LabelName, LabelSet
from imgtag.domain.photos import Photo, PhotoState
from imgtag.domain.queries import Page, Position, Query, Sort, Tally
from imgtag.ports import Clock


class Library:
    """The photos of one owner. Nothing here waits, so each call is one transaction."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._photos: dict[PhotoId, Photo] = {}
        self._since: dict[PhotoId, datetime] = {}
        self._aliases: dict[PhotoId, PhotoId] = {}
        self._spellings: dict[str, LabelName] = {}

    def __iter__(self) -> Iterator[Photo]:
        return iter(list(self._photos.values()))

    def get(self, photo: PhotoId) -> Photo | None:
        """Fetch a photo of exactly this id."""
        return self._photos.get(photo)

    def find(self, photo: PhotoId) -> Photo:
        """Fetch a photo of exactly this id, or raise `NotFound`."""
        if photo not in self._photos:
            msg = "there is no such photo"
            raise NotFound(msg)
        return self._photos[photo]

    def meant_by(self, photo: PhotoId) -> Photo:
        """Fetch a photo, or the one that its reservation ended in; or raise `NotFound`."""
        return self.find(self._aliases.get(photo, photo))

    def with_content(self, photo: PhotoId, sha256: str) -> Photo:
        """Fetch a photo that has these bytes, or raise `NotFound` or `Conflict`."""
        found = self.find(photo)
        if found.content is None or found.content.sha256 != sha256:
            msg = "the photo has other bytes by now"
            raise Conflict(msg)
        return found

    def twin(self, sha256: str | None, *, besides: PhotoId | None = None) -> Photo | None:
        """Find a photo with these bytes, before one that only means to send them."""
        twins = [p for p in self if sha256 and p.sha256 == sha256 and p.id != besides]
        return min(twins, key=lambda p: p.state is PhotoState.AWAITING, default=None)

    def put(self, photo: Photo) -> Photo:
        """Write a photo, its labels spelled as the owner first spelled them."""
        photo = replace(photo, labels=self._spelled(photo.labels))
        known = self._photos.get(photo.id)
        if known is None or known.state is not photo.state:
            self._since[photo.id] = self._clock.now() if known else photo.created_at
        self._photos[photo.id] = photo
        return photo

    def add(self, photo: Photo) -> Photo:
        """Write a photo, unless its id is known."""
        known = self._photos.get(self._aliases.get(photo.id, photo.id))
        return known or self.put(photo)

    def end(self, photo: PhotoId, *, alias_of: PhotoId) -> None:
        """Forget a reservation, and let its id mean another photo."""
        self.remove(photo)
        self._aliases[photo] = alias_of

    def remove(self, photo: PhotoId) -> None:
        """Forget a photo; absent is fine."""
        self._photos.pop(photo, None)
        self._since.pop(photo, None)

    def since(self, photo: PhotoId) -> datetime:
        """Tell when the photo came into the state that it is in."""
        return self._since[photo]

    def matching(self, query: Query, sort: Sort) -> Sequence[Photo]:
        """List the photos that match, in order."""
        return sorted(
            filter(query.matches, self),
            key=lambda photo: (sort.time_of(photo), photo.id),
            reverse=sort.descending,
        )

    def page(self, query: Query, sort: Sort, after: Position | None, limit: int) -> Page:
        """List up to *limit* of them from *after* on."""
        rest = [p for p in self.matching(query, sort) if not after or _is_after(p, sort, after)]
        page = tuple(rest[:limit])
        more = len(rest) > len(page)
        return Page(page, Position(sort.time_of(page[-1]), page[-1].id) if more else None)

    def counts(self, *, covers: bool) -> Sequence[LabelCount]:
        """Count labels, most photos first, then by name."""
        rows = [
            LabelCount(self._spellings[folded], photos, self._cover(folded) if covers else None)
            for folded, photos in self.recount().items()
        ]
        return sorted(rows, key=lambda row: (-row.photos, row.name))

    def recount(self) -> Mapping[str, int]:
        """Count labels: folded name to number of photos."""
        return Counter(
            folded for photo in self if photo.in_library for folded in photo.labels.labels
        )

    def tally(self) -> Tally:
        """Count photos by state."""
        states = Counter(photo.state.value for photo in self if photo.trashed_at is None)
        return Tally(**states, trashed=sum(photo.trashed_at is not None for photo in self))

    def _cover(self, folded: str) -> PhotoId:
        carriers = (p for p in self if p.in_library and folded in p.labels.labels)
        return max(carriers, key=lambda photo: (photo.created_at, photo.id)).id

    def _spelled(self, labels: LabelSet) -> LabelSet:
        spell = self._spellings.setdefault
        return LabelSet.of(
            [label._replace(name=spell(key, label.name)) for key, label in labels.labels.items()],
            [spell(key, name) for key, name in labels.removed.items()],
        )


def _is_after(photo: Photo, sort: Sort, after: Position) -> bool:
    here, there = (sort.time_of(photo), photo.id), (after.time, after.id)
    return here < there if sort.descending else here > there
