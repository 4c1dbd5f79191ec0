"""Photos and labels as rows, and back."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import apsw

from imgtag.backends.local.catalog_schema import marks
from imgtag.backends.local.catalog_words import spelled, words
from imgtag.backends.local.database import fetch
from imgtag.backends.local.times import (
    from_micros,
    from_micros_or_none,
    to_micros,
    to_micros_or_none,
)
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.labels import Box, Label, LabelName, LabelSet, Source
from imgtag.domain.photos import Failure, Photo, PhotoState

_SELECT: Final = """
SELECT photo, owner, name, id, file_name, created_at, state, content_type, size, sha256, crc32,
    width, height, taken_at, failure_code, failure_detail, trashed_at, marks
FROM photos CROSS JOIN owners USING (owner)
"""
_OWNER: Final = "(SELECT owner FROM owners WHERE name = ?1)"
# Put together from constants; every value is bound.
BY_ID: Final = f"{_SELECT} WHERE photos.owner = {_OWNER} AND id = ?2"
BY_IDS: Final = (
    f"{_SELECT} WHERE photos.owner = {_OWNER}"  # noqa: S608
    " AND id IN (SELECT value FROM json_each(?2))"
)
BY_NUMBERS: Final = f"{_SELECT} WHERE photo IN (SELECT value FROM json_each(?))"  # noqa: S608
BY_ALIAS: Final = (
    f"{_SELECT} WHERE photo = (SELECT photo FROM aliases"  # noqa: S608
    f" WHERE aliases.owner = {_OWNER} AND aliases.id = ?2)"
)
_LABELS: Final = """
SELECT photo, label, source, confidence, origin, boxes FROM photo_labels
WHERE photo IN (SELECT value FROM json_each(?))
"""
_INSERT: Final = """
INSERT INTO photos (owner, id, file_name, folded_name, created_at, since, state, content_type, size,
    sha256, crc32, width, height, taken_at, failure_code, failure_detail, trashed_at, marks)
SELECT ?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17
WHERE NOT EXISTS (SELECT 1 FROM aliases WHERE owner = ?1 AND id = ?2)
ON CONFLICT (owner, id) DO NOTHING
"""
_UPDATE: Final = """
UPDATE photos SET state = ?1, content_type = ?2, size = ?3, sha256 = ?4, crc32 = ?5, width = ?6,
    height = ?7, taken_at = ?8, failure_code = ?9, failure_detail = ?10, trashed_at = ?11,
    since = CASE state WHEN ?1 THEN since ELSE ?12 END, marks = marks | ?13
