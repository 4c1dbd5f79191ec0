"""What follows from a photo: rows, counts, and the writes between two of its states. Pure."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from imgtag.backends.aws.catalog.documents import dump, load
from imgtag.backends.aws.catalog.keys import Keys, place
from imgtag.backends.aws.table import MAX_ACTIONS, NEW, Action, Condition, Item, Key, Table
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.photos import Photo, PhotoState

LIBRARY: Final = "A"
AWAITING: Final = "W"
TRASH: Final = "X"
STUCK: Final = "stuck"
TRASHED: Final = "trash"
_UNFINISHED: Final = frozenset({PhotoState.AWAITING, PhotoState.STORED})
# With both items of each label, this leaves room for the photo, its list, its claim and its tally.
_LABELS_AT_ONCE: Final = 40

Numbers = dict[Key, Counter[str]]


@dataclass(frozen=True, slots=True)
class Record:
    """A photo, and what the table keeps beside it.

    *since* is when it came into its state. *indexed* are the folded labels that have rows and
    counts at this moment: all of a photo in the library, unless a change too large for one
    transaction is under way. *generation* guards every write.
    """

    photo: Photo
    since: datetime
    indexed: frozenset[str] = frozenset()
    generation: int = 0
    written_by: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether every label has its rows."""
        return self.indexed == wanted(self.photo)

    def becomes(self, photo: Photo, now: datetime) -> "Record":
        """Make the record of *photo*, which this one turns into at *now*."""
        since = self.since if photo.state is self.photo.state else now
        return Record(photo, since, wanted(photo), self.generation + 1)

    def item(self, keys: Keys) -> Item:
        """Write it as an item."""
        pk, sk = keys.photo(self.photo.id)
        item: Item = {
            "pk": pk,
            "sk": sk,
            "doc": dump(self.photo),
            "since": self.since.isoformat(),
            "gen": self.generation,
            "op": self.written_by,
        }
        if not self.is_settled:
            item["indexed"] = json.dumps(sorted(self.indexed))
        return item

    @classmethod
    def of(cls, owner: OwnerId, item: Item) -> "Record":
        """Read what `item` wrote."""
        photo = load(owner, str(item["doc"]))
        indexed = json.loads(str(item["indexed"])) if "indexed" in item else wanted(photo)
        since = datetime.fromisoformat(str(item["since"]))
        return cls(photo, since, frozenset(indexed), int(item["gen"]), str(item["op"]))


def wanted(photo: Photo) -> frozenset[str]:
    """Tell which labels of a photo are counted and found."""
    return frozenset(photo.labels.labels) if photo.in_library else frozenset()


def new(photo: Photo) -> Record:
    """Make the first record of a photo."""
    return Record(photo, photo.created_at, wanted(photo))


def list_of(photo: Photo) -> str:
    """Tell which of the three lists a photo is on."""
    if photo.trashed_at is not None:
        return TRASH
    return AWAITING if photo.state is PhotoState.AWAITING else LIBRARY


def _rows(keys: Keys, record: Record | None) -> dict[Key, Item]:
    if record is None:
        return {}
    rows = [_list_row(keys, record.photo), *_carrier_rows(keys, record), *_due_rows(keys, record)]
    return {(str(row["pk"]), str(row["sk"])): row for row in rows}


def _placed(photo: Photo, pk: str) -> Item:
    return {
        "pk": pk,
        "sk": place(photo.shown_at, photo.id),
        "ck": place(photo.created_at, photo.id),
        "d": json.dumps([photo.width, photo.height, photo.taken_at and photo.taken_at.isoformat()]),
    }


def _list_row(keys: Keys, photo: Photo) -> Item:
    return {
        **_placed(photo, keys.listed(list_of(photo), keys.shard_of(photo.id))),
        "st": photo.state.value,
        "nl": len(photo.labels.labels),
        "fn": photo.file_name.casefold(),
    }


def _carrier_rows(keys: Keys, record: Record) -> Iterator[Item]:
    shard = keys.shard_of(record.photo.id)
    for folded in record.indexed:
        yield _placed(record.photo, keys.carriers(folded, shard))


def _due_rows(keys: Keys, record: Record) -> Iterator[Item]:
    photo = record.photo
    if photo.state in _UNFINISHED:
        pk, sk = keys.due(STUCK, record.since, photo.id)
        yield {"pk": pk, "sk": sk}
    if photo.trashed_at:
        pk, sk = keys.due(TRASHED, photo.trashed_at, photo.id)
        yield {"pk": pk, "sk": sk}


