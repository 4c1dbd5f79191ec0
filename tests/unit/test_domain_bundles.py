"""A bundle and the states it goes through."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgtag.domain.bundles import LIFETIME, RUNNING, Bundle, BundleState, Progress, default_name
from imgtag.domain.errors import Conflict, Gone, NotFound
from imgtag.domain.photos import Failure
from imgtag.testing.clock import START, FixedClock
from imgtag.testing.photos import Maker, query

FINAL = {BundleState.FAILED, BundleState.CANCELLED, BundleState.EXPIRED}


@pytest.fixture
def make(clock: FixedClock) -> Maker:
    """Make things that are created when the clock says."""
    return Maker(clock)


def in_state(state: BundleState) -> Bundle:
    """Make a bundle in *state*."""
    return replace(Maker(FixedClock()).bundle(), state=state)


@given(st.lists(st.sampled_from(BundleState), max_size=8))
def test_what_has_ended_never_runs_again(states: list[BundleState]) -> None:
    """Whatever is tried, a bundle that left the running states stays out of them."""
    bundle, ended = in_state(BundleState.QUEUED), False
    for state in states:
        try:
            bundle = bundle.moved(state)
        except Conflict:
            continue
        assert not (ended and bundle.state in RUNNING)
        ended = ended or bundle.state not in RUNNING


@pytest.mark.parametrize("state", BundleState)
def test_a_bundle_can_always_be_cancelled(state: BundleState) -> None:
    """Running, ready or over; and what is cancelled stays so."""
    cancelled = in_state(state).moved(BundleState.CANCELLED)
    assert cancelled.state is BundleState.CANCELLED
    for other in set(BundleState) - {BundleState.CANCELLED}:
        with pytest.raises(Conflict):
            cancelled.moved(other)


@pytest.mark.parametrize("state", BundleState)
def test_only_what_was_ready_expires(state: BundleState) -> None:
    """Nothing else had a link that could."""
    if state in {BundleState.READY, BundleState.EXPIRED}:
        assert in_state(state).moved(BundleState.EXPIRED).state is BundleState.EXPIRED
    else:
        with pytest.raises(Conflict):
            in_state(state).moved(BundleState.EXPIRED)


def test_a_ready_bundle_is_whole_and_lasts_a_day(make: Maker, clock: FixedClock) -> None:
    """All of it is done, its lease is over, and its link works from now for 24 hours."""
    building = replace(make.bundle(), lease_until=clock.now(), state=BundleState.BUILDING)
    clock.advance(timedelta(hours=1))
    ready = building.ready(clock.now())
    assert ready.progress == Progress(building.photos, building.bytes)
    assert (ready.ready_at, ready.lease_until) == (clock.now(), None)
    assert ready.expires_at == clock.now() + timedelta(hours=24)


def test_a_link_dies_on_time(make: Maker, clock: FixedClock) -> None:
    """Whether or not anybody has swept; until then it works."""
    ready = make.bundle().ready(clock.now())
    last = clock.now() + LIFETIME - timedelta(milliseconds=1)
    ready.must_be_downloadable(last)
    assert ready.at(last) is ready
    assert ready.at(clock.now() + LIFETIME).state is BundleState.EXPIRED
    with pytest.raises(Gone) as caught:
        ready.must_be_downloadable(clock.now() + LIFETIME)
    assert caught.value.code == "bundle_expired"


@pytest.mark.parametrize(
    ("state", "error", "code"),
    [
        (BundleState.QUEUED, Conflict, "bundle_not_ready"),
        (BundleState.RESTORING, Conflict, "bundle_not_ready"),
        (BundleState.BUILDING, Conflict, "bundle_not_ready"),
        (BundleState.FAILED, Gone, "bundle_failed"),
        (BundleState.CANCELLED, Gone, "bundle_cancelled"),
        (BundleState.EXPIRED, Gone, "bundle_expired"),
    ],
)
def test_what_is_not_ready_is_not_downloaded(
    state: BundleState, error: type[Conflict | NotFound], code: str, clock: FixedClock
) -> None:
    """It will be, or it was; the two are told apart."""
    with pytest.raises(error) as caught:
        in_state(state).must_be_downloadable(clock.now())
    assert caught.value.code == code


def test_a_failed_bundle_says_why(make: Maker, clock: FixedClock) -> None:
    """In the words of the failure; moving on forgets it."""
    why = Failure("photo_gone", "The bytes of lake.jpg are gone")
    failed = make.bundle().moved(BundleState.FAILED, failure=why)
    with pytest.raises(Gone, match=r"lake\.jpg"):
        failed.must_be_downloadable(clock.now())
    assert failed.moved(BundleState.CANCELLED).failure is None


def test_the_same_request_is_the_same_words(make: Maker, clock: FixedClock) -> None:
    """Not what matched, nor a name that nobody gave, even if the day has changed."""
    asked = query(all=["Lake"])
    first = make.bundle(query=asked)
    assert first.asked_like(make.bundle(query=asked, photos=9, bytes=9))
    for other in (
        make.bundle(query=query(any=["Lake"])),
        make.bundle(query=asked, sidecars=True),
        make.bundle(query=asked, name="Other"),
    ):
        assert not first.asked_like(other)
        with pytest.raises(Conflict):
            first.must_be_asked_like(other)
    unnamed = query(unlabelled=True)
    today = make.bundle(query=unnamed, name=default_name(unnamed, clock.now()))
    clock.advance(timedelta(hours=13))
    tomorrow = make.bundle(query=unnamed, name=default_name(unnamed, clock.now()))
    assert today.name != tomorrow.name
    assert today.asked_like(tomorrow)
    assert not today.asked_like(make.bundle(query=unnamed, name="Mine"))


@pytest.mark.parametrize(
    ("state", "since"),
    [
        (BundleState.QUEUED, START),
        (BundleState.RESTORING, START + timedelta(minutes=1)),
        (BundleState.BUILDING, START + timedelta(minutes=1)),
        (BundleState.READY, START + timedelta(minutes=2)),
        *((state, START + timedelta(minutes=3)) for state in FINAL),
    ],
)
def test_when_nobody_is_at_work(state: BundleState, since: datetime) -> None:
    """Queued since it was made, leased until the lease ends, ready until it expires."""
    bundle = replace(
        in_state(state),
        lease_until=START + timedelta(minutes=1),
        expires_at=START + timedelta(minutes=2),
    )
    written_at = START + timedelta(minutes=3)
    assert bundle.idle_since(written_at) == since
    bare = replace(bundle, lease_until=None, expires_at=None)
    assert bare.idle_since(written_at) in {START, written_at}


def test_a_bundle_is_called_after_what_was_asked_for(clock: FixedClock) -> None:
    """Its labels, shortened; or the day."""
    assert default_name(query(all=["Lake", "Dog"], any=["Sea"]), clock.now()) == "Lake, Dog"
    assert default_name(query(any=["Sea"]), clock.now()) == "Sea"
    assert default_name(query(none=["Sea"]), clock.now()) == "Photos 2031-05-17"
    assert len(default_name(query(all=["x" * 100]), clock.now())) == 80


def test_an_archive_is_called_after_its_bundle() -> None:
    """It ends in .zip once, however the bundle is called."""
    make = Maker(FixedClock())
    for name, called in (("Lakes", "Lakes.zip"), ("a.ZIP", "a.ZIP"), ("b.zip.x", "b.zip.x.zip")):
        assert make.bundle(name=name).file_name == called
