"""How photos are shown."""

import json
from datetime import UTC, datetime

from imgtag.api.schemas import OnePhoto
from imgtag.api.views import Thumbnails, photo_out, photos_json
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.labels import Box, Label, LabelName, LabelSet, Source
from imgtag.domain.photos import Failure, Photo, PhotoState
from imgtag.services.signing import Signer

TAKEN = datetime(2026, 11, 28, 12, 30, 15, 250_000, UTC)
THUMBNAILS = Thumbnails(Signer("secret"), TAKEN)


def _photo(number: int) -> Photo:
    boxes = (Box(0.25, 0.5, 0.125, 1e-7),)
    labels = (
        Label(LabelName("Boat"), 91.5, Source.MACHINE, "scenes-1", (LabelName("Vehicle"),), boxes),
        Label(LabelName("Été à la mer"), 100, Source.USER),
    )
    return Photo(
        owner=OwnerId("sub"),
        id=PhotoId(f"{number:026}"),
        file_name='a "lake" 🏞.jpg',
        created_at=TAKEN.replace(microsecond=0),
        state=PhotoState.FAILED,
        content_type="image/jpeg",
        size=2**40,
        width=4000,
        height=3000,
        taken_at=TAKEN,
        failure=Failure("unreadable", "it can't be read"),
        labels=LabelSet.of(labels),
        trashed_at=TAKEN,
    )


def test_page_of_photos() -> None:
    """A page shows each photo as it is shown alone."""
    bare = Photo(owner=OwnerId("sub"), id=PhotoId("0" * 26), file_name="a.jpg", created_at=TAKEN)
    photos = [_photo(1), bare, _photo(2)]
    alone = [json.loads(_alone(photo)) for photo in photos]
    page = json.loads(photos_json(photos, "cursor", THUMBNAILS))
    assert page == {"photos": alone, "next_cursor": "cursor"}


def _alone(photo: Photo) -> str:
    return OnePhoto(photo_out(photo, THUMBNAILS)).model_dump_json()
