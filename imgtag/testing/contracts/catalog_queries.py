"""The contract of a catalog: which photos a query finds, and in which order."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from typing import Final

import pytest

from imgtag.domain.ids import PhotoId
from imgtag.domain.photos import Photo, PhotoState
from imgtag.domain.queries import LayoutRow, Query, Sort
from imgtag.ports import Catalog
from imgtag.testing.clock import START, FixedClock
from imgtag.testing.contracts.base import HOUR, MINUTE
from imgtag.testing.contracts.catalog_base import C, CatalogSuite, Shelf, found, pages
from imgtag.testing.photos import ADA, BOB, Maker, change, hit, query

FILE_NAMES: Final = (
    "IMG_0001.JPG", "100%.jpg", "a_b.jpg", "axb.jpg", "STRASSE.jpeg", "straße.webp",
    "İstanbul.heic", "Ærø 🏔️.png", "O'Brien.jpg", 'the "best".jpg', "*.?.[x]",
)  # fmt: skip
TEXTS: Final = (
    "", "img_", ".jpg", "%", "_", "a_b", "strasse", "ẞ", "istanbul", "ÆRØ", "🏔", "o'b", '"', "\\",
    "*", "[x]", "no such name",
)  # fmt: skip
QUERIES: Final = (
    *(query(text=text) for text in TEXTS),
    query(all=["A"]),
    query(all=["a", "B"]),
    query(all=["A", "B", "C"]),
    query(all=["A", "A"]),
    query(all=["A", "Unheard of"]),
    query(any=["A"]),
    query(any=["A", "c"]),
    query(any=["A", "B", "C", "Unheard of"]),
    query(any=["Unheard of"]),
    query(none=["A"]),
    query(none=["A", "B", "Unheard of"]),
    query(all=["A"], any=["B", "C"]),
    query(all=["A"], none=["B"]),
    query(any=["A", "B"], none=["C"]),
    query(all=["A"], any=["B", "C"], none=["D"]),
    query(all=["A"], none=["A"]),
    query(unlabelled=True),
    query(unlabelled=True, none=["A"], text="1"),
    query(unlabelled=True, any=["A"]),
    *(query(state=state) for state in PhotoState),
    query(state=PhotoState.LABELLED, all=["B"], text=".j"),
    query(all=[f"Label {number}" for number in range(50)]),
    query(any=["A", *(f"Label {number}" for number in range(49))]),
)
LABELS: Final = ("A", "B", "C", "D")
TIMES: Final = (
    None,
    START - 30 * HOUR,
    None,
    datetime(1955, 3, 2, 8, 30, 0, 999_000, tzinfo=UTC),
    START - 30 * HOUR,
    datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    START,
)


class Querying(CatalogSuite[C]):
    """`page` and `layout` find what `Query.matches`, in the order of `Sort`."""

    @pytest.fixture
    async def photos(self, catalog: C, shelf: Shelf, clock: FixedClock) -> Sequence[Photo]:
        """Fill the library with every mixture of labels, states and times, and ties of them."""
        ids = [await _one_of_many(catalog, shelf, number) for number in range(36)]
        for number, photo in enumerate(ids):
            if number % 7 == 3:
                await catalog.trash(ADA, photo, clock.now())
        await shelf.labelled(*map(hit, LABELS), owner=BOB)
        return await catalog.get_many(ADA, ids)

    @pytest.mark.parametrize("sort", Sort)
    async def test_every_query_finds_what_it_matches(
        self, catalog: C, photos: Sequence[Photo], sort: Sort
    ) -> None:
        """All of, any of, none of, by state and by name: as the domain says, page by page."""
        for wanted, trashed in product(QUERIES, (False, True)):
            asked = replace(wanted, trashed=trashed)
            right = expected(photos, asked, sort)
            assert await pages(catalog, asked, sort, 100 if trashed else 7) == right, asked

    @pytest.mark.parametrize("sort", Sort)
    async def test_the_layout_is_all_pages_in_short(
        self, catalog: C, photos: Sequence[Photo], sort: Sort
    ) -> None:
        """The same photos in the same order, with what a grid needs of each."""
        for wanted in QUERIES:
            rows = [
                LayoutRow(photo.id, photo.width, photo.height, photo.taken_at)
                for photo in expected(photos, wanted, sort)
            ]
            assert list(await catalog.layout(ADA, wanted, sort)) == rows

    async def test_photos_may_be_named_outright(
        self, catalog: C, photos: Sequence[Photo], make: Maker
    ) -> None:
        """Named photos still have to meet every other condition, and to be the owner's."""
        theirs = await catalog.page(BOB, Query(), Sort.NEWEST_TAKEN, after=None, limit=1)
        named = (*(p.id for p in photos[::2]), make.photo_id(), theirs.photos[0].id)
        for asked in (Query(photo_ids=named), query(photo_ids=named, all=["A"], none=["C"])):
            for sort in (Sort.NEWEST_TAKEN, Sort.OLDEST_CREATED):
                right = expected(photos, asked, sort)
                assert await pages(catalog, asked, sort, 4) == right
                assert [row.id for row in await catalog.layout(ADA, asked, sort)] == _ids(right)

    async def test_thousands_of_photos_may_be_named(
        self, catalog: C, photos: Sequence[Photo], make: Maker
    ) -> None:
        """More than fit into a statement of most databases."""
        unknown = [make.photo_id() for _ in range(5000)]
        asked = Query(photo_ids=(*unknown[:2500], *(p.id for p in photos), *unknown[2500:]))
        right = expected(photos, asked, Sort.NEWEST_TAKEN)
        assert await pages(catalog, asked, Sort.NEWEST_TAKEN, 100) == right

    async def test_owners_see_their_own(self, catalog: C, photos: Sequence[Photo]) -> None:
        """Nobody's photos are in anybody else's pages, whatever is asked for."""
        theirs = await found(catalog, BOB, any=LABELS)
        assert len(theirs) == 1
        assert not set(theirs) & {photo.id for photo in photos}
        assert await found(catalog, BOB, photo_ids=tuple(p.id for p in photos)) == []

    async def test_equal_times_are_told_apart_by_id(
        self, catalog: C, make: Maker, clock: FixedClock
    ) -> None:
        """A page may end between photos of the same millisecond and lose none."""
        photos = [make.photo(created_at=clock.now()) for _ in range(25)]
        await catalog.reserve(ADA, photos)
        ids = sorted(photo.id for photo in photos)
        for sort in Sort:
            for limit in (1, 10):
                listed = await pages(catalog, Query(state=PhotoState.AWAITING), sort, limit)
                assert _ids(listed) == (ids[::-1] if sort.descending else ids)


