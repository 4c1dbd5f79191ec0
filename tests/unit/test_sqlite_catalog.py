"""Every way in which SQLite answers a query gives what the domain says, and reads no more."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest

from imgtag.backends.local import catalog_reads, catalog_repair
from imgtag.backends.local.catalog import SqliteCatalog
from imgtag.backends.local.catalog_queries import Listing, Statement, Term, Terms
from imgtag.backends.local.catalog_schema import CATALOG, marks
from imgtag.backends.local.database import FILE_NAME, Database, fetch, open_database
from imgtag.backends.local.queue import QUEUE, SqliteQueue
from imgtag.backends.local.schema import Component
from imgtag.backends.memory import MemoryQueue
from imgtag.domain.errors import Conflict
from imgtag.domain.events import PhotoDiscarded, PhotoStored
from imgtag.domain.ids import OwnerId
from imgtag.domain.labels import LabelChange, LabelHit, LabelName
from imgtag.domain.photos import Failure, Photo, PhotoState
from imgtag.domain.queries import Query, Sort
from imgtag.testing.clock import FixedClock
from imgtag.testing.photos import ADA, BOB, MODEL, Maker, facts

NAMES = tuple(map(LabelName, ("Sky", "Lake", "Tree", "Boat", "Rare")))
WEIGHTS = (0.8, 0.5, 0.4, 0.3, 0.04)
_LIBRARY_WITHOUT_MARKS = f"""
INSERT INTO owners VALUES (1, '{ADA}');
INSERT INTO labels (label, owner, folded, name) VALUES (1, 1, 'lake', 'Lake'), (2, 1, 'sea', 'Sea');
INSERT INTO origins VALUES (1, '', '[]');
INSERT INTO photos (photo, owner, id, file_name, folded_name, state, since, created_at)
    VALUES (1, 1, '{"0" * 26}', 'a.jpg', 'a.jpg', 'labelled', 0, 0);
