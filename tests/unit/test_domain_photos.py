"""A photo and the states it goes through; what may become one."""

import unicodedata
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from imgtag.domain.errors import Conflict, Invalid, TooLarge, Unsupported
from imgtag.domain.labels import LabelSet
from imgtag.domain.photos import (
    CONTENT_TYPES,
    EXTENSIONS,
    MAX_FILE_NAME_CHARACTERS,
    Failure,
    Photo,
    PhotoState,
    accept,
    file_name_of,
    sha256_of,
)
from imgtag.testing.clock import FixedClock
from imgtag.testing.photos import Maker, facts, hit

FAILURE = Failure("unreadable_photo", "It could not be read")


@pytest.fixture
def make(clock: FixedClock) -> Maker:
    """Make things that are created when the clock says."""
    return Maker(clock)


@pytest.fixture
def stored(make: Maker) -> Photo:
    """A photo whose bytes have arrived."""
    return make.photo().stored(make.content())


def test_a_claim_is_no_content(make: Maker) -> None:
    """Until the bytes arrive, what a client says of them identifies nothing."""
    content = make.content()
    claimed = make.photo(size=content.size, sha256=content.sha256)
    assert claimed.content is None
    arrived = claimed.stored(make.content())
    assert arrived.content != content
    assert arrived.content is not None
    assert arrived.state is PhotoState.STORED


def test_the_same_bytes_again_change_nothing(stored: Photo, make: Maker) -> None:
    """Other bytes are a conflict, in every later state."""
    content = stored.content
    assert content is not None
    for photo in (stored, stored.labelled(LabelSet()), stored.failed(FAILURE)):
        assert photo.stored(content) is photo
        with pytest.raises(Conflict) as caught:
            photo.stored(make.content())
        assert caught.value.code == "already_uploaded"


def test_labels_end_a_failure_and_a_failure_keeps_labels(stored: Photo) -> None:
    """The bytes stay what they are throughout."""
    labels = LabelSet().relabelled([hit("Lake")], model="test")
    failed = stored.labelled(labels).failed(FAILURE)
    assert (failed.state, failed.failure, failed.labels) == (PhotoState.FAILED, FAILURE, labels)
    labelled = failed.labelled(labels)
    assert (labelled.state, labelled.failure) == (PhotoState.LABELLED, None)
    assert stored.content == failed.content == labelled.content


def test_decoding_tells_facts(stored: Photo, clock: FixedClock) -> None:
    """They replace what was known, and a capture time decides where a photo is filed."""
    assert stored.shown_at == stored.created_at
    taken_at = clock.now() - timedelta(days=9000)
    seen = stored.inspected(facts(taken_at))
    assert (seen.width, seen.height, seen.content_type) == (4032, 3024, "image/jpeg")
    assert seen.shown_at == taken_at
    assert seen.inspected(facts()).shown_at == stored.created_at


def test_the_library_is_what_arrived_and_is_not_in_the_trash(
    stored: Photo, make: Maker, clock: FixedClock
) -> None:
    """Only such a photo counts."""
    assert not make.photo().in_library
    for photo in (stored, stored.failed(FAILURE), stored.labelled(LabelSet())):
        assert photo.in_library
        assert not replace(photo, trashed_at=clock.now()).in_library


@given(st.text(st.characters(exclude_characters="/\\\0", exclude_categories=["Cs"]), min_size=1))
def test_a_file_name_is_kept(text: str) -> None:
    """Whatever Unicode it is, composed; and keeping it twice changes nothing."""
    assume(text not in {".", ".."} and len(text) <= MAX_FILE_NAME_CHARACTERS // 4)
    name = file_name_of(text)
    assert name == unicodedata.normalize("NFC", text)
    assert file_name_of(name) == name


@pytest.mark.parametrize("text", ["lake.JPG", "Åre 🏔️.heic", "日本", "CON", "a" * 255, "...", " "])
def test_odd_names_are_names(text: str) -> None:
    """What a user calls a file stays: making it safe is for the archive."""
    assert file_name_of(text) == text


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a/b", "a\\b", "../x", "a\0b", "x" * 256, "\ud800"]
)
def test_paths_are_no_names(text: str) -> None:
    """Nor is nothing, too much, or half a character."""
    with pytest.raises(Invalid) as caught:
        file_name_of(text)
    assert caught.value.code == "invalid_file_name"


@given(st.binary(min_size=32, max_size=32))
def test_a_hash_is_read_in_any_case(digest: bytes) -> None:
    """It is in lower case afterwards."""
    assert sha256_of(digest.hex()) == sha256_of(digest.hex().upper()) == digest.hex()


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "g" * 64, "0" * 64 + "\n", "\uff10" * 64])
def test_what_is_no_hash(text: str) -> None:
    """Too short, too long, no digits of ours, or with a line break at its end."""
    with pytest.raises(Invalid) as caught:
        sha256_of(text)
    assert caught.value.code == "invalid_sha256"


def test_what_may_become_a_photo() -> None:
    """A format that imgtag takes, of one byte up to the limit; each has a file ending."""
    for content_type in CONTENT_TYPES:
        accept(content_type=content_type, size=1, max_bytes=10)
        accept(content_type=content_type, size=10, max_bytes=10)
        assert EXTENSIONS[content_type].startswith(".")


@pytest.mark.parametrize(
    ("content_type", "size", "error", "code"),
    [
        ("image/gif", 5, Unsupported, "unsupported_format"),
        ("IMAGE/JPEG", 5, Unsupported, "unsupported_format"),
        ("", 5, Unsupported, "unsupported_format"),
        ("image/jpeg", 0, Invalid, "empty_file"),
        ("image/jpeg", -1, Invalid, "empty_file"),
        ("image/jpeg", 11, TooLarge, "photo_too_large"),
    ],
)
def test_what_may_not(content_type: str, size: int, error: type[Invalid], code: str) -> None:
    """Each reason has a code of its own."""
    with pytest.raises(error) as caught:
        accept(content_type=content_type, size=size, max_bytes=10)
    assert caught.value.code == code
