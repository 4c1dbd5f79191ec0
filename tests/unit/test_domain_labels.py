"""Labels: names, what machines and users may change, and what is kept of a labeler's answer."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtag.domain.errors import Invalid
from imgtag.domain.labels import (
    MAX_LABEL_CHARACTERS,
    USER_CONFIDENCE,
    Box,
    Label,
    LabelChange,
    LabelHit,
    LabelLimits,
    LabelName,
    LabelSet,
    Source,
)
from imgtag.testing.photos import change, hit, names

NAMES = names("Lake", "LAKE", "lake", "Dog", "straße", "STRASSE", "日本", "100%", "a, b")

label_texts = st.text(st.characters(categories=["L", "M", "N", "P", "S"]), min_size=1, max_size=20)
some_names = st.sampled_from(NAMES)
hits = st.lists(st.builds(LabelHit, some_names, st.floats(0, 100)), max_size=6)
changes = st.builds(
    lambda add, remove: LabelChange(
        tuple(add), tuple(n for n in remove if n.folded not in {a.folded for a in add})
    ),
    st.lists(some_names, max_size=3),
    st.lists(some_names, max_size=3),
)
steps = st.lists(st.one_of(hits, changes), max_size=12)


def after(made: list[list[LabelHit] | LabelChange]) -> LabelSet:
    """Apply machines' answers and users' changes in turn."""
    labels = LabelSet()
    for step in made:
        if isinstance(step, LabelChange):
            labels = labels.edited(step)
        else:
            labels = labels.relabelled(step, model="test")
    return labels


@given(st.text())
def test_a_name_is_clean_or_refused(text: str) -> None:
    """Normal form, single spaces, nothing unprintable; cleaning twice changes nothing."""
    words = unicodedata.normalize("NFC", text).split()
    clean = " ".join(words)
    if clean.isprintable() and 1 <= len(clean) <= MAX_LABEL_CHARACTERS:
        assert LabelName(text) == LabelName(clean) == clean
    else:
        with pytest.raises(Invalid):
            LabelName(text)


@given(label_texts)
def test_folding_twice_adds_nothing(text: str) -> None:
    """What makes two names the same label is the same for itself, and never nothing."""
    folded = LabelName(text).folded
    assert folded
    assert unicodedata.normalize("NFKC", folded.casefold()) == folded


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lake", "LAKE"),
        ("straße", "STRASSE"),
        ("\uff21\uff22", "ab"),
        ("e\u0301", "\u00e9"),
        ("a  b", " a b "),
    ],
)
def test_spellings_of_one_label(one: str, other: str) -> None:
    """Case, width, composition and spaces don't make another label."""
    assert LabelName(one).folded == LabelName(other).folded


@pytest.mark.parametrize("text", ["", " ", "\t\n", "a\x00b", "a\u202eb", "\u200b", "x" * 101])
def test_what_is_no_label(text: str) -> None:
    """Nothing, only spaces, control characters, marks that reorder text, or too much."""
    with pytest.raises(Invalid) as caught:
        LabelName(text)
    assert caught.value.code == "invalid_label"


@given(steps)
def test_labels_and_removals_never_meet(made: list[list[LabelHit] | LabelChange]) -> None:
    """Both are keyed by folded name, and no name is in both."""
    labels = after(made)
    assert not set(labels.labels) & set(labels.removed)
    assert all(key == label.name.folded for key, label in labels.labels.items())
    assert all(key == name.folded for key, name in labels.removed.items())


@given(steps, hits)
def test_the_same_answer_twice_is_one_answer(
    made: list[list[LabelHit] | LabelChange], answer: list[LabelHit]
) -> None:
    """Labelling again with the same hits changes nothing."""
    once = after(made).relabelled(answer, model="test")
    assert once.relabelled(answer, model="test") == once


@given(steps, changes)
def test_the_same_edit_twice_is_one_edit(
    made: list[list[LabelHit] | LabelChange], wish: LabelChange
) -> None:
    """What was added is there and what was removed is not; repeating that changes nothing."""
    edited = after(made).edited(wish)
    assert {name.folded for name in wish.add} <= set(edited.labels)
    assert not {name.folded for name in wish.remove} & set(edited.labels)
    assert edited.edited(wish) == edited


@given(steps, hits)
def test_machines_leave_users_alone(
    made: list[list[LabelHit] | LabelChange], answer: list[LabelHit]
) -> None:
    """The user's labels and removals are the same before and after; the rest is the answer."""
    before = after(made)
    relabelled = before.relabelled(answer, model="new")

    def by_user(labels: LabelSet) -> dict[str, Label]:
        return {k: label for k, label in labels.labels.items() if label.source is Source.USER}

    assert by_user(relabelled) == by_user(before)
    assert relabelled.removed == before.removed
    machine = set(relabelled.labels) - set(by_user(before))
    allowed = {h.name.folded for h in answer} - set(by_user(before)) - set(before.removed)
    assert machine == allowed
    assert {relabelled.labels[key].model for key in machine} <= {"new"}


def test_a_label_that_a_user_confirms_is_the_users() -> None:
    """It keeps its name, its parents and where it is, and machines no longer change it."""
    box = Box(0.1, 0.2, 0.3, 0.4)
    seen = LabelHit(LabelName("Lake"), 71.0, names("Nature"), (box,))
    labels = LabelSet().relabelled([seen], model="test").edited(change("LAKE"))
    confirmed = Label(
        LabelName("Lake"), USER_CONFIDENCE, Source.USER, None, names("Nature"), (box,)
    )
    assert labels.relabelled([], model="test").labels == {"lake": confirmed}


def test_what_a_user_adds_again_is_no_longer_removed() -> None:
    """The last word counts, and a removed label of no machine is nothing to remember."""
    labels = LabelSet().edited(change("Dog")).edited(change(remove="dog"))
    assert set(labels.removed) == {"dog"}
    assert set(labels.edited(change("DOG")).labels) == {"dog"}
    assert not LabelSet().edited(change(remove="dog")).removed


def test_nothing_is_added_and_removed_at_once() -> None:
    """In whatever spelling."""
    with pytest.raises(Invalid) as caught:
        change("Straße", "STRASSE")
    assert (caught.value.code, caught.value.pointer) == ("invalid_label", "/labels")


def test_labels_come_surest_first_then_by_name() -> None:
    """A user's labels are as sure as can be."""
    seen = [hit("Zoo", 80), hit("Ape", 80), hit("Bee", 99)]
    labels = LabelSet().relabelled(seen, model="test").edited(change("Mine"))
    assert [label.name for label in labels.sorted()] == ["Mine", "Bee", "Ape", "Zoo"]


@given(hits, st.floats(0, 100), st.integers(1, 5))
def test_limits_keep_the_surest(answer: list[LabelHit], least: float, most: int) -> None:
    """One per label, sure enough, no more than allowed, and none left out is surer."""
    kept = LabelLimits(least, most).keep(answer)
    folded = [h.name.folded for h in kept]
    assert len(kept) <= most
    assert len(set(folded)) == len(folded)
    assert all(h.confidence >= least for h in kept)
    assert [h.confidence for h in kept] == sorted((h.confidence for h in kept), reverse=True)
    best = {name: max(h.confidence for h in answer if h.name.folded == name) for name in folded}
    assert [h.confidence for h in kept] == [best[name] for name in folded]
    left_out = [h for h in answer if h.confidence >= least and h.name.folded not in folded]
    assert not left_out or (
        len(kept) == most and max(h.confidence for h in left_out) <= kept[-1].confidence
    )
