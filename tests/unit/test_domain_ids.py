"""Identifiers and keys: what is one, and what they hold."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtag.domain.errors import NotFound
from imgtag.domain.ids import BundleId, Id, ImportId, OwnerId, PhotoId, TokenId
from imgtag.domain.keys import BlobKey, BlobKind

times = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - given by timezones
entropy = st.binary(min_size=10, max_size=10)
ids = st.builds(Id.mint, times, entropy)
owners = st.from_regex(OwnerId.pattern, fullmatch=True).map(OwnerId)
keys = st.builds(BlobKey, owners, st.sampled_from(BlobKind), ids)


@given(times, entropy)
def test_a_minted_id_is_an_id(now: datetime, random: bytes) -> None:
    """What is minted reads back as the same id, of every kind."""
    for kind in (PhotoId, BundleId, ImportId, TokenId):
        minted = kind.mint(now, random)
        assert kind(str(minted)) == minted
        assert isinstance(minted, kind)


@given(times, times, entropy, entropy)
def test_ids_sort_by_when_they_were_made(
    one: datetime, other: datetime, some: bytes, more: bytes
) -> None:
    """To the millisecond, whatever the random part."""
    first, second = sorted((one, other))
    if second - first >= timedelta(milliseconds=1):
        assert PhotoId.mint(first, some) < PhotoId.mint(second, more)


@given(times, entropy, entropy)
def test_different_bytes_make_different_ids(now: datetime, some: bytes, more: bytes) -> None:
    """All eighty random bits are in the id."""
    assert (PhotoId.mint(now, some) == PhotoId.mint(now, more)) == (some == more)


@pytest.mark.parametrize("size", [0, 9, 11])
def test_an_id_takes_ten_random_bytes(size: int) -> None:
    """Fewer or more is a mistake of the caller."""
    with pytest.raises(ValueError, match="10 random bytes"):
        PhotoId.mint(datetime(2031, 1, 1, tzinfo=UTC), bytes(size))


@given(st.text())
def test_any_other_text_is_not_found(text: str) -> None:
    """Nothing can be found under it, and it reaches no path, key or statement."""
    if PhotoId.pattern.fullmatch(text):
        assert PhotoId(text) == text
    else:
        with pytest.raises(NotFound):
            PhotoId(text)


@pytest.mark.parametrize(
    "text",
    ["", "0" * 25, "0" * 27, "0" * 25 + "U", "0" * 25 + "i", "0" * 26 + "\n", "../" + "0" * 23],
)
def test_near_misses_are_not_ids(text: str) -> None:
    """Wrong length, a letter that is left out, a line break at the end, a path."""
    with pytest.raises(NotFound, match="there is no such photo"):
        PhotoId(text)


@pytest.mark.parametrize("text", ["", "-a", "_a", "a/b", "a.b", "a b", "é", "a\n", "a" * 129])
def test_odd_owners_are_refused(text: str) -> None:
    """An owner is part of keys and paths, whoever handed it out."""
    with pytest.raises(NotFound):
        OwnerId(text)


@pytest.mark.parametrize("text", ["a", "0", "Auth0_Subject-9", "a" * 128])
def test_subjects_of_providers_are_owners(text: str) -> None:
    """A UUID, a ULID or a word of up to 128 characters."""
    assert OwnerId(text) == text


@given(keys)
def test_a_key_reads_back(key: BlobKey) -> None:
    """Written and read, it is the same key."""
    assert BlobKey.parse(str(key)) == key


@given(keys, keys)
def test_two_keys_are_written_differently(one: BlobKey, other: BlobKey) -> None:
    """No owner can name another owner's blob."""
    assert (str(one) == str(other)) == (one == other)


@given(st.text() | st.lists(st.text(), max_size=5).map("/".join))
def test_other_text_is_no_key(text: str) -> None:
    """It is not found, whatever it is."""
    with pytest.raises(NotFound):
        BlobKey.parse(text)