def _numbers(keys: Keys, record: Record | None) -> Numbers:
    numbers: Numbers = defaultdict(Counter)
    if record is not None:
        shard = keys.shard_of(record.photo.id)
        for folded in record.indexed:
            numbers[keys.count(folded, shard)]["n"] = 1
        state = "trashed" if record.photo.trashed_at else record.photo.state.value
        numbers[keys.tally(shard)][state] = 1
    return numbers


@dataclass(frozen=True, slots=True)
class Change:
    """One photo's way from *old* to *new*; None is not there. *extra* goes with it."""

    photo: PhotoId
    old: Record | None
    new: Record | None
    extra: tuple[Action, ...] = ()
    # What is left where a photo was.
    remains: Item | None = None


def actions(table: Table, keys: Keys, changes: Iterable[Change]) -> Sequence[Action]:
    """List the writes of *changes*, each guarded by what it was decided on."""
    listed: list[Action] = []
    deltas: Numbers = defaultdict(Counter)
    names: dict[Key, str] = {}
    for change in changes:
        listed += [_document(table, keys, change), *_row_actions(table, keys, change)]
        listed += change.extra
        _collect(keys, change, deltas, names)
    return [*listed, *_count_actions(table, deltas, names)]


def _document(table: Table, keys: Keys, change: Change) -> Action:
    guard = NEW
    if change.old:
        guard = Condition("gen = :gen", {":gen": change.old.generation})
    if change.new:
        return table.put(change.new.item(keys), guard)
    if change.remains:
        return table.put(change.remains, guard)
    return table.remove(keys.photo(change.photo), guard)


def _row_actions(table: Table, keys: Keys, change: Change) -> Iterator[Action]:
    before, after = _rows(keys, change.old), _rows(keys, change.new)
    for key in before.keys() - after.keys():
        yield table.remove(key)
    for key, row in after.items():
        if before.get(key) != row:
            yield table.put(row)


def _collect(keys: Keys, change: Change, deltas: Numbers, names: dict[Key, str]) -> None:
    for key, counter in _numbers(keys, change.new).items():
        deltas[key].update(counter)
    for key, counter in _numbers(keys, change.old).items():
        deltas[key].subtract(counter)
    if change.new:
        labels = change.new.photo.labels.labels
        shard = keys.shard_of(change.photo)
        for folded in change.new.indexed:
            names[keys.count(folded, shard)] = labels[folded].name


def _count_actions(table: Table, deltas: Numbers, names: Mapping[Key, str]) -> Iterator[Action]:
    for key, counter in deltas.items():
        moved = {name: number for name, number in counter.items() if number}
        if moved:
            yield table.add(key, moved, {"nm": names[key]} if key in names else {})


def steps(table: Table, keys: Keys, change: Change) -> Iterator[Change]:
    """Cut a change that is too large for one transaction into some that are not.

    Each leaves the photo and its counts consistent, and the last leaves it as *change* does. Labels
    lose their rows before the photo changes, and get them after.
    """
    old, target = change.old, change.new
    if old is None or target is None or len(actions(table, keys, [change])) <= MAX_ACTIONS:
        yield change
        return
    keep = old.indexed & target.indexed if _row_of(keys, old) == _row_of(keys, target) else set()
    now = old
    for dropped in _portions(old.indexed - keep):
        then = replace(now, indexed=now.indexed - dropped, generation=now.generation + 1)
        yield Change(change.photo, now, then)
        now = then
    then = replace(target, indexed=frozenset(keep), generation=now.generation + 1)
    yield replace(change, old=now, new=then)
    now = then
    for added in _portions(target.indexed - keep):
        then = replace(now, indexed=now.indexed | added, generation=now.generation + 1)
        yield Change(change.photo, now, then)
        now = then


def _row_of(keys: Keys, record: Record) -> Any:
    return _placed(record.photo, keys.listed(LIBRARY, 0))


def _portions(labels: Iterable[str]) -> Iterator[frozenset[str]]:
    ordered = sorted(labels)
    for start in range(0, len(ordered), _LABELS_AT_ONCE):
        yield frozenset(ordered[start : start + _LABELS_AT_ONCE])
