"""The suites catch backends that are wrong in one thing: each wrong one fails the test named."""

import inspect
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from imgtag.backends.memory import (
    MemoryBlobStore,
    MemoryBundleStore,
    MemoryCatalog,
    MemoryImportStore,
    MemoryNotifier,
    MemoryQueue,
    MemoryRecordStore,
)
from imgtag.backends.memory.library import Library
from imgtag.domain.addresses import Channel
from imgtag.domain.errors import ImgtagError
from imgtag.ports import Clock, EventQueue
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.blob_store import key_of
from imgtag.testing.contracts.catalog_base import Shelf
from imgtag.testing.photos import ADA, BOB, Maker
from tests.contract import test_memory, wrong

CAUGHT = (AssertionError, ValueError, ImgtagError, ExceptionGroup, pytest.fail.Exception)


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (wrong.KeepsHalves, "test_an_error_leaves_no_trace"),
        (wrong.KeepsHalves, "test_a_cancellation_leaves_an_older_blob"),
        (wrong.WritesInPlace, "test_nothing_shows_before_the_context_is_left"),
        (wrong.IncludesStop, "test_a_range_of_a_long_blob_is_the_slice"),
        (wrong.NeverDeletes, "test_a_deleted_blob_is_gone"),
        (wrong.FoldsOwners, "test_owners_that_differ_in_case_are_apart"),
    ],
)
async def test_wrong_blob_stores_are_caught(
    broken: Callable[[Clock], MemoryBlobStore], test: str, clock: FixedClock
) -> None:
    """Each breaks one promise, and the test of that promise fails."""
    make = Maker(clock)
    await _must_fail(
        test_memory.TestBlobStore(), test, store=broken(clock), make=make, key=key_of(make)
    )


