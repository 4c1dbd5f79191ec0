"""The contract of a catalog: labels, by machines and by users, and how many photos carry them."""

from dataclasses import replace
from typing import Final

import pytest

from imgtag.domain.errors import Conflict, NotFound
from imgtag.domain.labels import Box, Label, LabelChange, LabelHit, LabelName, LabelSet, Source
from imgtag.domain.photos import Failure, PhotoState
from imgtag.ports import EventQueue
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.base import HOUR, MINUTE
from imgtag.testing.contracts.catalog_base import (
    C,
    CatalogSuite,
    Shelf,
    drain,
    found,
    sha256_of,
    shown_counts,
    stored_event,
)
from imgtag.testing.photos import ADA, BOB, MODEL, Maker, change, facts, hit, names

FAILURE: Final = Failure("unreadable_photo", "Halfway through, the file ends: 50 % are missing")
ODD_LABELS: Final = (
    "comma, separated",
    "🏔️ Berg",
    "O'Brien",
    'the "Matterhorn"',
    "100%",
    "snake_case",
    "%_%",
    "*",
    "?",
    "'; DROP TABLE photos; --",
    "SELECT",
    "NULL",
    "#name",
    ":value",
    "attribute_exists(labels)",
    "a/b\\c",
    "{}[]",
    "$1 & ${2}",
    "a#b|c~d\u00a6e",
    "0",
    "-1",
    "0.10",
    "true",
    "x" * 100,
    "日" * 100,
    "\ufdfa" * 100,  # folds to 1,800 characters: the longest there is
    "ﬁn",
    "Straße",
    "İstanbul",
    "e\u0301te\u0301",
    "Ωμέγα",
)