WHERE photo = ?14
"""
_TAKE: Final = """
DELETE FROM photo_labels
WHERE photo = ? AND label = (SELECT label FROM labels WHERE owner = ? AND folded = ?)
"""
_KNOWN: Final = """
SELECT folded, label, name FROM labels
WHERE owner = ? AND folded IN (SELECT value FROM json_each(?))
"""
_SPELL: Final = "INSERT INTO labels (owner, folded, name) VALUES (?, ?, ?) RETURNING label, name"
_ORIGINS: Final = """
SELECT model, parents, origin FROM origins
WHERE (model, parents) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))
"""
_NEW_ORIGIN: Final = "INSERT INTO origins (model, parents) VALUES (?, ?) RETURNING origin"
_ADD: Final = "INSERT INTO photo_labels VALUES (?, ?, ?, ?, ?, ?)"
_REMOVED: Final = "removed"
_SOURCES: Final = {source.value: source for source in Source}
_STATES: Final = {state.value: state for state in PhotoState}
_NO_LABELS: Final = LabelSet()


@dataclass(frozen=True, slots=True)
class Row:
    """A photo, and the numbers that other rows know it and its owner by."""

    number: int
    owner: int
    photo: Photo


def load(db: apsw.Connection, statement: str, values: Sequence[Any]) -> list[Row]:
    """Run one of the statements above and add the labels, all with one more.

    A photo without marks never had a label, so that nobody needs to look for any.
    """
    rows = fetch(db, statement, values)
    marked = [row[0] for row in rows if row[-1]]
    labels = _load_labels(db, marked) if marked else {}
    return [Row(row[0], row[1], _photo(row, labels.get(row[0], _NO_LABELS))) for row in rows]


def owner_number(db: apsw.Connection, owner: OwnerId) -> int | None:
    """Look up the number that rows know *owner* by; None for one who never had a photo."""
    row = db.execute("SELECT owner FROM owners WHERE name = ?", (owner,)).fetchone()
    return row[0] if row else None


def new_owner(db: apsw.Connection, owner: OwnerId) -> int:
    """Give a number to an owner who has none."""
    db.execute("INSERT INTO owners (name) VALUES (?)", (owner,))
    return db.last_insert_rowid()


def insert(db: apsw.Connection, owner: int, photo: Photo) -> bool:
    """Add a photo and its labels; False, with none added, where its id means one already."""
    change = _relabelling(db, owner, _NO_LABELS, photo.labels)
    names = (owner, photo.id, photo.file_name, photo.file_name.casefold())
    db.execute(_INSERT, (*names, to_micros(photo.created_at), *_changing(photo), change.marks))
    added = db.changes() > 0
    if added:
        change.write(db, owner, db.last_insert_rowid())
    return added


def save(db: apsw.Connection, row: Row, photo: Photo, now: int) -> Photo:
    """Write what differs between *row* and *photo*; answer with what is there then.

    *now* is in microseconds. Nothing is written where nothing differs.
    """
    if photo == row.photo:
        return photo
    change = _relabelling(db, row.owner, row.photo.labels, photo.labels)
    # Before the labels: with each one that has no mark yet, the trigger would set it by itself.
    if change.marks or _changing(photo) != _changing(row.photo):
        db.execute(_UPDATE, (*_changing(photo), now, change.marks, row.number))
    change.write(db, row.owner, row.number)
    return replace(photo, labels=change.labels)


def _changing(photo: Photo) -> tuple[Any, ...]:
    return (
        photo.state,
        photo.content_type,
        photo.size,
        photo.sha256,
        photo.crc32,
        photo.width,
        photo.height,
        to_micros_or_none(photo.taken_at),
        photo.failure.code if photo.failure else None,
        photo.failure.detail if photo.failure else None,
        to_micros_or_none(photo.trashed_at),
    )


def _photo(row: Sequence[Any], labels: LabelSet) -> Photo:
    return Photo(
        owner=OwnerId(row[2]),
        id=PhotoId(row[3]),
        file_name=row[4],
        created_at=from_micros(row[5]),
        state=_STATES[row[6]],
        content_type=row[7],
        size=row[8],
        sha256=row[9],
        crc32=row[10],
        width=row[11],
        height=row[12],
        taken_at=from_micros_or_none(row[13]),
        failure=None if row[14] is None else Failure(row[14], row[15]),
        labels=labels,
        trashed_at=from_micros_or_none(row[16]),
    )


def _load_labels(db: apsw.Connection, photos: Sequence[int]) -> Mapping[int, LabelSet]:
    rows = fetch(db, _LABELS, (json.dumps(photos),))
    known = words(db)
    names = known.names(db, {row[1] for row in rows})
    origins = known.origins(db, {row[4] for row in rows})
    labels: dict[int, dict[str, Label]] = {photo: {} for photo in photos}
    removed: dict[int, dict[str, LabelName]] = {photo: {} for photo in photos}
    for photo, label, source, confidence, origin, boxes in rows:
        folded, name = names[label]
        if source == _REMOVED:
            removed[photo][folded] = name
        else:
            model, parents = origins[origin]
            where = _boxes(boxes) if boxes else ()
            labels[photo][folded] = Label(name, confidence, _SOURCES[source], model, parents, where)
    return {
        photo: LabelSet(MappingProxyType(labels[photo]), MappingProxyType(removed[photo]))
        for photo in photos
    }


def _boxes(text: str) -> tuple[Box, ...]:
    return tuple(Box(*edges) for edges in json.loads(text))


@dataclass(frozen=True, slots=True)
class _Relabelling:
    """What there is to write where a photo gets other *labels*, spelled as the owner does."""

    labels: LabelSet
    gone: Sequence[str] = ()
    fresh: Sequence[tuple[Any, ...]] = ()
    marks: int = 0

    def write(self, db: apsw.Connection, owner: int, photo: int) -> None:
        db.executemany(_TAKE, [(photo, owner, folded) for folded in self.gone])
        db.executemany(_ADD, [(photo, *row) for row in self.fresh])


def _relabelling(db: apsw.Connection, owner: int, old: LabelSet, new: LabelSet) -> _Relabelling:
    """Find out what differs. New names and origins are given numbers."""
    if new == old:
        return _Relabelling(new)
    labels, numbers = _respelled(db, owner, new)
    before, after = _entries(old), _entries(labels)
    gone = [folded for folded, entry in before.items() if after.get(folded) != entry]
    fresh = [(folded, entry) for folded, entry in after.items() if before.get(folded) != entry]
    origins = _origins(db, {entry.origin for _, entry in fresh})
    rows = [
        (numbers[folded], *entry.said, origins[entry.origin], entry.boxes)
        for folded, entry in fresh
    ]
    return _Relabelling(labels, gone, rows, marks(row[0] for row in rows))


def _respelled(
    db: apsw.Connection, owner: int, labels: LabelSet
) -> tuple[LabelSet, Mapping[str, int]]:
    """Spell *labels* as they were spelled first, and look up the numbers of all of them."""
    names = {folded: label.name for folded, label in labels.labels.items()} | dict(labels.removed)
    rows = fetch(db, _KNOWN, (owner, json.dumps(list(names))))
    known = {folded: (number, spelled(name)) for folded, number, name in rows}
    for folded in names.keys() - known.keys():
        ((number, name),) = fetch(db, _SPELL, (owner, folded, names[folded]))
        known[folded] = number, spelled(name)
    same = {
        folded: label._replace(name=known[folded][1]) for folded, label in labels.labels.items()
    }
    removed = {folded: known[folded][1] for folded in labels.removed}
    respelled = LabelSet(MappingProxyType(same), MappingProxyType(removed))
    return respelled, {folded: number for folded, (number, _) in known.items()}


def _origins(
    db: apsw.Connection, wanted: Collection[tuple[str, str]]
) -> Mapping[tuple[str, str], int]:
    rows = fetch(db, _ORIGINS, (json.dumps(list(wanted)),)) if wanted else []
    known = {(model, parents): number for model, parents, number in rows}
    for origin in set(wanted) - known.keys():
        ((known[origin],),) = fetch(db, _NEW_ORIGIN, origin)
    return known


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a row says of a label, but its name."""

    source: str
    confidence: float
    model: str = ""
    parents: str = "[]"
    boxes: str | None = None

    @property
    def said(self) -> tuple[str, float]:
        """Who said it, and how surely."""
        return self.source, self.confidence

    @property
    def origin(self) -> tuple[str, str]:
        """What very many rows have in common."""
        return self.model, self.parents


def _entries(labels: LabelSet) -> Mapping[str, _Entry]:
    entries = {folded: _entry(label) for folded, label in labels.labels.items()}
    return entries | dict.fromkeys(labels.removed, _Entry(_REMOVED, 0))


def _entry(label: Label) -> _Entry:
    boxes = json.dumps([astuple(box) for box in label.boxes]) if label.boxes else None
    parents = json.dumps(label.parents, ensure_ascii=False)
    return _Entry(label.source, label.confidence, label.model or "", parents, boxes)