def _with(library: type[Library]) -> Callable[[Clock, EventQueue], MemoryCatalog]:
    def build(clock: Clock, events: EventQueue) -> MemoryCatalog:
        catalog = MemoryCatalog(clock, events)
        catalog._libraries = defaultdict(lambda: library(clock))
        return catalog

    return build


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (_with(wrong.AddsTwins), "test_a_photo_that_is_there_is_the_answer"),
        (_with(wrong.AddsTwins), "test_twenty_uploads_of_equal_bytes_become_one_photo"),
        (_with(wrong.ForgetsAliases), "test_equal_bytes_end_the_reservation"),
        (_with(wrong.AddsLabels), "test_hits_replace_what_machines_said"),
        (_with(wrong.ForgetsRemovals), "test_users_have_the_last_word"),
        (_with(wrong.CountsTheTrash), "test_counts_follow_to_the_trash_and_back"),
        (_with(wrong.CountsTheTrash), "test_changes_at_once_leave_the_counts_right"),
        (_with(wrong.SeeksByTime), "test_equal_times_are_told_apart_by_id"),
        (_with(wrong.SeeksByNumber), "test_a_page_goes_on_after_a_photo_that_is_gone"),
        (wrong.TakesItsTime, "test_fifty_at_once_reserve_one_photo"),
        (wrong.AnnouncesFirst, "test_a_cancelled_store_is_whole"),
        (wrong.AnnouncesFirst, "test_the_same_call_again_changes_nothing"),
        (wrong.SharesPhotos, "test_photos_of_nobody_are_not_found"),
        (wrong.TrashesAnew, "test_twice_is_fine"),
        (wrong.MisleadsEvents, "test_relabelling_asks_again"),
        *(
            (_with(library), "test_random_calls_agree_with_the_reference")
            for library in (
                wrong.AddsTwins,
                wrong.ForgetsAliases,
                wrong.AddsLabels,
                wrong.ForgetsRemovals,
                wrong.SpellsAsItComes,
                wrong.CountsTheTrash,
                wrong.SeeksByTime,
                wrong.MatchesCase,
            )
        ),
    ],
)
async def test_wrong_catalogs_are_caught(
    broken: Callable[[Clock, EventQueue], MemoryCatalog], test: str, clock: FixedClock
) -> None:
    """Each breaks one promise, and the test of that promise fails; random calls find most."""
    events, make = MemoryQueue(clock), Maker(clock)
    catalog = broken(clock, events)
    shelf = Shelf(catalog, make, clock)
    things = {"catalog": catalog, "events": events, "make": make, "clock": clock, "shelf": shelf}
    await _must_fail(test_memory.TestCatalog(), test, **things)


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (wrong.TrustsAnybody, "test_a_late_worker_does_no_harm"),
        (wrong.NeverGivesUp, "test_an_event_is_given_up_after_enough_attempts"),
        (wrong.ForgetsDelays, "test_an_event_may_be_sent_for_later"),
    ],
)
async def test_wrong_queues_are_caught(
    broken: Callable[[Clock], MemoryQueue], test: str, clock: FixedClock
) -> None:
    """Each breaks one promise, and the test of that promise fails."""
    await _must_fail(
        test_memory.TestEventQueue(), test, queue=broken(clock), make=Maker(clock), clock=clock
    )


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (wrong.LastWriterWins, "test_of_two_writers_the_first_wins"),
        (wrong.LastWriterWins, "test_of_many_writers_at_once_one_wins"),
        (wrong.SharesKeys, "test_keys_are_the_owners_own"),
        (wrong.SharesKeys, "test_a_key_lasts_for_a_day"),
        (wrong.NeverSweeps, "test_the_sweeper_finds_what_stands_still"),
    ],
)
async def test_wrong_bundle_stores_are_caught(
    broken: Callable[[Clock, EventQueue], MemoryBundleStore], test: str, clock: FixedClock
) -> None:
    """Each breaks one promise, and the test of that promise fails."""
    events, make = MemoryQueue(clock, topic="bundles"), Maker(clock)
    things = {"bundles": broken(clock, events), "events": events, "make": make, "clock": clock}
    await _must_fail(test_memory.TestBundleStore(), test, **things)


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (wrong.SwapsAnyway, "test_a_swap_needs_what_was_read"),
        (wrong.SwapsAnyway, "test_of_many_swaps_at_once_one_happens"),
        (wrong.NeverEnds, "test_a_record_ends_on_time"),
        (wrong.NeverEnds, "test_what_has_ended_is_not_taken"),
    ],
)
async def test_wrong_record_stores_are_caught(
    broken: Callable[[Clock], MemoryRecordStore], test: str, clock: FixedClock
) -> None:
    """Each breaks one promise, and the test of that promise fails."""
    await _must_fail(test_memory.TestRecordStore(), test, records=broken(clock), clock=clock)


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (wrong.ForgetsToReplace, "test_a_new_address_takes_the_place_of_the_old_one"),
        (wrong.TellsEverybody, "test_a_notice_reaches_its_owner_only"),
        (wrong.TellsAddresses, "test_an_address_is_hinted_at_only"),
    ],
)
async def test_wrong_notifiers_are_caught(broken: Callable[[], MemoryNotifier], test: str) -> None:
    """Each breaks one promise, and the test of that promise fails."""
    suite, notifier = test_memory.TestNotifier(), broken()
    for person in (ADA, BOB):
        await notifier.subscribe(person, Channel.EMAIL, f"{person}@example.net")
    await _must_fail(suite, test, notifier=notifier)


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (wrong.CountsTwice, "test_of_two_writers_the_first_wins"),
        (wrong.CountsTwice, "test_of_many_writers_at_once_one_wins"),
        (wrong.SharesFiles, "test_files_taken_over_are_remembered"),
    ],
)
async def test_wrong_import_stores_are_caught(
    broken: Callable[[Clock, EventQueue], MemoryImportStore], test: str, clock: FixedClock
) -> None:
    """Each breaks one promise, and the test of that promise fails."""
    events, make = MemoryQueue(clock, topic="bundles"), Maker(clock)
    things = {"imports": broken(clock, events), "events": events, "make": make, "clock": clock}
    await _must_fail(test_memory.TestImportStore(), test, **things)


async def _must_fail(suite: object, test: str, **things: Any) -> None:
    call = getattr(suite, test)
    wanted = {name: things[name] for name in inspect.signature(call).parameters}
    with pytest.raises(CAUGHT):
        await call(**wanted)
