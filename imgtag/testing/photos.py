"""Makers of photos, labels, bundles and small JPEGs: all different, and the same in every run."""

import hashlib
import io
import zlib
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

from PIL import Image

from imgtag.domain.bundles import Bundle, BundleState, Progress
from imgtag.domain.ids import BundleId, ImportId, OwnerId, PhotoId
from imgtag.domain.imports import Import, ImportState, Skipped
from imgtag.domain.labels import LabelChange, LabelHit, LabelName
from imgtag.domain.photos import Content, Facts, Failure, Photo, PhotoState
from imgtag.domain.queries import Query
from imgtag.ports import Clock

ADA: Final = OwnerId("ada")
BOB: Final = OwnerId("bob")
MODEL: Final = "test-1"


class Maker:
    """Makes things of the domain, created when *clock* says. *seed* sets two makers apart."""

    def __init__(self, clock: Clock, *, seed: int = 0) -> None:
        self._clock = clock
        self._seed = seed
        self._numbers = count(1)

    def photo_id(self) -> PhotoId:
        """Make an id that no photo has."""
        return PhotoId.mint(self._clock.now(), self._noise()[:10])

    def bundle_id(self) -> BundleId:
        """Make an id that no bundle has."""
        return BundleId.mint(self._clock.now(), self._noise()[:10])

    def content(self) -> Content:
        """Make the identity of bytes that nobody sent so far."""
        return content_of(self._noise())

    def photo(self, owner: OwnerId = ADA, **known: Any) -> Photo:
        """Make a photo that awaits its bytes; *known* sets fields."""
        photo_id = self.photo_id()
        fields = {"file_name": f"{photo_id[-6:]}.jpg", "created_at": self._clock.now(), **known}
        return Photo(owner=owner, id=photo_id, **fields)

    def bundle(self, owner: OwnerId = ADA, **known: Any) -> Bundle:
        """Make a bundle that was just asked for; *known* sets fields."""
        fields: dict[str, Any] = {
            "name": "Lakes",
            "query": query(any=["Lake"]),
            "sidecars": False,
            "photos": 2,
            "bytes": 2048,
            "token": self._noise().hex()[:32],
            "created_at": self._clock.now(),
            **known,
        }
        return Bundle(owner=owner, id=self.bundle_id(), **fields)

    def full_bundle(self) -> Bundle:
        """Make a bundle in which no field is left as it is by default."""
        now = self._clock.now()
        wanted = query(
            all=["Sea, deep"],
            any=["日本", "Lake"],
            none=["100%"],
            state=PhotoState.LABELLED,
            text="é🏔",
            photo_ids=(self.photo_id(), self.photo_id()),
        )
        return self.bundle(
            name="Åre 🏔️, '100%'",
            query=wanted,
            sidecars=True,
            photos=70_000,
            bytes=5 * 2**40,
            state=BundleState.FAILED,
            progress=Progress(3, 2**40),
            failure=Failure("photo_gone", "The bytes of one photo are gone"),
            ready_at=now + timedelta(milliseconds=1),
            expires_at=now + timedelta(hours=24, milliseconds=1),
            lease_until=now + timedelta(milliseconds=2),
            checkpoint='{"parts": ["é", 1]}',
        )

    def imported(self, owner: OwnerId = ADA, **known: Any) -> Import:
        """Make an import that was just asked for; *known* sets fields."""
        now = self._clock.now()
        fields: dict[str, Any] = {"source": "s3://photos/2024", "created_at": now, **known}
        return Import(owner=owner, id=ImportId.mint(now, self._noise()[:10]), **fields)

    def full_import(self) -> Import:
        """Make an import in which no field is left as it is by default."""
        return self.imported(
            source="file:///Fotos/Åre%20🏔️",
            state=ImportState.FAILED,
            copied=70_000,
            duplicates=3,
            skipped=2,
            bytes=5 * 2**40,
            told=(
                Skipped("Åre/🏔️ '100%'.txt", "unsupported_format", "it is text"),
                Skipped("pipe", "not_a_file", "it is a pipe"),
            ),
            failure=Failure("source_not_found", "there is no such folder"),
            finished_at=self._clock.now() + timedelta(milliseconds=1),
            cursor="2024/é #.jpg",
        )

    def _noise(self) -> bytes:
        return hashlib.sha256(f"{self._seed}/{next(self._numbers)}".encode()).digest()


def content_of(data: bytes) -> Content:
    """Measure *data* as ingest does."""
    return Content(len(data), hashlib.sha256(data).hexdigest(), zlib.crc32(data))


def facts(taken_at: datetime | None = None) -> Facts:
    """Make what decoding tells of an ordinary photo."""
    return Facts("image/jpeg", 4032, 3024, taken_at)


def names(*texts: str) -> tuple[LabelName, ...]:
    """Make label names."""
    return tuple(LabelName(text) for text in texts)


def hit(name: str, confidence: float = 90.0, *parents: str) -> LabelHit:
    """Make what a labeler says of one label."""
    return LabelHit(LabelName(name), confidence, names(*parents))


def change(add: str | None = None, remove: str | None = None) -> LabelChange:
    """Make a user's change of one label."""
    return LabelChange(names(add) if add else (), names(remove) if remove else ())


def query(**parts: Any) -> Query:
    """Make a query; labels may be given as plain text."""
    for part in ("all", "any", "none"):
        parts[part] = names(*parts.get(part, ()))
    return Query(**parts)


def jpeg(width: int = 16, height: int = 12, colour: tuple[int, int, int] = (30, 90, 160)) -> bytes:
    """Make a small JPEG of one colour; sizes are pixels."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "JPEG")
    return buffer.getvalue()