class Labelling(CatalogSuite[C]):
    """`label`, `fail` and `relabel`: what machines say."""

    async def test_hits_become_labels(self, catalog: C, shelf: Shelf, clock: FixedClock) -> None:
        """All that the labeler and the decoder told is kept, to the last digit."""
        photo = await shelf.stored()
        boxes = (Box(0.1, 0.25, 1 / 3, 0.5), Box(0.0, 0.0, 1.0, 1.0))
        lake = LabelHit(LabelName("Lake"), 98.7654321, names("Nature", "Water"), boxes)
        told = facts(clock.now() - 20_000 * HOUR)
        labelled = await catalog.label(ADA, photo.id, sha256_of(photo), told, [lake], model=MODEL)
        assert labelled == await catalog.get(ADA, photo.id)
        label = Label(lake.name, lake.confidence, Source.MACHINE, MODEL, lake.parents, boxes)
        assert labelled == photo.inspected(told).labelled(LabelSet.of([label]))

    async def test_hits_replace_what_machines_said(self, catalog: C, shelf: Shelf) -> None:
        """The newest answer stands alone, and counts follow."""
        photo = await shelf.labelled(hit("Lake"), hit("Nature"), hit("Boat"))
        hits = [hit("Nature", 71.5), hit("Harbour", 80, "Nature")]
        again = await catalog.label(ADA, photo.id, sha256_of(photo), facts(), hits, model="test-2")
        assert again.labels == LabelSet().relabelled(hits, model="test-2")
        assert await shown_counts(catalog) == {"Nature": 1, "Harbour": 1}

    async def test_the_same_answer_again_changes_nothing(self, catalog: C, shelf: Shelf) -> None:
        """A photo labelled twice with the same hits counts once."""
        hits = [hit("Lake"), hit("Nature")]
        photo = await shelf.labelled(*hits)
        for _ in range(2):
            again = await catalog.label(ADA, photo.id, sha256_of(photo), facts(), hits, model=MODEL)
            assert again == photo
        assert await shown_counts(catalog) == {"Lake": 1, "Nature": 1}

    async def test_users_have_the_last_word(self, catalog: C, shelf: Shelf) -> None:
        """What a user added stays as it is, and what a user removed does not return."""
        photo = await shelf.labelled(hit("Lake"), hit("Dog"))
        await catalog.edit(ADA, [photo.id], LabelChange(names("Holidays", "lake"), names("dog")))
        hits = [hit("Dog", 99), hit("Lake", 75), hit("Nature")]
        again = await catalog.label(ADA, photo.id, sha256_of(photo), facts(), hits, model=MODEL)
        sources = {str(label.name): label.source for label in again.labels.labels.values()}
        user, machine = Source.USER, Source.MACHINE
        assert sources == {"Holidays": user, "Lake": user, "Nature": machine}
        assert set(again.labels.removed) == {"dog"}
        assert await shown_counts(catalog) == {"Holidays": 1, "Lake": 1, "Nature": 1}

    async def test_no_hits_are_an_answer(self, catalog: C, shelf: Shelf) -> None:
        """A photo in which nothing was sure enough is labelled, and has no labels."""
        photo = await shelf.labelled()
        assert photo.state is PhotoState.LABELLED
        assert not photo.labels.labels
        assert await shown_counts(catalog) == {}

    async def test_a_photo_may_carry_many_labels(self, catalog: C, shelf: Shelf) -> None:
        """As many as a labeler may give, and as many again of the user's."""
        photo = await shelf.labelled(*(hit(f"Machine {number}") for number in range(45)))
        mine = LabelChange(names(*(f"Mine {number}" for number in range(45))))
        assert await catalog.edit(ADA, [photo.id], mine) == 1
        assert len((await catalog.get(ADA, photo.id)).labels.labels) == 90
        hits = [hit(f"Other {number}") for number in range(45)]
        await catalog.label(ADA, photo.id, sha256_of(photo), facts(), hits, model=MODEL)
        counts = await shown_counts(catalog)
        assert counts == {f"{kind} {n}": 1 for kind in ("Mine", "Other") for n in range(45)}

    async def test_a_failure_is_shown(self, catalog: C, shelf: Shelf) -> None:
        """Code and sentence are kept, with what decoding told, if it told anything."""
        photo = await shelf.stored()
        failed = await catalog.fail(ADA, photo.id, sha256_of(photo), FAILURE, None)
        assert failed == photo.failed(FAILURE)
        again = await catalog.fail(ADA, photo.id, sha256_of(photo), FAILURE, facts())
        assert again == photo.inspected(facts()).failed(FAILURE)
        assert await catalog.get(ADA, photo.id) == again
        assert {row[2] for row in await self.rows(catalog)} == {PhotoState.FAILED}

    async def test_a_failed_photo_keeps_its_labels_and_may_recover(
        self, catalog: C, shelf: Shelf
    ) -> None:
        """Bytes and labels stay; a later answer clears the failure."""
        photo = await shelf.labelled(hit("Lake"))
        failed = await catalog.fail(ADA, photo.id, sha256_of(photo), FAILURE, None)
        assert (failed.labels, failed.content) == (photo.labels, photo.content)
        assert await shown_counts(catalog) == {"Lake": 1}
        hits = [hit("Sea")]
        again = await catalog.label(ADA, photo.id, sha256_of(photo), facts(), hits, model=MODEL)
        assert (again.state, again.failure) == (PhotoState.LABELLED, None)
        assert await shown_counts(catalog) == {"Sea": 1}

    async def test_an_answer_about_other_bytes_is_refused(
        self, catalog: C, shelf: Shelf, make: Maker
    ) -> None:
        """So is one about bytes that have not arrived; the photo stays as it was."""
        photo, sha256 = await shelf.labelled(hit("Lake")), make.content().sha256
        claimed = await shelf.awaiting(sha256=sha256)
        for known in (photo, claimed):
            wrong = sha256 if known is claimed else make.content().sha256
            with pytest.raises(Conflict):
                await catalog.label(ADA, known.id, wrong, facts(), [hit("Dog")], model=MODEL)
            with pytest.raises(Conflict):
                await catalog.fail(ADA, known.id, wrong, FAILURE, facts())
            assert await catalog.get(ADA, known.id) == known
        assert await shown_counts(catalog) == {"Lake": 1}

    async def test_an_answer_about_a_photo_of_nobody_is_not_found(
        self, catalog: C, shelf: Shelf, make: Maker
    ) -> None:
        """An unknown photo and another owner's look the same, and nothing changes."""
        photo = await shelf.labelled(hit("Lake"))
        sha256 = sha256_of(photo)
        for owner, photo_id in ((BOB, photo.id), (ADA, make.photo_id())):
            with pytest.raises(NotFound):
                await catalog.label(owner, photo_id, sha256, facts(), [], model=MODEL)
            with pytest.raises(NotFound):
                await catalog.fail(owner, photo_id, sha256, FAILURE, None)
            with pytest.raises(NotFound):
                await catalog.relabel(owner, photo_id, stored_event(photo))
        assert await catalog.get(ADA, photo.id) == photo
        assert (await shown_counts(catalog), await shown_counts(catalog, BOB)) == ({"Lake": 1}, {})

    async def test_relabelling_asks_again(
        self, catalog: C, events: EventQueue, shelf: Shelf
    ) -> None:
        """The photo is stored, its failure forgotten, its labels as before, its event sent."""
        labelled = await shelf.labelled(hit("Lake"))
        failed = await shelf.stored()
        failed = await catalog.fail(ADA, failed.id, sha256_of(failed), FAILURE, None)
        for photo in (labelled, failed):
            stored = await catalog.relabel(ADA, photo.id, stored_event(photo))
            assert stored == replace(photo, state=PhotoState.STORED, failure=None)
            assert await catalog.get(ADA, photo.id) == stored
            assert await drain(events) == [stored_event(photo)]
        assert await shown_counts(catalog) == {"Lake": 1}

    async def test_what_awaits_its_bytes_is_not_relabelled(
        self, catalog: C, events: EventQueue, shelf: Shelf
    ) -> None:
        """There is nothing to label yet, and nothing is sent."""
        photo = await shelf.awaiting()
        with pytest.raises(Conflict):
            await catalog.relabel(ADA, photo.id, stored_event(photo))
        assert await drain(events) == []