INSERT INTO photo_labels VALUES (1, 1, 'user', 100, 1, NULL), (1, 2, 'user', 100, 1, NULL);
"""  # noqa: S608 - put together from constants


async def fill(catalog: SqliteCatalog, clock: FixedClock, chance: random.Random) -> list[Photo]:
    """Add photos in every state, many of them taken in the same second or added at once."""
    make, photos = Maker(clock), []
    for number in range(90):
        clock.advance(timedelta(milliseconds=chance.choice([0, 0, 1])))
        (photo,) = await catalog.reserve(ADA, [make.photo(file_name=f"{number % 7} Ärger.jpg")])
        photos.append(await live(catalog, photo, make, chance))
    return photos


async def live(catalog: SqliteCatalog, photo: Photo, make: Maker, chance: random.Random) -> Photo:
    """Let a photo go some of the ways that photos go."""
    if chance.random() < 0.1:
        return photo
    content = make.content()
    photo = await catalog.store(ADA, photo.id, content, None)
    taken = chance.choice([None, photo.created_at - timedelta(seconds=chance.randint(0, 3))])
    if chance.random() < 0.8:
        hits = [
            LabelHit(name, 90, NAMES[:1])
            for name, weight in zip(NAMES, WEIGHTS, strict=True)
            if chance.random() < weight
        ]
        photo = await catalog.label(ADA, photo.id, content.sha256, facts(taken), hits, model=MODEL)
    elif chance.random() < 0.5:
        failure = Failure("unreadable_photo", "no")
        photo = await catalog.fail(ADA, photo.id, content.sha256, failure, facts(taken))
    if chance.random() < 0.2:
        change = LabelChange(add=(NAMES[3],), remove=(NAMES[0],))
        await catalog.edit(ADA, [photo.id], change)
    if chance.random() < 0.15:
        await catalog.trash(ADA, photo.id, photo.created_at)
    return await catalog.get(ADA, photo.id)


def some_query(chance: random.Random, photos: Sequence[Photo]) -> Query:
    """Ask for anything."""

    def some(most: int) -> tuple[LabelName, ...]:
        return tuple(chance.sample(NAMES, chance.randint(0, most)))

    return Query(
        all=some(3),
        any=chance.choice([(), some(2)]),
        none=chance.choice([(), some(2)]),
        unlabelled=chance.random() < 0.1,
        state=chance.choice([None, None, None, *PhotoState]),
        text=chance.choice(["", "", "", "ÄRGER", "3 ä"]),
        photo_ids=chance.choice([(), (), tuple(p.id for p in chance.sample(photos, 30))]),
        trashed=chance.random() < 0.2,
    )


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("leaps", [0, 1, 8])
async def test_every_plan_finds_what_matches(
    catalog: SqliteCatalog,
    database: Database,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
    *,
    marked: bool,
    leaps: int,
) -> None:
    """Whether or not marks are known, and wherever the walk begins."""
    monkeypatch.setattr(catalog_reads, "LEAPS", leaps)
    chance = random.Random(f"{marked} {leaps}")
    photos = await fill(catalog, clock, chance)
    if not marked:
        await database.write(lambda db: db.execute("UPDATE photos SET marks = -1"))
    for _ in range(60):
        query, sort = some_query(chance, photos), chance.choice(list(Sort))
        expected = [photo.id for photo in in_order(photos, query, sort)]
        assert await ids_of_pages(catalog, query, sort, chance.randint(1, 9)) == expected, query
        rows = await catalog.layout(ADA, query, sort)
        assert [row.id for row in rows] == expected, query


def in_order(photos: Sequence[Photo], query: Query, sort: Sort) -> list[Photo]:
    """Filter and sort as the domain says."""
    return sorted(
        filter(query.matches, photos),
        key=lambda photo: (sort.time_of(photo), photo.id),
        reverse=sort.descending,
    )


async def ids_of_pages(catalog: SqliteCatalog, query: Query, sort: Sort, limit: int) -> list[str]:
    """Read page after page."""
    found: list[str] = []
    after = None
    while True:
        page = await catalog.page(ADA, query, sort, after=after, limit=limit)
        found += [photo.id for photo in page.photos]
        after = page.next
        if after is None:
            return found


async def test_the_shelves_follow_every_step(
    database: Database, catalog: SqliteCatalog, clock: FixedClock
) -> None:
    """After a random life of ninety photos, shelves, counts and tallies are what the rows say."""
    await fill(catalog, clock, random.Random(3))
    assert await database.read(differences) == [set()] * 5


SPOILERS = (
    "UPDATE labels SET photos = photos + 7",
    "UPDATE labels SET photos = 0",
    "DELETE FROM shelf_created",
    "DELETE FROM shelf_shown WHERE at % 2",
    "UPDATE photos SET bare = NOT bare WHERE photo % 3",
    "UPDATE tallies SET photos = 3",
    "DELETE FROM tallies",
    "INSERT INTO shelf_created SELECT label, at + 1, id, photo, 0 FROM shelf_created",
    "INSERT INTO shelf_shown SELECT label, at - 1, id || 'x', 999, 0 FROM shelf_shown",
    "UPDATE shelf_shown SET marks = 0",
    "UPDATE shelf_created SET marks = -1",
)


@pytest.mark.parametrize("step", [5, 2000])
async def test_everything_derived_can_be_repaired(
    database: Database,
    catalog: SqliteCatalog,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
) -> None:
    """Whatever was spoilt behind the catalog's back, in steps of any size; right stays right."""
    monkeypatch.setattr(catalog_repair, "STEP", step)
    await fill(catalog, clock, random.Random(4))
    for spoiler in (*SPOILERS, "SELECT 1"):
        await database.write(partial(fetch, sql=spoiler))
        await catalog.repair_counts(ADA)
        assert await database.read(differences) == [set()] * 5, spoiler


def differences(db: apsw.Connection) -> list[set[Any]]:
    """Compare all that is derived with what it is derived from."""
    live = "FROM photo_labels JOIN photos USING (photo) WHERE live AND source <> 'removed'"

    bare = "SELECT 1 FROM photo_labels WHERE photo = photos.photo AND source <> 'removed'"
    pairs = (
        ("SELECT * FROM shelf_shown", f"SELECT label, shown_at, id, photo, marks {live}"),
        ("SELECT * FROM shelf_created", f"SELECT label, created_at, id, photo, marks {live}"),
        (
            "SELECT label, photos FROM labels WHERE photos > 0",
            f"SELECT label, count(*) {live} GROUP BY label",
        ),
        (
            "SELECT place, photos FROM tallies WHERE photos > 0",
            "SELECT place, count(*) FROM photos GROUP BY place",
        ),
        ("SELECT id, bare FROM photos", f"SELECT id, NOT EXISTS ({bare}) FROM photos"),  # noqa: S608
    )
    return [set(fetch(db, kept)) ^ set(fetch(db, true)) for kept, true in pairs]


