"""Queries as SQL that reads in order and stops when the page is full.

A query for labels is answered from their shelves, newest first, in one of two ways. Where one label
is much rarer than the others together, its shelf is walked and the others are asked about each
photo. Otherwise all shelves are walked side by side: SQLite merges the sorted branches of
INTERSECT, UNION and EXCEPT without sorting or storing anything, and LIMIT ends the walk.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import apsw

from imgtag.backends.local.database import fetch
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
# One photo on another shelf takes about as long to look up as five to walk past.
_PROBE_COSTS: Final = 5
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

    def run(self, db: apsw.Connection) -> list[Any]:
        """Give the rows."""
        return fetch(db, " ".join(self.parts), self.values)


@dataclass(frozen=True, slots=True)
class _Order:
    """The words of one `Sort`."""

    photos: str
    shelf: str
    beside: str
    beyond_photos: str
    from_photos: str
    beyond_shelf: str
    from_shelf: str
    ending: str
    outer: str


_BY_SHOWN: Final = (
    "SELECT shown_at AS at, id, photo FROM photos WHERE owner = ?",
    "SELECT at, id, photo FROM shelf_shown AS shelf WHERE label = ?",
    (
        "EXISTS (SELECT 1 FROM shelf_shown AS beside"
        " WHERE beside.label = ? AND beside.at = shelf.at AND beside.id = shelf.id)"
    ),
)
_BY_CREATED: Final = (
    "SELECT created_at AS at, id, photo FROM photos WHERE owner = ?",
    "SELECT at, id, photo FROM shelf_created AS shelf WHERE label = ?",
    (
        "EXISTS (SELECT 1 FROM shelf_created AS beside"
        " WHERE beside.label = ? AND beside.at = shelf.at AND beside.id = shelf.id)"
    ),
)
_DOWN: Final = (
    "AND (at, id) < (?, ?)",
    "AND at <= ?",
    "ORDER BY at DESC, id DESC, photo DESC",
    "ORDER BY chosen.at DESC, chosen.id DESC",
)
_UP: Final = (
    "AND (at, id) > (?, ?)",
    "AND at >= ?",
    "ORDER BY at, id, photo",
    "ORDER BY chosen.at, chosen.id",
)
_ORDERS: Final = {
    Sort.NEWEST_TAKEN: _Order(
        *_BY_SHOWN, "AND (shown_at, id) < (?, ?)", "AND shown_at <= ?", *_DOWN
    ),
    Sort.OLDEST_TAKEN: _Order(*_BY_SHOWN, "AND (shown_at, id) > (?, ?)", "AND shown_at >= ?", *_UP),
    Sort.NEWEST_CREATED: _Order(
        *_BY_CREATED, "AND (created_at, id) < (?, ?)", "AND created_at <= ?", *_DOWN
    ),
    Sort.OLDEST_CREATED: _Order(
        *_BY_CREATED, "AND (created_at, id) > (?, ?)", "AND created_at >= ?", *_UP
    ),
}


@dataclass(frozen=True, slots=True)
class Term:
    """A label by number, and how many photos stand on its shelf."""

    label: int
    photos: int


@dataclass(frozen=True, slots=True)
class Terms:
    """The labels of a query, rarest first; one that no photo of the owner ever had is left out."""

    all: Sequence[Term]
    any: Sequence[Term]
    none: Sequence[Term]

    @classmethod
    def of(cls, query: Query, known: Mapping[str, Term]) -> "Terms | None":
        """Look the labels up by folded name; None where they can't match anything."""
        wanted, some = _folded(query.all), _folded(query.any)
        if any(folded not in known for folded in wanted):
            return None
        if some and not any(folded in known for folded in some):
            return None
        found = [
            sorted((known[name] for name in names if name in known), key=lambda term: term.photos)
            for names in (wanted, some, _folded(query.none))
        ]
        return cls(*found)


