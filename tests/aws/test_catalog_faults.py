"""The catalog on a DynamoDB that conflicts, throttles and loses answers."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest

from imgtag.backends.aws import BACKENDS
from imgtag.backends.aws.catalog import DynamoCatalog, rows
from imgtag.backends.aws.catalog.keys import Keys, label_key, moment, place, place_of, time_of
from imgtag.backends.aws.catalog.rows import Change, actions, steps
from imgtag.backends.aws.table import MAX_ACTIONS, MAX_ITEM_BYTES, Table, bytes_of, must_fit
from imgtag.backends.memory import MemoryQueue
from imgtag.domain.errors import Invalid, Unavailable
from imgtag.domain.labels import LabelName, LabelSet
from imgtag.domain.photos import Photo
from imgtag.testing.clock import START, FixedClock
from imgtag.testing.contracts.base import at_once
from imgtag.testing.contracts.catalog_base import Shelf, shown_counts
from imgtag.testing.photos import ADA, MODEL, Maker, facts, hit
from tests.aws.cloud import Cloud

LABELS = ("Lake", "Dog", "Sea", "Tree")


@pytest.fixture
async def catalog(tables: Cloud, clock: FixedClock) -> AsyncIterator[DynamoCatalog]:
    """Give an empty catalog."""
    async with BACKENDS["dynamodb"].catalog(tables.context, MemoryQueue(clock)) as catalog:
        yield catalog


async def test_faults_leave_the_counts_right(
    catalog: DynamoCatalog,
    tables: Cloud,
    clock: FixedClock,
) -> None:
    """With every third write disturbed, every photo is labelled once, and counts are true."""
    shelf = Shelf(catalog, Maker(clock), clock)
    photos = [await shelf.stored() for _ in range(24)]
    write = "DynamoDB_20120810.TransactWriteItems"
    tables.server.steer(
        {"operation": write, "rate": 0.1, "kind": "conflict"},
        {"operation": write, "rate": 0.25, "kind": "lost"},
        {"operation": write, "rate": 0.05, "kind": "throttle"},
    )

    async def label(number: int, photo: Photo) -> None:
        hits = [hit(name) for bit, name in enumerate(LABELS) if number >> bit & 1]
        for _ in range(2):
            await catalog.label(ADA, photo.id, photo.sha256 or "", facts(), hits, model=MODEL)

    await at_once([label(number, photo) for number, photo in enumerate(photos)])
    struck = tables.server.steer()["struck"]
    assert set(struck) == {"conflict", "lost", "throttle"}
    true = Counter(
        name for number in range(24) for bit, name in enumerate(LABELS) if number >> bit & 1
    )
    assert await shown_counts(catalog) == true
    assert await catalog.recount(ADA) == {name.lower(): n for name, n in true.items()}


async def test_a_busy_table_is_unavailable(
    catalog: DynamoCatalog, tables: Cloud, clock: FixedClock
) -> None:
    """What was asked in several calls at once fails as one call does, and can be tried again."""
    shelf = Shelf(catalog, Maker(clock), clock)
    photos = [(await shelf.stored()).id for _ in range(3)]
    tables.server.steer(
        {"operation": "DynamoDB_20120810.BatchGetItem", "rate": 1, "kind": "throttle"}
    )
    with pytest.raises(Unavailable):
        await catalog.get_many(ADA, photos)
    tables.server.steer()
    assert [photo.id for photo in await catalog.get_many(ADA, photos)] == photos


def carrying(number: int) -> Photo:
    """Make a photo in the library with *number* labels."""
    make = Maker(FixedClock())
    hits = [hit(f"Label {n}") for n in range(number)]
    photo = make.photo().stored(make.content()).inspected(facts(START))
    return photo.labelled(LabelSet().relabelled(hits, model=MODEL))


@pytest.mark.parametrize("number", [0, 1, 45, 46, 90, 300])
def test_no_transaction_is_too_large(number: int) -> None:
    """However many labels change, each step fits, and the last one is what was wanted."""
    keys, table = Keys(ADA, 16), Table(None, "catalog")  # type: ignore[arg-type]
    bare = rows.new(carrying(0))
    full = bare.becomes(carrying(number), START)
    moved = full.becomes(carrying(number).inspected(facts(None)), START)
    for old, new in ((bare, full), (full, moved), (full, bare)):
        walked = list(steps(table, keys, Change(bare.photo.id, old, new)))
        assert all(len(actions(table, keys, [step])) <= MAX_ACTIONS for step in walked)
        last = walked[-1].new
        assert last is not None
        assert (last.photo, last.indexed) == (new.photo, new.indexed)


def test_as_many_labels_as_a_labeler_gives_are_one_transaction() -> None:
    """The most that `IMGTAG_MAX_LABELS` may say goes in at once."""
    keys, table = Keys(ADA, 16), Table(None, "catalog")  # type: ignore[arg-type]
    bare = rows.new(carrying(0))
    change = Change(bare.photo.id, bare, bare.becomes(carrying(45), START))
    assert list(steps(table, keys, change)) == [change]


def test_what_dynamodb_would_refuse_is_refused_before() -> None:
    """An item has at most 400 KB, names and values together."""
    item = {"pk": "a", "sk": "b", "doc": "é" * 10}
    assert bytes_of(item) == 2 + 1 + 2 + 1 + 3 + 20
    must_fit({"doc": "x" * (MAX_ITEM_BYTES - 3)})
    with pytest.raises(Invalid):
        must_fit({"doc": "x" * (MAX_ITEM_BYTES - 2)})


def test_keys_sort_as_times_do() -> None:
    """Also before 1970, and to the microsecond."""
    times = [START.replace(year=year, microsecond=m) for year in (1, 1850, 2031) for m in (0, 1)]
    assert sorted(map(moment, times)) == list(map(moment, times))
    assert [time_of(moment(time)) for time in times] == times
    photo = carrying(0)
    assert place_of(place(START, photo.id)) == (START, photo.id)


def test_long_labels_have_short_keys() -> None:
    """A key has at most 1,024 bytes, and folding can make a label longer than that."""
    longest = LabelName("\ufdfa" * 100)
    assert len(longest.folded.encode()) > 2048
    assert len(label_key(longest.folded)) < 100
    assert label_key("lake") == "=lake"
