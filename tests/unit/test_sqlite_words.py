"""What SQLite's readers remember of labels is never another's."""

from dataclasses import replace

import apsw
import pytest

from imgtag.backends.local import catalog_words
from imgtag.backends.local.catalog import SqliteCatalog
from imgtag.backends.local.catalog_rows import BY_ID, load, save
from imgtag.backends.local.database import Database
from imgtag.domain.ids import PhotoId
from imgtag.domain.labels import LabelChange, LabelName
from imgtag.domain.queries import Query, Sort
from imgtag.testing.clock import FixedClock
from imgtag.testing.photos import ADA, Maker


async def stored(catalog: SqliteCatalog, make: Maker) -> PhotoId:
    """Add a photo to the library."""
    (photo,) = await catalog.reserve(ADA, [make.photo()])
    return (await catalog.store(ADA, photo.id, make.content(), None)).id


async def shown(catalog: SqliteCatalog) -> list[list[str]]:
    """Read the labels of all photos, oldest first."""
    page = await catalog.page(ADA, Query(), Sort.OLDEST_CREATED, after=None, limit=10)
    return [sorted(label.name for label in photo.labels.sorted()) for photo in page.photos]


def adding(name: str) -> LabelChange:
    """Make a change that adds one label."""
    return LabelChange(add=(LabelName(name),))


async def test_a_label_that_was_undone(
    catalog: SqliteCatalog, database: Database, clock: FixedClock
) -> None:
    """It lends its number to the next, which is called by its own name."""
    photo = await stored(catalog, Maker(clock))

    def undone(db: apsw.Connection) -> None:
        (row,) = load(db, BY_ID, (ADA, photo))
        save(db, row, replace(row.photo, labels=row.photo.labels.edited(adding("Undone"))), 0)
        (row,) = load(db, BY_ID, (ADA, photo))
        assert list(row.photo.labels.labels) == ["undone"]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(undone)
    await catalog.edit(ADA, [photo], adding("Next"))
    assert await shown(catalog) == [["Next"]]
    await catalog.edit(ADA, [photo], LabelChange(remove=(LabelName("Next"),)))
    assert await shown(catalog) == [[]]


async def test_more_labels_than_are_remembered(
    catalog: SqliteCatalog, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are looked up again."""
    monkeypatch.setattr(catalog_words, "KEPT", 1)
    make = Maker(clock)
    for name in ("Boat", "Lake"):
        photo = await stored(catalog, make)
        await catalog.edit(ADA, [photo], adding(name))
        await catalog.edit(ADA, [photo], adding("Sky"))
    for _ in range(2):
        assert await shown(catalog) == [["Boat", "Sky"], ["Lake", "Sky"]]