async def test_a_label_row_is_never_rewritten(
    database: Database, catalog: SqliteCatalog, clock: FixedClock
) -> None:
    """An UPDATE behind the triggers' back would spoil the counts, so it is refused."""
    await fill(catalog, clock, random.Random(1))
    with pytest.raises(apsw.ConstraintError, match="never rewritten"):
        await database.write(lambda db: db.execute("UPDATE photo_labels SET source = 'removed'"))


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(state=PhotoState.LABELLED),
        Query(all=NAMES[:3]),
        Query(any=NAMES[:3]),
        Query(none=NAMES[:3]),
        Query(all=NAMES[:1], any=NAMES[1:3], none=NAMES[3:]),
    ],
)
async def test_a_page_is_read_in_order(database: Database, query: Query, sort: Sort) -> None:
    """Nothing is sorted, stored or scanned, so the first page costs no more than its photos."""
    plan = await explained(database, query, sort)
    assert not [step for step in plan if "TEMP B-TREE" in step or step.startswith("SCAN photos")]


async def test_the_rarest_label_is_walked(database: Database) -> None:
    """One shelf is read, and the others are asked by key."""
    plan = await explained(database, Query(all=NAMES[:3]), Sort.NEWEST_TAKEN)
    assert not any("MERGE" in step or "TEMP B-TREE" in step for step in plan)
    asked = [step for step in plan if "beside" in step]
    assert len(asked) == 2
    assert all(step.endswith("USING PRIMARY KEY (label=? AND at=? AND id=?)") for step in asked)


async def test_shelves_repeat_the_marks_of_all_labels(
    catalog: SqliteCatalog, database: Database, clock: FixedClock
) -> None:
    """Whatever photos went through, no label of theirs is without its marks on any shelf."""
    await fill(catalog, clock, random.Random(11))
    for shelf in ("shelf_shown", "shelf_created"):
        sql = "SELECT marks, photo_labels.label FROM {} JOIN photo_labels USING (photo)"
        sql = f"{sql.format(shelf)} WHERE source <> 'removed'"
        rows = await database.read(partial(fetch, sql=sql))
        assert len(rows) > 100
        assert all(may_have(label, known) for known, label in rows)
        assert not all(may_have(label, known) for known, _ in rows for label in range(1, 6))


def may_have(label: int, known: int) -> bool:
    """Tell whether a photo with the marks *known* may have a label."""
    return known & marks([label]) == marks([label])


async def test_a_library_from_before_there_were_marks_goes_on(
    tmp_path: Path, clock: FixedClock
) -> None:
    """What is not known keeps nothing from being found, nor does what is added then."""
    async with open_database(tmp_path / FILE_NAME) as database:
        await database.migrate(QUEUE)
        await database.migrate(Component("catalog", CATALOG.steps[:1]))
        await database.write(lambda db: db.execute(_LIBRARY_WITHOUT_MARKS).fetchall())
        await database.migrate(CATALOG)
        catalog = SqliteCatalog(database, clock, SqliteQueue(database, clock, topic="photos"))
        lake, sea, boat = LabelName("Lake"), LabelName("Sea"), LabelName("Boat")
        (photo,) = await catalog.layout(ADA, Query(all=(lake, sea)), Sort.NEWEST_TAKEN)
        await catalog.edit(ADA, [photo.id], LabelChange(add=(boat,)))
        for query in (Query(all=(lake, boat)), Query(all=(boat, sea, lake))):
            found = await catalog.layout(ADA, query, Sort.NEWEST_TAKEN)
            assert [row.id for row in found] == [photo.id]


async def explained(database: Database, query: Query, sort: Sort) -> list[str]:
    """Ask SQLite how it would read a page."""
    known = {name.folded: Term(number, 100) for number, name in enumerate(NAMES)}
    terms = Terms.of(query, known)
    assert terms
    statement = Listing(1, query, terms, sort).numbers(50)
    plan = Statement(["EXPLAIN QUERY PLAN", *statement.parts], statement.values)
    return [step[3] for step in await database.read(plan.run)]


