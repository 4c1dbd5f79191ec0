"""Queries and orders: the meaning that every catalog keeps."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtag.domain.errors import Invalid
from imgtag.domain.labels import LabelSet
from imgtag.domain.photos import Photo, PhotoState
from imgtag.domain.queries import MAX_PHOTO_IDS, MAX_TERMS, Query, Sort, Tally
from imgtag.testing.clock import FixedClock
from imgtag.testing.photos import Maker, hit, names, query

LABELS = names("A", "B", "C")
some_labels = st.lists(st.sampled_from(LABELS), max_size=3, unique=True).map(tuple)


def photo_with(*labels: str, seed: int = 0, **known: object) -> Photo:
    """Make a photo that carries *labels*; another one for every *seed*."""
    make = Maker(FixedClock(), seed=seed)
    stored = make.photo(**known).stored(make.content())
    return stored.labelled(LabelSet().relabelled([hit(name) for name in labels], model="test"))


@given(some_labels, some_labels, some_labels, some_labels)
def test_labels_are_asked_for_as_sets(
    has: tuple[str, ...], every: tuple[str, ...], some: tuple[str, ...], none: tuple[str, ...]
) -> None:
    """All of, any of (of nothing is anything), none of."""
    matches = query(all=every, any=some, none=none).matches(photo_with(*has))
    held = set(has)
    right = set(every) <= held and (not some or bool(set(some) & held)) and not set(none) & held
    assert matches == right


@given(some_labels, some_labels)
def test_a_query_and_its_opposite_share_no_photo(
    has: tuple[str, ...], asked: tuple[str, ...]
) -> None:
    """Any of some labels, and none of them, are together everything."""
    photo = photo_with(*has)
    if asked:
        assert query(any=asked).matches(photo) != query(none=asked).matches(photo)


def test_spellings_of_a_label_find_the_same() -> None:
    """A query means the label, in whatever case it is written."""
    photo = photo_with("Straße")
    for text in ("Straße", "STRASSE", "strasse"):
        assert query(all=[text]).matches(photo)
        assert not query(none=[text]).matches(photo)


def test_unlabelled_means_without_any() -> None:
    """A label of a user's or a machine's is a label."""
    assert query(unlabelled=True).matches(photo_with())
    assert not query(unlabelled=True).matches(photo_with("A"))
    assert query().matches(photo_with())


@pytest.mark.parametrize("state", PhotoState)
def test_a_state_is_asked_for_outright(state: PhotoState) -> None:
    """Without one, everything but what has not arrived is found."""
    photo = replace(photo_with(), state=state)
    assert [other for other in PhotoState if query(state=other).matches(photo)] == [state]
    assert query().matches(photo) == (state is not PhotoState.AWAITING)


def test_the_trash_and_the_library_are_apart(clock: FixedClock) -> None:
    """A photo is found in one of them."""
    photo = photo_with("A")
    trashed = replace(photo, trashed_at=clock.now())
    for asked in (query(), query(all=["A"])):
        assert asked.matches(photo)
        assert not asked.matches(trashed)
        assert replace(asked, trashed=True).matches(trashed)
        assert not replace(asked, trashed=True).matches(photo)


@pytest.mark.parametrize("text", ["", "lake", "LAKE.J", "100%", "_", "STRASSE"])
def test_text_is_a_part_of_the_file_name(text: str) -> None:
    """In any case, and no character means another."""
    assert query(text=text).matches(photo_with(file_name="100%_Lake.jpg straße"))
    assert query(text=text).matches(photo_with(file_name="other.png")) == (text == "")


def test_named_photos_still_have_to_match() -> None:
    """A query that names photos finds those of them that meet the rest."""
    photo, other = photo_with("A"), photo_with("A", seed=1)
    asked = Query(photo_ids=(photo.id,))
    assert asked.matches(photo)
    assert not asked.matches(other)
    assert not replace(asked, none=names("A")).matches(photo)


def test_queries_have_limits() -> None:
    """Fifty labels and a hundred thousand photos; one more is refused."""
    labels = names(*(f"Label {number}" for number in range(MAX_TERMS)))
    Query(all=labels[:20], any=labels[20:40], none=labels[40:])
    with pytest.raises(Invalid):
        Query(all=labels, none=names("One more"))
    photo = photo_with().id
    Query(photo_ids=(photo,) * MAX_PHOTO_IDS)
    with pytest.raises(Invalid):
        Query(photo_ids=(photo,) * (MAX_PHOTO_IDS + 1))


def test_each_order_has_its_time(clock: FixedClock) -> None:
    """When it was taken, or else when it came; or when it came, whatever else is known."""
    plain = photo_with()
    taken = replace(plain, taken_at=clock.now() - timedelta(days=1))
    for sort in (Sort.NEWEST_TAKEN, Sort.OLDEST_TAKEN):
        assert sort.time_of(plain) == plain.created_at
        assert sort.time_of(taken) == taken.taken_at
    for sort in (Sort.NEWEST_CREATED, Sort.OLDEST_CREATED):
        assert sort.time_of(taken) == taken.created_at
    assert [sort for sort in Sort if sort.descending] == [Sort.NEWEST_TAKEN, Sort.NEWEST_CREATED]


def test_the_total_leaves_out_the_trash() -> None:
    """What lies there is counted beside it."""
    tally = Tally(awaiting=1, stored=2, labelled=3, failed=4, trashed=100)
    assert tally.total == 10