@dataclass(frozen=True, slots=True)
class Listing:
    """Photos of the owner numbered *owner* that match, in order.

    None of them comes before *at*, in microseconds, where that is known.
    """

    owner: int
    query: Query
    terms: Terms
    sort: Sort
    after: Position | None = None
    at: int | None = None

    @property
    def on_shelves(self) -> bool:
        """Whether the shelves answer it: they hold the library only."""
        return not self.query.trashed and self.query.state is not PhotoState.AWAITING

    def numbers(self, limit: int) -> Statement:
        """Select the numbers of the first *limit*, in order, in one column."""
        statement = Statement(["SELECT photo FROM ("])
        self._choose(statement)
        statement.add(_ORDERS[self.sort].ending)
        statement.add("LIMIT ? )", limit)
        return statement

    def layout(self) -> Statement:
        """Select id, width, height and capture time of all, in order."""
        statement = Statement(["SELECT photos.id, width, height, taken_at FROM ("])
        self._choose(statement)
        statement.add(") AS chosen CROSS JOIN photos USING (photo)")
        statement.add(_ORDERS[self.sort].outer)
        return statement

    def head(self, term: Term) -> Statement:
        """Select the time of the first photo on one shelf."""
        statement = Statement(["SELECT at FROM ("])
        self._from_shelf(statement, "", term)
        statement.add(_ORDERS[self.sort].ending)
        statement.add("LIMIT 1 )")
        return statement

    def _choose(self, statement: Statement) -> None:
        terms = self.terms
        if not self.on_shelves or not (terms.all or terms.any or terms.none):
            self._ask_each_photo(statement)
        elif terms.all and (self._conditions().parts or self._one_is_rare()):
            self._walk_the_rarest(statement)
        else:
            self._merge(statement)

    def _one_is_rare(self) -> bool:
        rarest, *others = self.terms.all
        return rarest.photos * _PROBE_COSTS < sum(other.photos for other in others)

    def _ask_each_photo(self, statement: Statement) -> None:
        self._from_photos(statement)
        for part, labels in self._questions():
            statement.add(part, labels)

    def _questions(self) -> Iterator[tuple[str, str]]:
        for term in self.terms.all:
            yield f"AND {_CARRIES}", json.dumps([term.label])
        if self.terms.any:
            yield f"AND {_CARRIES}", json.dumps([term.label for term in self.terms.any])
        if self.terms.none:
            yield f"AND NOT {_CARRIES}", json.dumps([term.label for term in self.terms.none])

    def _walk_the_rarest(self, statement: Statement) -> None:
        order, terms = _ORDERS[self.sort], self.terms
        self._from_shelf(statement, "", terms.all[0])
        for term in terms.all[1:]:
            statement.add("AND")
            statement.add(order.beside, term.label)
        if terms.any:
            statement.add("AND (")
            for number, term in enumerate(terms.any):
                statement.add("OR" if number else "")
                statement.add(order.beside, term.label)
            statement.add(")")
        for term in terms.none:
            statement.add("AND NOT")
            statement.add(order.beside, term.label)
        conditions = self._conditions()
        if conditions.parts:
            statement.add("AND EXISTS (SELECT 1 FROM photos WHERE photos.photo = shelf.photo")
            statement.add(" ".join(conditions.parts), *conditions.values)
            statement.add(")")

    def _merge(self, statement: Statement) -> None:
        joining = ""
        for term in self.terms.any:
            self._from_shelf(statement, joining, term)
            joining = "UNION"
        joining = "INTERSECT" if self.terms.any else ""
        for term in self.terms.all:
            self._from_shelf(statement, joining, term)
            joining = "INTERSECT"
        if not joining or self._conditions().parts:
            statement.add(joining)
            self._from_photos(statement)
        for term in self.terms.none:
            self._from_shelf(statement, "EXCEPT", term)

    def _from_shelf(self, statement: Statement, joining: str, term: Term) -> None:
        order = _ORDERS[self.sort]
        statement.add(joining)
        statement.add(order.shelf, term.label)
        if self.at is not None:
            statement.add(order.from_shelf, self.at)
        elif self.after:
            statement.add(order.beyond_shelf, to_micros(self.after.time), self.after.id)

    def _from_photos(self, statement: Statement) -> None:
        order = _ORDERS[self.sort]
        statement.add(order.photos, self.owner)
        if self.at is not None:
            statement.add(order.from_photos, self.at)
        elif self.after:
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