class Editing(CatalogSuite[C]):
    """`edit` and `counts`: what users say, and how it is spelled."""

    async def test_an_edit_changes_labels_and_counts(self, catalog: C, shelf: Shelf) -> None:
        """It says how many photos it changed, and a second time that it changed none."""
        first = await shelf.labelled(hit("Lake"))
        second = await shelf.labelled(hit("Dog"))
        both = [first.id, second.id]
        wish = LabelChange(names("Holidays"), names("Dog"))
        assert await catalog.edit(ADA, both, wish) == 2
        assert await shown_counts(catalog) == {"Holidays": 2, "Lake": 1}
        assert await catalog.edit(ADA, both, wish) == 0
        assert await catalog.edit(ADA, both, change(remove="Lake")) == 1
        assert await catalog.edit(ADA, [], wish) == 0
        labels = [photo.labels for photo in await catalog.get_many(ADA, both)]
        assert labels[0] == first.labels.edited(wish).edited(change(remove="Lake"))
        assert labels[1] == second.labels.edited(wish)

    async def test_an_edit_skips_what_the_owner_has_not(
        self, catalog: C, shelf: Shelf, make: Maker
    ) -> None:
        """Unknown ids and another owner's are unchanged, and an id given twice counts once."""
        mine, theirs = await shelf.stored(), await shelf.labelled(hit("Lake"), owner=BOB)
        chosen = [make.photo_id(), theirs.id, mine.id, mine.id]
        assert await catalog.edit(ADA, chosen, LabelChange(names("Dog"), names("Lake"))) == 1
        assert await catalog.get(BOB, theirs.id) == theirs
        assert await shown_counts(catalog) == {"Dog": 1}
        assert await shown_counts(catalog, BOB) == {"Lake": 1}

    async def test_five_hundred_photos_are_edited_at_once(self, catalog: C, make: Maker) -> None:
        """As many as a call may name; they count once their bytes are there."""
        photos = [make.photo() for _ in range(500)]
        await catalog.reserve(ADA, photos)
        assert await catalog.edit(ADA, [p.id for p in photos], change("Holidays")) == 500
        assert await shown_counts(catalog) == {}
        for photo in photos[:3]:
            await catalog.store(ADA, photo.id, make.content(), None)
        assert await shown_counts(catalog) == {"Holidays": 3}

    @pytest.mark.parametrize("text", ODD_LABELS)
    async def test_odd_labels_are_labels(self, catalog: C, shelf: Shelf, text: str) -> None:
        """Whatever a label is called, it counts, is found, and is told from all others."""
        photo = await shelf.labelled(hit(text, 80.0, text), hit("Lake"))
        other = await shelf.labelled(hit("Lake"))
        name = LabelName(text)
        assert await shown_counts(catalog) == {"Lake": 2, str(name): 1}
        assert (await catalog.get(ADA, photo.id)).labels.labels[name.folded].name == name
        assert await catalog.recount(ADA) == {"lake": 2, name.folded: 1}
        assert await found(catalog, all=[text]) == [photo.id]
        assert await found(catalog, none=[text]) == [other.id]
        assert await catalog.edit(ADA, [other.id], change(add=text)) == 1
        assert await catalog.edit(ADA, [photo.id], change(remove=text)) == 1
        assert await found(catalog, any=[text]) == [other.id]

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("Lake", "LAKE"),
            ("straße", "STRASSE"),
            ("Ångström", "ÅNGSTRÖM"),
            ("\uff21\uff22\uff23", "abc"),
        ],
    )
    async def test_the_first_spelling_is_shown(
        self, catalog: C, shelf: Shelf, first: str, second: str
    ) -> None:
        """Spellings of one label are one label, shown as this owner spelled it first."""
        theirs = await shelf.labelled(hit(second), owner=BOB)
        photo = await shelf.labelled(hit(first))
        other = await shelf.labelled(hit(second))
        folded = LabelName(first).folded
        assert folded == LabelName(second).folded
        assert [p.labels.labels[folded].name for p in (photo, other)] == [first, first]
        assert theirs.labels.labels[folded].name == second
        assert await shown_counts(catalog) == {first: 2}
        assert await shown_counts(catalog, BOB) == {second: 1}
        assert await catalog.edit(ADA, [photo.id], change(add=second)) == 1
        assert (await catalog.get(ADA, photo.id)).labels.labels[folded].name == first
        assert await catalog.edit(ADA, [photo.id, other.id], change(remove=second)) == 2
        assert await shown_counts(catalog) == {}

    async def test_counts_come_most_photos_first_then_by_name(
        self, catalog: C, shelf: Shelf, clock: FixedClock
    ) -> None:
        """With the newest photo of each, when that is asked for."""
        old = await shelf.labelled(hit("Zoo"), hit("Ape"), hit("Sea"))
        clock.advance(MINUTE)
        new = await shelf.labelled(hit("Zoo"), hit("Bee"), hit("Ape"), hit("Zebra"))
        clock.advance(MINUTE)
        await shelf.labelled(hit("Zoo"), owner=BOB)
        rows = await catalog.counts(ADA, covers=True)
        assert [(row.name, row.photos) for row in rows] == [
            ("Ape", 2),
            ("Zoo", 2),
            ("Bee", 1),
            ("Sea", 1),
            ("Zebra", 1),
        ]
        assert [row.cover for row in rows] == [new.id, new.id, new.id, old.id, new.id]
        await catalog.trash(ADA, new.id, clock.now())
        covers = {row.name: row.cover for row in await catalog.counts(ADA, covers=True)}
        assert covers == dict.fromkeys(names("Ape", "Zoo", "Sea"), old.id)
        assert all(row.cover is None for row in await catalog.counts(ADA))

    async def test_wrong_counts_are_found_and_repaired(self, catalog: C, shelf: Shelf) -> None:
        """`recount` looks at the photos, and `repair_counts` makes the counts follow."""
        await shelf.labelled(hit("Lake"), hit("Dog"))
        await shelf.labelled(hit("Lake"))
        theirs = await shelf.labelled(hit("Lake"), owner=BOB)
        await self.spoil_counts(catalog, ADA)
        assert await catalog.recount(ADA) == {"lake": 2, "dog": 1}
        await catalog.repair_counts(ADA)
        assert await shown_counts(catalog) == {"Lake": 2, "Dog": 1}
        assert await shown_counts(catalog, BOB) == {"Lake": 1}
        await catalog.edit(BOB, [theirs.id], change(remove="Lake"))
        assert await shown_counts(catalog, BOB) == {}
