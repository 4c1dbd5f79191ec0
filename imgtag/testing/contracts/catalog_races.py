"""The contract of a catalog: calls that come at the same time."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from imgtag.domain.errors import Conflict, NotFound
from imgtag.domain.ids import PhotoId
from imgtag.domain.labels import LabelHit
from imgtag.domain.photos import Failure, Photo
from imgtag.domain.queries import Tally
from imgtag.ports import Catalog
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.base import at_once
from imgtag.testing.contracts.catalog_base import (
    C,
    CatalogSuite,
    Shelf,
    discarded_event,
    found,
    sha256_of,
    shown_counts,
    stored_event,
)
from imgtag.testing.photos import ADA, MODEL, change, facts, hit

LABELS: Final = ("Lake", "Dog", "Sea", "Nature")


class Racing(CatalogSuite[C]):
    """Whatever happens at once, counts are the sizes of sets afterwards."""

    async def test_changes_at_once_leave_the_counts_right(
        self, catalog: C, shelf: Shelf, clock: FixedClock
    ) -> None:
        """Labelling, editing, failing and trashing of the same few photos, all together."""
        photos = [await shelf.labelled(hit("Lake")) for _ in range(6)]
        chance = random.Random(1)  # noqa: S311 - it has to be repeatable
        for _ in range(4):
            calls = [_any_change(catalog, chance, chance.choice(photos), clock) for _ in range(50)]
            await at_once(calls)
            await _must_add_up(catalog, [photo.id for photo in photos])

    async def test_no_edit_is_lost(self, catalog: C, shelf: Shelf) -> None:
        """Thirty labels added to one photo at once are thirty labels."""
        photo = await shelf.labelled(hit("Lake"))
        wishes = [change(f"Label {number}") for number in range(30)]
        changed = await at_once([catalog.edit(ADA, [photo.id], wish) for wish in wishes])
        assert changed == [1] * 30
        labels = (await catalog.get(ADA, photo.id)).labels.labels
        assert set(labels) == {"lake", *(f"label {number}" for number in range(30))}
        assert set((await shown_counts(catalog)).values()) == {1}

    async def test_one_spelling_wins(self, catalog: C, shelf: Shelf) -> None:
        """A label that comes up everywhere at once has one name and one count."""
        photos = [await shelf.stored() for _ in range(20)]
        await at_once(
            [
                catalog.label(
                    ADA, photo.id, sha256_of(photo), facts(), [hit(spelling)], model=MODEL
                )
                for photo, spelling in zip(
                    photos, ["Lake", "LAKE", "lake", "lAKE"] * 5, strict=True
                )
            ]
        )
        ((name, count),) = (await shown_counts(catalog)).items()
        assert count == 20
        after = await catalog.get_many(ADA, [photo.id for photo in photos])
        assert {photo.labels.labels["lake"].name for photo in after} == {name}

    async def test_a_photo_discarded_while_it_is_labelled_leaves_nothing(
        self, catalog: C, shelf: Shelf, clock: FixedClock
    ) -> None:
        """Whoever comes first, the photo is gone and none of its labels counts."""
        for _ in range(10):
            photo = await shelf.labelled(hit("Lake"))
            await catalog.trash(ADA, photo.id, clock.now())
            hits = [hit("Lake"), hit("Dog")]
            await at_once(
                [
                    _label_if_there(catalog, photo, [hit("Lake")]),
                    catalog.discard(ADA, photo.id, discarded_event(photo)),
                    _label_if_there(catalog, photo, hits),
                ]
            )
        assert await shown_counts(catalog) == {}
        assert await catalog.recount(ADA) == {}
        assert list(await self.rows(catalog)) == []

    async def test_a_restored_photo_is_not_discarded(
        self, catalog: C, shelf: Shelf, clock: FixedClock
    ) -> None:
        """Taken out of the trash while the trash is emptied, it is either there or gone."""
        for _ in range(10):
            photo = await shelf.labelled(hit("Lake"))
            await catalog.trash(ADA, photo.id, clock.now())
            await at_once([_discard_if_trashed(catalog, photo), _restore_if_there(catalog, photo)])
            there = await catalog.get_many(ADA, [photo.id])
            assert await shown_counts(catalog) == ({"Lake": 1} if there else {})
            assert [p.trashed_at for p in there] == [None] * len(there)
            for left in there:
                await catalog.trash(ADA, left.id, clock.now())


def _any_change(
    catalog: Catalog, chance: random.Random, photo: Photo, clock: FixedClock
) -> Awaitable[Any]:
    hits = [hit(name) for name in chance.sample(LABELS, chance.randrange(4))]
    name, other = chance.sample(LABELS, 2)
    sha256 = sha256_of(photo)
    calls: list[Callable[[], Awaitable[Any]]] = [
        *[partial(catalog.label, ADA, photo.id, sha256, facts(), hits, model=MODEL)] * 3,
        partial(catalog.edit, ADA, [photo.id], change(add=name, remove=other)),
        partial(catalog.edit, ADA, [photo.id], change(add=name)),
        partial(catalog.trash, ADA, photo.id, clock.now()),
        partial(catalog.restore, ADA, photo.id),
        partial(catalog.fail, ADA, photo.id, sha256, Failure("a", "b"), None),
        partial(catalog.relabel, ADA, photo.id, stored_event(photo)),
    ]
    return chance.choice(calls)()


async def _must_add_up(catalog: Catalog, ids: Sequence[PhotoId]) -> None:
    photos = await catalog.get_many(ADA, ids)
    library = [photo for photo in photos if photo.in_library]
    counted = Counter(label.name for photo in library for label in photo.labels.labels.values())
    assert await shown_counts(catalog) == counted
    recounted = await catalog.recount(ADA)
    assert recounted == {name.folded: number for name, number in counted.items()}
    for name in LABELS:
        carriers = {p.id for p in library if name.casefold() in p.labels.labels}
        assert set(await found(catalog, all=[name])) == carriers
    states = Counter(photo.state.value for photo in library)
    assert await catalog.tally(ADA) == Tally(**states, trashed=len(photos) - len(library))


async def _label_if_there(catalog: Catalog, photo: Photo, hits: Sequence[LabelHit]) -> None:
    with suppress(NotFound):
        await catalog.label(ADA, photo.id, sha256_of(photo), facts(), hits, model=MODEL)


async def _discard_if_trashed(catalog: Catalog, photo: Photo) -> None:
    with suppress(Conflict):
        await catalog.discard(ADA, photo.id, discarded_event(photo))


async def _restore_if_there(catalog: Catalog, photo: Photo) -> None:
    with suppress(NotFound):
        await catalog.restore(ADA, photo.id)
