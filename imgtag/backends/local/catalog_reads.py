"""Pages and layouts of the catalog."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import apsw

from imgtag.backends.local.catalog_queries import Listing, Term, Terms
from imgtag.backends.local.catalog_rows import BY_NUMBERS, load, owner_number
from imgtag.backends.local.database import fetch
from imgtag.backends.local.times import from_micros_or_none, to_micros
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.queries import LayoutRow, Page, Position, Query, Sort

LEAPS: Final = 8

_TERMS: Final = """
SELECT folded, label, photos FROM labels
WHERE owner = ? AND folded IN (SELECT value FROM json_each(?))
"""


def page(
    db: apsw.Connection,
    owner: OwnerId,
    query: Query,
    sort: Sort,
    after: Position | None,
    limit: int,
) -> Page:
    """List photos with their labels, in three statements and a few seeks."""
    listing = _listing(db, owner, query, sort, after)
    if listing is None:
        return Page((), None)
    numbers = [number for (number,) in listing.numbers(limit + 1).run(db)]
    rows = load(db, BY_NUMBERS, (json.dumps(numbers[:limit]),))
    photos = {row.number: row.photo for row in rows}
    found = tuple(photos[number] for number in numbers[:limit])
    if len(numbers) <= limit:
        return Page(found, None)
    return Page(found, Position(sort.time_of(found[-1]), found[-1].id))


def layout(db: apsw.Connection, owner: OwnerId, query: Query, sort: Sort) -> Sequence[LayoutRow]:
    """List all photos that match, in short."""
    listing = _listing(db, owner, query, sort, None)
    rows = listing.layout().run(db) if listing else ()
    return [
        LayoutRow(PhotoId(photo), width, height, from_micros_or_none(taken_at))
        for photo, width, height, taken_at in rows
    ]


def _listing(
    db: apsw.Connection, owner: OwnerId, query: Query, sort: Sort, after: Position | None
) -> Listing | None:
    number = owner_number(db, owner)
    names = {name.folded for name in (*query.all, *query.any, *query.none)}
    found = fetch(db, _TERMS, (number, json.dumps(list(names))))
    terms = Terms.of(query, {folded: Term(*term) for folded, *term in found})
    if number is None or terms is None:
        return None
    return _past_the_gaps(db, Listing(number, query, terms, sort, after))


def _past_the_gaps(db: apsw.Connection, listing: Listing) -> Listing | None:
    """Begin where the wanted shelves may meet, and end there; None where they can't.

    A photo on all of them is not before the first photo of any, nor behind the last of any. Taking
    turns, they leap over what could be half of a library on one shelf: "Leapfrog Triejoin", arXiv
    1210.0481.
    """
    if not listing.on_shelves or len(listing.terms.all) <= 1:
        return listing
    after = listing.after and to_micros(listing.after.time)
    for _ in range(LEAPS):
        ((at,),) = listing.leap().run(db)
        if at is None:
            return None
        if at in (after, listing.at):
            break
        listing = replace(listing, at=at)
    ((until,),) = listing.end().run(db)
    return replace(listing, until=until)
