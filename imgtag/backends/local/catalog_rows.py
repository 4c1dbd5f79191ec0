"""Photos and labels as rows, and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import apsw

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
SELECT photo, folded, name, source, confidence, model, parents, boxes
FROM photo_labels CROSS JOIN labels USING (label) CROSS JOIN origins USING (origin)
WHERE photo IN (SELECT value FROM json_each(?))
"""
_INSERT: Final = """
INSERT INTO photos (owner, id, file_name, folded_name, created_at, since, state, content_type, size,
    sha256, crc32, width, height, taken_at, failure_code, failure_detail, trashed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE: Final = """
UPDATE photos SET state = ?, content_type = ?, size = ?, sha256 = ?, crc32 = ?, width = ?,
    height = ?, taken_at = ?, failure_code = ?, failure_detail = ?, trashed_at = ?
WHERE photo = ?
"""
_TAKE: Final = """
DELETE FROM photo_labels
WHERE photo = ? AND label = (SELECT label FROM labels WHERE owner = ? AND folded = ?)
"""
_SPELL: Final = "INSERT INTO labels (owner, folded, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_ORIGIN: Final = "INSERT INTO origins (model, parents) VALUES (?, ?) ON CONFLICT DO NOTHING"
_ADD: Final = """
INSERT INTO photo_labels (photo, source, confidence, boxes, label, origin)
SELECT ?, ?, ?, ?, label, origin FROM labels CROSS JOIN origins
WHERE owner = ? AND folded = ? AND model = ? AND parents = ?
"""
_REMOVED: Final = "removed"


@dataclass(frozen=True, slots=True)
class Row:
    """A photo, and the numbers that other rows know it and its owner by."""

    number: int
    owner: int
    photo: Photo


def load(db: apsw.Connection, statement: str, values: Sequence[Any]) -> list[Row]:
    """Run one of the statements above and add the labels, all with one more."""
    rows = db.execute(statement, values).fetchall()
    labels = _load_labels(db, [row[0] for row in rows])
    return [Row(row[0], row[1], _photo(row, labels[row[0]])) for row in rows]


def owner_number(db: apsw.Connection, owner: OwnerId) -> int | None:
    """Look up the number that rows know *owner* by; None for one who never had a photo."""
    row = db.execute("SELECT owner FROM owners WHERE name = ?", (owner,)).fetchone()
    return row[0] if row else None


def insert(db: apsw.Connection, photo: Photo) -> None:
    """Add a photo and its labels."""
    db.execute("INSERT INTO owners (name) VALUES (?) ON CONFLICT DO NOTHING", (photo.owner,))
    owner = owner_number(db, photo.owner) or 0
    created_at = to_micros(photo.created_at)
    names = (owner, photo.id, photo.file_name, photo.file_name.casefold())
    db.execute(_INSERT, (*names, created_at, created_at, *_changing(photo)))
    _save_labels(db, Row(db.last_insert_rowid(), owner, photo), LabelSet(), photo.labels)


def save(db: apsw.Connection, row: Row, photo: Photo, now: int) -> Photo:
    """Write what differs between *row* and *photo*; answer with what is there then.

    *now* is in microseconds. Nothing is written where nothing differs.
    """
    if photo == row.photo:
        return photo
    if photo.state is not row.photo.state:
        db.execute("UPDATE photos SET since = ? WHERE photo = ?", (now, row.number))
    if _changing(photo) != _changing(row.photo):
        db.execute(_UPDATE, (*_changing(photo), row.number))
    _save_labels(db, row, row.photo.labels, photo.labels)
    return load(db, BY_ID, (photo.owner, photo.id))[0].photo


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
        state=PhotoState(row[6]),
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
    labels: dict[int, dict[str, Label]] = {photo: {} for photo in photos}
    removed: dict[int, dict[str, LabelName]] = {photo: {} for photo in photos}
    for photo, folded, name, source, *rest in db.execute(_LABELS, (json.dumps(photos),)):
        if source == _REMOVED:
            removed[photo][folded] = spelled(name)
        else:
            labels[photo][folded] = _label(name, source, *rest)
    return {
        photo: LabelSet(MappingProxyType(labels[photo]), MappingProxyType(removed[photo]))
        for photo in photos
    }


def _label(
    name: str, source: str, confidence: float, model: str, parents: str, boxes: str | None
) -> Label:
    return Label(
        spelled(name),
        confidence,
        Source(source),
        model or None,
        _parents(parents),
        tuple(Box(*edges) for edges in json.loads(boxes)) if boxes else (),
    )


# An owner has a few hundred names, and a page shows each of them many times.
@lru_cache(maxsize=8192)
def spelled(text: str) -> LabelName:
    """Read the name of a label."""
    return LabelName(text)


@lru_cache(maxsize=8192)
def _parents(text: str) -> tuple[LabelName, ...]:
    return tuple(LabelName(name) for name in json.loads(text))


def _save_labels(db: apsw.Connection, row: Row, before: LabelSet, after: LabelSet) -> None:
    old, new = _entries(before), _entries(after)
    gone = [folded for folded, entry in old.items() if new.get(folded) != entry]
    names = {folded: label.name for folded, label in after.labels.items()} | dict(after.removed)
    db.executemany(_TAKE, [(row.number, row.owner, folded) for folded in gone])
    for folded, entry in new.items():
        if old.get(folded) != entry:
            _add_label(db, row, names[folded], entry)


def _add_label(db: apsw.Connection, row: Row, name: LabelName, entry: "_Entry") -> None:
    label, origin = (row.owner, name.folded), (entry.model, entry.parents)
    db.execute(_SPELL, (*label, name))
    db.execute(_ORIGIN, origin)
    said = (entry.source, entry.confidence, entry.boxes)
    db.execute(_ADD, (row.number, *said, *label, *origin))


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a row says of a label, but its name."""

    source: str
    confidence: float
    model: str = ""
    parents: str = "[]"
    boxes: str | None = None


def _entries(labels: LabelSet) -> Mapping[str, _Entry]:
    entries = {folded: _entry(label) for folded, label in labels.labels.items()}
    return entries | dict.fromkeys(labels.removed, _Entry(_REMOVED, 0))


def _entry(label: Label) -> _Entry:
    boxes = json.dumps([astuple(box) for box in label.boxes]) if label.boxes else None
    parents = json.dumps(label.parents, ensure_ascii=False)
    return _Entry(label.source, label.confidence, label.model or "", parents, boxes)
