"""Imports as values."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtag.domain.errors import Conflict, Invalid
from imgtag.domain.imports import MAX_TOLD, ImportState, Skipped, Step, name_of
from imgtag.domain.photos import file_name_of
from imgtag.testing.clock import FixedClock
from imgtag.testing.photos import Maker


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("lake.jpg", "lake.jpg"),
        ("2024/May/lake.jpg", "lake.jpg"),
        ("2024/no-ending", "no-ending"),
        ("a/Åre 🏔️.JPG", "Åre 🏔️.JPG"),
        ("a/A\u030are.jpg", "Åre.jpg"),
        ("a/b\\c.jpg", "b_c.jpg"),
        ("a/" + "x" * 300 + ".jpg", "x" * 251 + ".jpg"),
        ("a/x." + "y" * 300, "." + "y" * 254),
        ("a/" + "x" * 300, "x" * 255),
    ],
)
def test_a_photo_is_called_after_the_last_part(key: str, name: str) -> None:
    """Too long a name keeps its ending."""
    assert name_of(key) == name


@given(st.text(st.characters(codec=None), min_size=1))
def test_any_key_gives_a_name_or_is_refused(key: str) -> None:
    """Lone surrogates and all."""
    with suppress(Invalid):
        name = name_of(key)
        assert file_name_of(name) == name


def test_counts_go_on_past_what_is_told(clock: FixedClock) -> None:
    """A hundred files are named, and all are counted."""
    left = tuple(Skipped(f"{n}.txt", "unsupported_format", "text") for n in range(70))
    imported = Maker(clock).imported()
    for number in range(3):
        imported = imported.counted(Step(2, 1, 500, left), str(number))
    assert (imported.copied, imported.duplicates, imported.skipped) == (6, 3, 210)
    assert imported.found == 219
    assert imported.bytes == 1500
    assert len(imported.told) == MAX_TOLD
    assert imported.cursor == "2"


def test_an_end_is_an_end(clock: FixedClock) -> None:
    """What has ended can't end again."""
    imported = Maker(clock).imported().begun()
    ended = imported.ended(ImportState.DONE, clock.now())
    assert ended.finished_at == clock.now()
    with pytest.raises(Conflict):
        ended.ended(ImportState.CANCELLED, clock.now())


def test_a_file_is_the_same_photo_however_often_it_is_tried(clock: FixedClock) -> None:
    """Within one import; another file, import or owner means another photo."""
    make = Maker(clock)
    mine, other = make.imported(), make.imported()
    theirs = replace(mine, owner=make.imported().owner + "x")  # type: ignore[arg-type]
    ids = [mine.photo_id("a"), mine.photo_id("b"), other.photo_id("a"), theirs.photo_id("a")]
    assert len(set(ids)) == 4
    assert replace(mine, copied=3, revision=2).photo_id("a") == ids[0]
    clock.advance(timedelta(days=1))
    assert mine.photo_id("a") == ids[0]
