"""Photos and labels as rows, and back."""

import json
from collections.abc import Mapping, Sequence
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
    width, height, taken_at, failure_code, failure_detail, trashed_at
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
    sha256, crc32, width, height, taken_at, failure_code, failure_detail, trashed_at,
    marks)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
"""
_UPDATE: Final = """
UPDATE photos SET state = ?1, content_type = ?2, size = ?3, sha256 = ?4, crc32 = ?5, width = ?6,
    height = ?7, taken_at = ?8, failure_code = ?9, failure_detail = ?10, trashed_at = ?11,
    since = CASE state WHEN ?1 THEN since ELSE ?12 END
WHERE photo = ?13
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
_ORIGIN: Final = "SELECT origin FROM origins WHERE model = ? AND parents = ?"
_NEW_ORIGIN: Final = "INSERT INTO origins (model, parents) VALUES (?, ?) RETURNING origin"
_MARK: Final = "UPDATE photos SET marks = marks | ? WHERE photo = ?"
_ADD: Final = "INSERT INTO photo_labels VALUES (?, ?, ?, ?, ?, ?)"
_REMOVED: Final = "removed"
_SOURCES: Final = {source.value: source for source in Source}
_STATES: Final = {state.value: state for state in PhotoState}


@dataclass(frozen=True, slots=True)
class Row:
    """A photo, and the numbers that other rows know it and its owner by."""

    number: int
    owner: int
    photo: Photo


def load(db: apsw.Connection, statement: str, values: Sequence[Any]) -> list[Row]:
    """Run one of the statements above and add the labels, all with one more."""
    rows = fetch(db, statement, values)
    if not rows:
        return []
    labels = _load_labels(db, [row[0] for row in rows])
    return [Row(row[0], row[1], _photo(row, labels[row[0]])) for row in rows]


def owner_number(db: apsw.Connection, owner: OwnerId) -> int | None:
    """Look up the number that rows know *owner* by; None for one who never had a photo."""
    row = db.execute("SELECT owner FROM owners WHERE name = ?", (owner,)).fetchone()
    return row[0] if row else None


def _add_owner(db: apsw.Connection, owner: OwnerId) -> int:
    db.execute("INSERT INTO owners (name) VALUES (?)", (owner,))
    return db.last_insert_rowid()


def insert(db: apsw.Connection, photo: Photo) -> None:
    """Add a photo and its labels."""
    owner = owner_number(db, photo.owner) or _add_owner(db, photo.owner)
    created_at = to_micros(photo.created_at)
    names = (owner, photo.id, photo.file_name, photo.file_name.casefold())
    db.execute(_INSERT, (*names, created_at, created_at, *_changing(photo)))
    if photo.labels != LabelSet():
        bare = Row(db.last_insert_rowid(), owner, replace(photo, labels=LabelSet()))
        _save_labels(db, bare, photo.labels)


def save(db: apsw.Connection, row: Row, photo: Photo, now: int) -> Photo:
    """Write what differs between *row* and *photo*; answer with what is there then.

    *now* is in microseconds. Nothing is written where nothing differs.
    """
    if photo == row.photo:
        return photo
    if _changing(photo) != _changing(row.photo):
        db.execute(_UPDATE, (*_changing(photo), now, row.number))
    if photo.labels == row.photo.labels:
        return photo
    return replace(photo, labels=_save_labels(db, row, photo.labels))


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


def _save_labels(db: apsw.Connection, row: Row, labels: LabelSet) -> LabelSet:
    """Write what differs, and answer with *labels* as the owner spells them."""
    labels, numbers = _respelled(db, row.owner, labels)
    old, new = _entries(row.photo.labels), _entries(labels)
    gone = [folded for folded, entry in old.items() if new.get(folded) != entry]
    fresh = [(folded, entry) for folded, entry in new.items() if old.get(folded) != entry]
    origins = {entry.origin: _origin(db, entry.origin) for _, entry in fresh}
    db.executemany(_TAKE, [(row.number, row.owner, folded) for folded in gone])
    # All at once: the trigger would write what is on the shelves anew for each label.
    shown = marks(numbers[folded] for folded, entry in fresh if entry.source != _REMOVED)
    db.execute(_MARK, (shown, row.number))
    rows = [
        (row.number, numbers[folded], *entry.said, origins[entry.origin], entry.boxes)
        for folded, entry in fresh
    ]
    db.executemany(_ADD, rows)
    return labels


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


def _origin(db: apsw.Connection, origin: tuple[str, str]) -> int:
    ((number,),) = fetch(db, _ORIGIN, origin) or fetch(db, _NEW_ORIGIN, origin)
    return int(number)


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