async def test_no_word_of_anybody_becomes_sql(
    database: Database, catalog: SqliteCatalog, clock: FixedClock
) -> None:
    """Names, labels and search texts are bound, whatever is in them."""
    hostile = "x') OR 1=1; DROP TABLE photos; --\"'%_ \N{PILE OF POO}"
    seen: list[str] = []
    connections = [database._writer, *database._idle_readers]
    for connection in connections:
        connection.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: seen.append(event["sql"]))
    make, owner = Maker(clock), OwnerId("a-_Z9")
    (photo,) = await catalog.reserve(owner, [make.photo(owner, file_name=hostile)])
    await catalog.store(owner, photo.id, make.content(), PhotoStored(owner, photo.id))
    await catalog.edit(owner, [photo.id], LabelChange(add=(LabelName(hostile),)))
    query = Query(all=(LabelName(hostile),), none=(LabelName(f"{hostile}?"),), text=hostile)
    page = await catalog.page(owner, query, Sort.NEWEST_TAKEN, after=None, limit=5)
    assert [found.file_name for found in page.photos] == [hostile]
    assert seen
    assert not [sql for sql in seen if "DROP" in sql or "1=1" in sql]
    for connection in connections:
        connection.trace_v2(0)


async def test_a_text_that_is_no_unicode_matches_nothing(
    catalog: SqliteCatalog, clock: FixedClock
) -> None:
    """JSON can carry half of a surrogate pair; no file name has one."""
    await fill(catalog, clock, random.Random(5))
    page = await catalog.page(ADA, Query(text="\ud800"), Sort.NEWEST_TAKEN, after=None, limit=5)
    assert page.photos == ()


async def test_a_discarded_photo_takes_its_aliases_along(
    catalog: SqliteCatalog, clock: FixedClock, database: Database
) -> None:
    """Nothing points at a photo that is gone."""
    make = Maker(clock)
    first, second = await catalog.reserve(ADA, [make.photo(), make.photo()])
    content = make.content()
    await catalog.store(ADA, first.id, content, None)
    assert (await catalog.store(ADA, second.id, content, None)).id == first.id
    await catalog.trash(ADA, first.id, clock.now())
    await catalog.discard(ADA, first.id, PhotoDiscarded(ADA, first.id))
    assert await database.read(lambda db: fetch(db, "SELECT * FROM aliases")) == []
    assert await database.read(lambda db: fetch(db, "PRAGMA foreign_key_check")) == []


async def test_an_event_and_its_photo_are_one_transaction(
    database: Database, clock: FixedClock
) -> None:
    """Where the event can't be written, the photo is not stored either."""
    events = SqliteQueue(database, clock, topic="photos")
    catalog, make = SqliteCatalog(database, clock, events), Maker(clock)
    (photo,) = await catalog.reserve(ADA, [make.photo()])
    trigger = "CREATE TRIGGER stop BEFORE INSERT ON events BEGIN SELECT raise(ABORT, 'no'); END"
    await database.write(lambda db: db.execute(trigger))
    with pytest.raises(apsw.ConstraintError):
        await catalog.store(ADA, photo.id, make.content(), PhotoStored(ADA, photo.id))
    assert (await catalog.get(ADA, photo.id)).state is PhotoState.AWAITING


async def test_another_queue_hears_after_the_commit(database: Database, clock: FixedClock) -> None:
    """A catalog sends on whatever queue it is given, once what it tells is true."""
    events = MemoryQueue(clock)
    catalog, make = SqliteCatalog(database, clock, events), Maker(clock)
    (photo,) = await catalog.reserve(ADA, [make.photo()])
    content = make.content()
    for _ in range(2):
        await catalog.store(ADA, photo.id, content, PhotoStored(ADA, photo.id))
    assert await events.waiting() == 1
    with pytest.raises(Conflict):
        await catalog.discard(ADA, photo.id, PhotoDiscarded(ADA, photo.id))
    assert await events.waiting() == 1


async def test_owners_share_nothing(
    catalog: SqliteCatalog, clock: FixedClock, database: Database
) -> None:
    """The same bytes, label and id of two owners are two photos, two labels, two counts."""
    make = Maker(clock)
    content, photo = make.content(), make.photo()
    for owner, spelling in ((ADA, "Lake"), (BOB, "LAKE")):
        await catalog.reserve(owner, [replace(photo, owner=owner)])
        await catalog.store(owner, photo.id, content, None)
        await catalog.edit(owner, [photo.id], LabelChange(add=(LabelName(spelling),)))
    await catalog.trash(BOB, photo.id, clock.now())
    assert [row.name for row in await catalog.counts(ADA)] == ["Lake"]
    assert await catalog.counts(BOB) == []
    assert (await catalog.get(BOB, photo.id)).labels.sorted()[0].name == "LAKE"
    names = await database.read(lambda db: fetch(db, "SELECT name FROM labels ORDER BY owner"))
    assert names == [("Lake",), ("LAKE",)]
