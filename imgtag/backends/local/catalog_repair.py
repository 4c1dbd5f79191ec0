"""Counting afresh, and putting right what differs, for `doctor`.

A repair goes in many small transactions, since a service may be at work meanwhile: each one makes a
part of what is derived agree with the truth, and the triggers keep it so.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import apsw

from imgtag.backends.local.catalog_rows import owner_number
from imgtag.backends.local.database import Database, fetch
from imgtag.domain.ids import OwnerId

STEP: Final = 2000

_RECOUNT: Final = """
SELECT folded, count(*) FROM photo_labels
CROSS JOIN photos USING (photo) CROSS JOIN labels USING (label)
WHERE photos.owner = (SELECT owner FROM owners WHERE name = ?) AND live AND source <> 'removed'
GROUP BY label
"""
_COUNT: Final = """
UPDATE labels SET photos = (SELECT count(*) FROM shelf_shown WHERE label = ?1) WHERE label = ?1
"""
_TALLY: Final = """
DELETE FROM tallies WHERE owner = :owner;
INSERT INTO tallies
    SELECT owner, place, count(*) FROM photos WHERE owner = :owner GROUP BY place
"""
_NEXT_ON_SHELF: Final = (
    """
    SELECT at, id FROM shelf_shown
    WHERE label = ? AND (at, id) > (?, ?) ORDER BY at, id LIMIT ?
    """,
    """
    SELECT at, id FROM shelf_created
    WHERE label = ? AND (at, id) > (?, ?) ORDER BY at, id LIMIT ?
    """,
)
_PRUNE: Final = (
    """
    DELETE FROM shelf_shown WHERE label = ?1 AND (at, id) > (?2, ?3) AND (at, id) <= (?4, ?5)
    AND NOT EXISTS (
        SELECT 1 FROM photos CROSS JOIN photo_labels USING (photo)
        WHERE photos.photo = shelf_shown.photo AND live AND shown_at = at
        AND photos.id = shelf_shown.id AND label = ?1 AND source <> 'removed')
    """,
    """
    DELETE FROM shelf_created WHERE label = ?1 AND (at, id) > (?2, ?3) AND (at, id) <= (?4, ?5)
    AND NOT EXISTS (
        SELECT 1 FROM photos CROSS JOIN photo_labels USING (photo)
        WHERE photos.photo = shelf_created.photo AND live AND created_at = at
        AND photos.id = shelf_created.id AND label = ?1 AND source <> 'removed')
    """,
)
_NEXT_PHOTO: Final = """
SELECT max(photo) FROM (SELECT photo FROM photos WHERE photo > ? ORDER BY photo LIMIT ?)
"""
_SHELVE: Final = """
INSERT INTO shelf_shown SELECT label, shown_at, id, photo, marks
    FROM photos CROSS JOIN photo_labels USING (photo)
    WHERE photo > :after AND photo <= :upto AND owner = :owner AND live AND source <> 'removed'
    ON CONFLICT DO UPDATE SET marks = excluded.marks WHERE marks <> excluded.marks;
INSERT INTO shelf_created SELECT label, created_at, id, photo, marks
    FROM photos CROSS JOIN photo_labels USING (photo)
    WHERE photo > :after AND photo <= :upto AND owner = :owner AND live AND source <> 'removed'
    ON CONFLICT DO UPDATE SET marks = excluded.marks WHERE marks <> excluded.marks;
UPDATE photos SET bare = NOT bare
    WHERE photo > :after AND photo <= :upto AND owner = :owner AND bare = EXISTS (
        SELECT 1 FROM photo_labels WHERE photo = photos.photo AND source <> 'removed')
"""


def recount(db: apsw.Connection, owner: OwnerId) -> Mapping[str, int]:
    """Count labels from the photos themselves: folded name to number."""
    return dict(fetch(db, _RECOUNT, (owner,)))


async def repair(database: Database, owner: OwnerId) -> None:
    """Make shelves, counts and tallies of *owner* agree with the photos and their labels."""
    number = await database.read(lambda db: owner_number(db, owner))
    if number is None:
        return
    sql = "SELECT label FROM labels WHERE owner = ?"
    for (label,) in await database.read(partial(fetch, sql=sql, values=(number,))):
        # First of all, since the triggers go on counting from here.
        await database.write(partial(_run, sql=_COUNT, values=(label,)))
        for shelf in range(len(_PRUNE)):
            await _prune(database, shelf, label)
    await _shelve(database, number)
    await database.write(partial(_run, sql=_TALLY, values={"owner": number}))


async def _prune(database: Database, shelf: int, label: int) -> None:
    """Take off a shelf what doesn't belong there."""
    place: tuple[int, str] = (-(2**63), "")
    while True:
        values = (label, *place, STEP)
        step = await database.read(partial(fetch, sql=_NEXT_ON_SHELF[shelf], values=values))
        if not step:
            return
        await database.write(partial(_run, sql=_PRUNE[shelf], values=(label, *place, *step[-1])))
        place = step[-1]


async def _shelve(database: Database, owner: int) -> None:
    """Put on the shelves what is missing there."""
    after = 0
    while True:
        values = (after, STEP)
        ((upto,),) = await database.read(partial(fetch, sql=_NEXT_PHOTO, values=values))
        if upto is None:
            return
        chunk = {"owner": owner, "after": after, "upto": upto}
        await database.write(partial(_run, sql=_SHELVE, values=chunk))
        after = upto


def _run(db: apsw.Connection, sql: str, values: Any) -> None:
    db.execute(sql, values).fetchall()
