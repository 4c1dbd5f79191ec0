"""Queries as SQL that reads in order and stops when the page is full.

A query for labels is answered from their shelves, newest first. Of several wanted labels the
rarest one's shelf is walked: a photo without the marks of the others is passed by, and one that has
them is looked up on their shelves. Any and none of several are walked side by side: SQLite merges
the sorted branches of UNION and EXCEPT without sorting or storing anything. LIMIT ends the walk.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import apsw

from imgtag.backends.local.catalog_schema import marks
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

    def go_on_with(self, other: "Statement") -> None:
        """Append *other* with its values."""
        self.add(" ".join(other.parts), *other.values)

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
    in_order: str
    by_shelf: str
    farthest: str


_BY_SHOWN: Final = (
    "SELECT shown_at AS at, id, photo FROM photos WHERE owner = ?",
    "SELECT at, id, photo FROM shelf_shown WHERE label = ?",
    (
        "EXISTS (SELECT 1 FROM shelf_shown AS beside"
        " WHERE beside.label = ? AND beside.at = shelf.at AND beside.id = shelf.id)"
    ),
)
_BY_CREATED: Final = (
    "SELECT created_at AS at, id, photo FROM photos WHERE owner = ?",
    "SELECT at, id, photo FROM shelf_created WHERE label = ?",
    (
        "EXISTS (SELECT 1 FROM shelf_created AS beside"
        " WHERE beside.label = ? AND beside.at = shelf.at AND beside.id = shelf.id)"
    ),
)
_DOWN: Final = (
    "AND (at, id) < (?, ?)",
    "AND at <= ?",
    "ORDER BY at DESC, id DESC, photo DESC",
    "ORDER BY shelf.at DESC, shelf.id DESC",
    "min",
)
_UP: Final = (
    "AND (at, id) > (?, ?)",
    "AND at >= ?",
    "ORDER BY at, id, photo",
    "ORDER BY shelf.at, shelf.id",
    "max",
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

    @property
    def are_none(self) -> bool:
        """Whether no label is named."""
        return not (self.all or self.any or self.none)

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
    """Photos that match, in order, of the owner numbered *owner*.

    None of them comes before *at* or behind *until*, in microseconds, where that is known.
    """

    owner: int
    query: Query
    terms: Terms
    sort: Sort
    after: Position | None = None
    at: int | None = None
    until: int | None = None

    @property
    def on_shelves(self) -> bool:
        """Whether the shelves answer it: they hold the library only."""
        return not self.query.trashed and self.query.state is not PhotoState.AWAITING

    def numbers(self, limit: int) -> Statement:
        """Select the numbers of the first *limit*, in order, in one column."""
        walk, questions = self._steps()
        statement = Statement(["SELECT photo FROM ("])
        statement.go_on_with(walk)
        # In here and not at the end, where SQLite would sort what comes in order already.
        statement.add(_ORDERS[self.sort].in_order)
        statement.add(") AS shelf WHERE true")
        statement.go_on_with(questions)
        statement.add("LIMIT ?", limit)
        return statement

    def layout(self) -> Statement:
        """Select id, width, height and capture time of all, in order."""
        walk, questions = self._steps()
        statement = Statement(["SELECT photos.id, width, height, taken_at FROM ("])
        statement.go_on_with(walk)
        statement.add(") AS shelf CROSS JOIN photos USING (photo) WHERE true")
        statement.go_on_with(questions)
        statement.add(_ORDERS[self.sort].by_shelf)
        return statement

    def leap(self) -> Statement:
        """Select the farthest of the times that the wanted shelves begin at; NULL if one is empty.

        There are two of them at least.
        """
        return self._farthest_head(_ORDERS[self.sort])

    def end(self) -> Statement:
        """Select the nearest of the times that they end at: where one would begin backwards."""
        return self._farthest_head(_ORDERS[self.sort.reversed])

    def _farthest_head(self, order: _Order) -> Statement:
        statement, opening = Statement(["SELECT", order.farthest]), "("
        for term in self.terms.all:
            statement.add(opening)
            self._from_shelf(statement, "(SELECT at FROM (", term)
            statement.add(order.in_order)
            statement.add("LIMIT 1))")
            opening = ","
        statement.add(")")
        return statement

    def _steps(self) -> tuple[Statement, Statement]:
        """Say where to walk, and what to ask about each photo there."""
        if not self.on_shelves or self.terms.are_none:
            return self._along_photos(), Statement()
        rarest, others = self.terms.all[:1], self.terms.all[1:]
        if not others:
            return self._along_shelves(self.terms), self._questions(Terms((), (), ()))
        walk = self._along_shelves(Terms(rarest, (), ()))
        wanted = marks(term.label for term in others)
        walk.add("AND marks & ? = ?", wanted, wanted)
        return walk, self._questions(Terms(others, self.terms.any, self.terms.none))

    def _along_photos(self) -> Statement:
        statement, terms = Statement(), self.terms
        self._from_photos(statement)
        for term in terms.all:
            statement.add(f"AND {_CARRIES}", json.dumps([term.label]))
        if terms.any:
            statement.add(f"AND {_CARRIES}", json.dumps([term.label for term in terms.any]))
        if terms.none:
            statement.add(f"AND NOT {_CARRIES}", json.dumps([term.label for term in terms.none]))
        return statement

    def _along_shelves(self, terms: Terms) -> Statement:
        """Walk the shelves of *terms*, of which one at most is wanted."""
        statement, joining = Statement(), ""
        for term in terms.any:
            self._from_shelf(statement, joining, term)
            joining = "UNION"
        joining = "INTERSECT" if terms.any else ""
        for term in terms.all:
            self._from_shelf(statement, joining, term)
        if not terms.all and (not terms.any or self._conditions().parts):
            statement.add(joining)
            self._from_photos(statement)
        for term in terms.none:
            self._from_shelf(statement, "EXCEPT", term)
        return statement

    def _questions(self, terms: Terms) -> Statement:
        """Ask about a photo what the way to it did not answer."""
        statement, beside = Statement(), _ORDERS[self.sort].beside
        for term in terms.all:
            statement.add(f"AND {beside}", term.label)
        if terms.any:
            choice = " OR ".join([beside] * len(terms.any))
            statement.add(f"AND ({choice})", *(term.label for term in terms.any))
        for term in terms.none:
            statement.add(f"AND NOT {beside}", term.label)
        conditions = self._conditions()
        if self.terms.all and conditions.parts:
            statement.add("AND EXISTS (SELECT 1 FROM photos WHERE photos.photo = shelf.photo")
            statement.go_on_with(conditions)
            statement.add(")")
        return statement

    def _from_shelf(self, statement: Statement, joining: str, term: Term) -> None:
        order = _ORDERS[self.sort]
        statement.add(joining)
        statement.add(order.shelf, term.label)
        if self.at is not None:
            statement.add(order.from_shelf, self.at)
        elif self.after:
            statement.add(order.beyond_shelf, to_micros(self.after.time), self.after.id)
        if self.until is not None:
            statement.add(_ORDERS[self.sort.reversed].from_shelf, self.until)

    def _from_photos(self, statement: Statement) -> None:
        order = _ORDERS[self.sort]
        statement.add(order.photos, self.owner)
        if self.at is not None:
            statement.add(order.from_photos, self.at)
        elif self.after:
            statement.add(order.beyond_photos, to_micros(self.after.time), self.after.id)
        if not self.query.trashed and self.query.state is None:
            statement.add("AND live")
        statement.go_on_with(self._conditions())

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
