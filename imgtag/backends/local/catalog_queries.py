"""Queries as SQL that reads in order and stops when the page is full.

A query for labels walks their shelves side by side, newest first: SQLite merges sorted branches of
INTERSECT, UNION and EXCEPT without sorting or storing anything, and LIMIT ends the walk. Every
other condition is one more branch, over the photos in the same order.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from imgtag.backends.local.times import to_micros
from imgtag.domain.labels import LabelName
from imgtag.domain.photos import PhotoState
from imgtag.domain.queries import Position, Query, Sort

# A place other than LABELLED has an index of its own, which SQLite takes for these words only.
_PLACES: Final = {
    PhotoState.AWAITING: "place = 'awaiting' AND place <> 'labelled'",
    PhotoState.STORED: "place = 'stored' AND place <> 'labelled'",
    PhotoState.FAILED: "place = 'failed' AND place <> 'labelled'",
    PhotoState.LABELLED: "live AND place = 'labelled'",
}
_TRASH: Final = "place = 'trashed' AND place <> 'labelled'"
_CARRIES: Final = (
    "EXISTS (SELECT 1 FROM photo_labels AS carried WHERE carried.photo = photos.photo"
    " AND source <> 'removed' AND label IN (SELECT value FROM json_each(?)))"
)
_SURROGATES: Final = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class Statement:
    """SQL on its way, and the values bound to it."""

    parts: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, part: str, *values: Any) -> None:
        """Go on with *part*."""
        self.parts.append(part)
        self.values.extend(values)

    @property
    def sql(self) -> str:
        """All parts in one."""
        return " ".join(self.parts)


@dataclass(frozen=True, slots=True)
class _Order:
    """The words of one `Sort`."""

    photos: str
    shelf: str
    beyond_photos: str
    beyond_shelf: str
    ending: str
    outer: str


_DOWN: Final = ("ORDER BY at DESC, id DESC, photo DESC", "ORDER BY chosen.at DESC, chosen.id DESC")
_UP: Final = ("ORDER BY at, id, photo", "ORDER BY chosen.at, chosen.id")
_BY_SHOWN: Final = (
    "SELECT shown_at AS at, id, photo FROM photos WHERE owner = ?",
    "SELECT at, id, photo FROM shelf_shown WHERE label = ?",
)
_BY_CREATED: Final = (
    "SELECT created_at AS at, id, photo FROM photos WHERE owner = ?",
    "SELECT at, id, photo FROM shelf_created WHERE label = ?",
)
_ORDERS: Final = {
    Sort.NEWEST_TAKEN: _Order(
        *_BY_SHOWN, "AND (shown_at, id) < (?, ?)", "AND (at, id) < (?, ?)", *_DOWN
    ),
    Sort.OLDEST_TAKEN: _Order(
        *_BY_SHOWN, "AND (shown_at, id) > (?, ?)", "AND (at, id) > (?, ?)", *_UP
    ),
    Sort.NEWEST_CREATED: _Order(
        *_BY_CREATED, "AND (created_at, id) < (?, ?)", "AND (at, id) < (?, ?)", *_DOWN
    ),
    Sort.OLDEST_CREATED: _Order(
        *_BY_CREATED, "AND (created_at, id) > (?, ?)", "AND (at, id) > (?, ?)", *_UP
    ),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """The labels of a query by number; one that no photo of the owner ever had is left out."""

    all: Sequence[int]
    any: Sequence[int]
    none: Sequence[int]

    @classmethod
    def of(cls, query: Query, numbers: Mapping[str, int]) -> "Terms | None":
        """Look the labels up by folded name; None where they can't match anything."""
        wanted, some = _folded(query.all), _folded(query.any)
        if any(folded not in numbers for folded in wanted):
            return None
        if some and not any(folded in numbers for folded in some):
            return None
        found = [
            [numbers[folded] for folded in names if folded in numbers]
            for names in (wanted, some, _folded(query.none))
        ]
        return cls(*found)


@dataclass(frozen=True, slots=True)
class Listing:
    """Photos of the owner numbered *owner* that match, in order."""

    owner: int
    query: Query
    terms: Terms
    sort: Sort
    after: Position | None = None

    def numbers(self, limit: int) -> Statement:
        """Select the numbers of the first *limit*, in order, in one column."""
        statement = Statement(["SELECT photo FROM ("])
        self._choose(statement)
        statement.add(_ORDERS[self.sort].ending)
        statement.add("LIMIT ? )", limit)
        return statement

    def layout(self) -> Statement:
        """Select id, width, height and capture time of all, in order."""
        order = _ORDERS[self.sort]
        statement = Statement(["SELECT photos.id, width, height, taken_at FROM ("])
        self._choose(statement)
        statement.add(") AS chosen CROSS JOIN photos USING (photo)")
        statement.add(order.outer)
        return statement

    def _choose(self, statement: Statement) -> None:
        on_shelves = not self.query.trashed and self.query.state is not PhotoState.AWAITING
        if on_shelves and (self.terms.all or self.terms.any or self.terms.none):
            self._merge(statement)
        else:
            self._from_photos(statement)
            for label in self.terms.all:
                statement.add(f"AND {_CARRIES}", json.dumps([label]))
            if self.terms.any:
                statement.add(f"AND {_CARRIES}", json.dumps(self.terms.any))
            if self.terms.none:
                statement.add(f"AND NOT {_CARRIES}", json.dumps(self.terms.none))

    def _merge(self, statement: Statement) -> None:
        joining = ""
        for label in self.terms.any:
            self._from_shelf(statement, joining, label)
            joining = "UNION"
        joining = "INTERSECT" if self.terms.any else ""
        for label in self.terms.all:
            self._from_shelf(statement, joining, label)
            joining = "INTERSECT"
        if not joining or self._conditions().parts:
            statement.add(joining)
            self._from_photos(statement)
        for label in self.terms.none:
            self._from_shelf(statement, "EXCEPT", label)

    def _from_shelf(self, statement: Statement, joining: str, label: int) -> None:
        order = _ORDERS[self.sort]
        statement.add(joining)
        statement.add(order.shelf, label)
        if self.after:
            statement.add(order.beyond_shelf, to_micros(self.after.time), self.after.id)

    def _from_photos(self, statement: Statement) -> None:
        order = _ORDERS[self.sort]
        statement.add(order.photos, self.owner)
        if self.after:
            statement.add(order.beyond_photos, to_micros(self.after.time), self.after.id)
        if not self.query.trashed and self.query.state is None:
            statement.add("AND live")
        conditions = self._conditions()
        statement.add(" ".join(conditions.parts), *conditions.values)

    def _conditions(self) -> Statement:
        """Write the conditions that being on a shelf does not answer."""
        query, statement = self.query, Statement()
        if query.trashed:
            statement.add(f"AND {_TRASH}")
            if query.state:
                statement.add("AND state = ?", query.state)
            else:
                statement.add("AND state <> 'awaiting'")
        elif query.state:
            statement.add(f"AND {_PLACES[query.state]}")
        if query.unlabelled:
            statement.add("AND bare")
        if query.text:
            # A lone surrogate can't be bound, and NUL is in no file name either.
            text = _SURROGATES.sub("\0", query.text.casefold())
            statement.add("AND instr(folded_name, ?) > 0", text)
        if query.photo_ids:
            ids = json.dumps(query.photo_ids)
            statement.add("AND id IN (SELECT value FROM json_each(?))", ids)
        return statement


def _folded(names: Sequence[LabelName]) -> Sequence[str]:
    return list(dict.fromkeys(name.folded for name in names))