class Paging(CatalogSuite[C]):
    """Pages stay right while the library changes under them."""

    @pytest.mark.parametrize("sort", Sort)
    async def test_what_stays_is_listed_exactly_once(
        self, catalog: C, shelf: Shelf, clock: FixedClock, sort: Sort
    ) -> None:
        """Photos come and go between two pages; every other one is listed once."""
        photos = [
            await shelf.labelled(hit("A"), taken_at=clock.now() - number * MINUTE)
            for number in range(20)
        ]
        listed: list[PhotoId] = []
        after = None
        gone = set()
        for turn in range(100):
            page = await catalog.page(ADA, query(all=["A"]), sort, after=after, limit=3)
            listed += [photo.id for photo in page.photos]
            if page.next is None:
                break
            after = page.next
            if turn < 5:
                await _come(shelf, clock)
                gone.add(await _go(catalog, photos[turn * 4], clock, by_label=turn % 2 == 0))
        assert len(set(listed)) == len(listed)
        assert {photo.id for photo in photos} - gone <= set(listed)

    async def test_a_page_goes_on_after_a_photo_that_is_gone(
        self, catalog: C, shelf: Shelf, clock: FixedClock
    ) -> None:
        """A position is a place in the order and needs nobody to stand there."""
        photos = [await shelf.labelled(hit("A")) for _ in range(6)]
        sort = Sort.OLDEST_CREATED
        first = await catalog.page(ADA, query(all=["A"]), sort, after=None, limit=3)
        assert first.next is not None
        for photo in photos[1:4]:
            await catalog.trash(ADA, photo.id, clock.now())
        rest = await catalog.page(ADA, query(all=["A"]), sort, after=first.next, limit=10)
        assert _ids(rest.photos) == _ids(photos[4:])

    async def test_a_page_holds_as_many_as_a_client_may_ask(self, catalog: C, make: Maker) -> None:
        """Five hundred, and the page after the last one is not begun."""
        photos = [make.photo() for _ in range(501)]
        await catalog.reserve(ADA, photos)
        asked = Query(state=PhotoState.AWAITING)
        listed = await pages(catalog, asked, Sort.NEWEST_CREATED, 500)
        assert {photo.id for photo in listed} == {photo.id for photo in photos}
        assert len(await catalog.layout(ADA, asked, Sort.NEWEST_CREATED)) == len(photos)


async def _one_of_many(catalog: Catalog, shelf: Shelf, number: int) -> PhotoId:
    """Add a photo whose number decides what it is: labels by its bits, the rest by division."""
    file_name = f"{number}-{FILE_NAMES[number % len(FILE_NAMES)]}"
    if number % 9 == 1:
        return (await shelf.awaiting(file_name=file_name)).id
    if number % 9 == 5:
        photo = await shelf.stored(file_name=file_name)
    else:
        hits = [hit(name) for bit, name in enumerate(LABELS) if number >> bit & 1]
        photo = await shelf.labelled(
            *hits, taken_at=TIMES[number % len(TIMES)], file_name=file_name
        )
    if number % 6 == 0:
        await catalog.edit(ADA, [photo.id], change(add="B"))
    if number % 10 == 0:
        await catalog.edit(ADA, [photo.id], change(remove="A"))
    return photo.id


def expected(photos: Sequence[Photo], wanted: Query, sort: Sort) -> list[Photo]:
    """Pick and order photos by the words of the domain alone."""
    return sorted(
        filter(wanted.matches, photos),
        key=lambda photo: (sort.time_of(photo), photo.id),
        reverse=sort.descending,
    )


def _ids(photos: Sequence[Photo]) -> list[PhotoId]:
    return [photo.id for photo in photos]


async def _come(shelf: Shelf, clock: FixedClock) -> None:
    for taken_at in (clock.now() + HOUR, clock.now() - 1000 * HOUR, None):
        await shelf.labelled(hit("A"), taken_at=taken_at)


async def _go(catalog: Catalog, photo: Photo, clock: FixedClock, *, by_label: bool) -> PhotoId:
    if by_label:
        await catalog.edit(ADA, [photo.id], change(remove="A"))
    else:
        await catalog.trash(ADA, photo.id, clock.now())
    return photo.id
