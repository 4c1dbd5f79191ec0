"""Events are written as plain JSON and read back; anything else is refused."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtag.domain.errors import Invalid
from imgtag.domain.events import (
    BundleEnded,
    BundleRequested,
    Event,
    PhotoDiscarded,
    PhotoStored,
    from_dict,
    to_dict,
)
from imgtag.domain.ids import BundleId, OwnerId, PhotoId
from imgtag.testing.clock import START

entropy = st.binary(min_size=10, max_size=10)
owners = st.from_regex(OwnerId.pattern, fullmatch=True).map(OwnerId)
photos = entropy.map(lambda random: PhotoId.mint(START, random))
bundles = entropy.map(lambda random: BundleId.mint(START, random))
events = st.one_of(
    st.builds(PhotoStored, owners, photos),
    st.builds(PhotoDiscarded, owners, photos),
    st.builds(BundleRequested, owners, bundles),
    st.builds(BundleEnded, owners, bundles),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(events)
def test_an_event_reads_back(event: Event) -> None:
    """Through JSON, it is the same event of the same kind."""
    read = from_dict(json.loads(json.dumps(to_dict(event))))
    assert read == event
    assert type(read) is type(event)


@given(events, st.sampled_from(["v", "type", "owner", "photo", "bundle"]), json_values)
def test_a_spoiled_event_is_an_event_or_invalid(event: Event, part: str, value: Any) -> None:
    """Whatever replaces a part of it, nothing else comes of reading it."""
    with suppress(Invalid):
        read = from_dict({**to_dict(event), part: value})
        assert from_dict(to_dict(read)) == read


@given(events)
def test_no_part_may_be_missing(event: Event) -> None:
    """Each says something that the others don't."""
    data = to_dict(event)
    for part in data:
        with pytest.raises(Invalid):
            from_dict({key: value for key, value in data.items() if key != part})


@given(json_values)
def test_other_json_is_refused(value: Any) -> None:
    """Whatever somebody puts on a queue."""
    with pytest.raises(Invalid):
        from_dict(value)


@given(events)
def test_an_event_of_a_later_version_is_refused(event: Event) -> None:
    """It is kept for whoever knows it, not half understood."""
    with pytest.raises(Invalid):
        from_dict({**to_dict(event), "v": 2})
