"""Imports: every file once, whatever happens on the way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from imgtag.backends.local.folders import FolderSource
from imgtag.domain.errors import Forbidden, NotFound, Unavailable
from imgtag.domain.events import ImportRequested, PhotoStored
from imgtag.domain.imports import Import, ImportState
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.photos import Failure
from imgtag.domain.queries import Query, Sort
from imgtag.domain.sources import Source
from imgtag.ports import SourceFile, SourcePage, SourceReading
from imgtag.services.imports import OVERDUE, REMEMBERED
from imgtag.testing.contracts.base import collect
from imgtag.testing.contracts.blob_store import read
from imgtag.testing.faults import Faults, faulty
from imgtag.testing.photos import ADA, BOB, jpeg
from tests.unit.imports import MAX_PHOTO_BYTES, asked, carry_out, importer, imports, places
from tests.unit.services import Desk, desk


@pytest.fixture
def at() -> Desk:
    """Set up a desk."""
    return desk()


def photo(number: int) -> bytes:
    """Make a JPEG that differs from the others."""
    return jpeg(16, 12) + number.to_bytes(4, "big")


def fill(folder: Path, number: int) -> None:
    """Write different photos into folders of fifty."""
    for n in range(number):
        path = folder / f"{n // 50:02}" / f"{n:04}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo(n))


async def library(at: Desk) -> list[str]:
    """List the names of all photos, in order."""
    page = await at.ports.catalog.page(ADA, Query(), Sort.OLDEST_CREATED, after=None, limit=10_000)
    return sorted(photo.file_name for photo in page.photos)


class Breaking:
    """A source that breaks when a certain file is opened, a certain number of times."""

    def __init__(self, inside: FolderSource, file: str, error: BaseException, times: int) -> None:
        self._inside = inside
        self._file = file
        self._error = error
        self.left = times

    async def page(self, source: Source, *, after: str | None, limit: int) -> SourcePage:
        """Hand it on."""
        return await self._inside.page(source, after=after, limit=limit)

    @asynccontextmanager
    async def open(self, source: Source, file: SourceFile) -> AsyncIterator[SourceReading]:
        """Break, or hand it on."""
        if file.path.endswith(self._file) and self.left:
            self.left -= 1
            raise self._error
        async with self._inside.open(source, file) as reading:
            yield reading


async def test_a_folder_is_taken_over(at: Desk, tmp_path: Path) -> None:
    """Every photo with its bytes, its name and its event; everything else with its reason."""
    fill(tmp_path, 230)
    (tmp_path / "notes.jpg").write_text("no photo")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "huge.jpg").write_bytes(photo(1) + bytes(MAX_PHOTO_BYTES))
    (tmp_path / "twin.png").write_bytes(photo(7))
    allowed = places(tmp_path)
    begun = await imports(at, allowed).create(ADA, f"file://{tmp_path}")
    assert begun.state is ImportState.QUEUED
    done = await carry_out(at, importer(at, allowed), begun)
    assert (done.state, done.copied, done.duplicates) == (ImportState.DONE, 230, 1)
    assert {each.file_name: each.code for each in done.told} == {
        "notes.jpg": "unsupported_format",
        "empty.jpg": "empty_file",
        "huge.jpg": "photo_too_large",
    }
    assert done.bytes == 230 * len(photo(0))
    assert done.finished_at
    assert await library(at) == [f"{n:04}.jpg" for n in range(230)]
    events = await at.ports.photo_events.receive(limit=1000, wait=timedelta(0))
    stored = {e.event.photo for e in events if isinstance(e.event, PhotoStored)}
    assert len(stored) == 230
    contents = {await read(at.ports.blobs, BlobKey(ADA, BlobKind.ORIGINAL, id_)) for id_ in stored}
    assert contents == {photo(n) for n in range(230)}
    assert {key.name for key in await collect(at.ports.blobs.keys())} == stored


async def test_asking_again_takes_over_what_is_new(at: Desk, tmp_path: Path) -> None:
    """What is there is not even read; what was deleted for good comes back."""
    fill(tmp_path, 120)
    inside = FolderSource([Source.parse(str(tmp_path))], Path("/nowhere"))
    allowed = places(tmp_path, reader=inside)
    worker = importer(at, allowed)
    await carry_out(at, worker, await imports(at, allowed).create(ADA, str(tmp_path)))
    page = await at.ports.catalog.page(ADA, Query(), Sort.OLDEST_CREATED, after=None, limit=2)
    trashed, gone = page.photos
    for each in (trashed, gone):
        await at.ports.catalog.trash(ADA, each.id, at.clock.now())
    await at.ports.catalog.discard(ADA, gone.id, PhotoStored(ADA, gone.id))
    (tmp_path / "new.jpg").write_bytes(photo(500))
    at.clock.advance(timedelta(hours=1))
    again = await carry_out(at, worker, await imports(at, allowed).create(ADA, str(tmp_path)))
    assert (again.copied, again.duplicates, again.skipped) == (2, 119, 0)
    unread = Breaking(inside, ".jpg", AssertionError("a file was read"), times=1000)
    lazy = places(tmp_path, reader=unread)
    third = await imports(at, lazy).create(ADA, str(tmp_path))
    assert (await carry_out(at, importer(at, lazy), third)).duplicates == 121
    assert len(await library(at)) == 120


async def test_a_page_that_broke_off_is_done_again(at: Desk, tmp_path: Path) -> None:
    """A file that was taken over before the page broke is counted once, as copied."""
    fill(tmp_path, 250)
    inside = FolderSource([Source.parse(str(tmp_path))], Path("/nowhere"))
    breaking = Breaking(inside, "0160.jpg", Unavailable("the disk is away"), times=3)
    allowed = places(tmp_path, reader=breaking)
    begun = await imports(at, allowed).create(ADA, str(tmp_path))
    done = await carry_out(at, importer(at, allowed), begun)
    assert breaking.left == 0
    assert (done.copied, done.duplicates, done.skipped) == (250, 0, 0)
    assert len(await library(at)) == 250
    assert len(await collect(at.ports.blobs.keys())) == 250


@pytest.mark.parametrize("call", ["reserve", "store"])
async def test_a_catalog_that_fails_now_and_then_loses_nothing(
    at: Desk, tmp_path: Path, call: str
) -> None:
    """Nor does it count anything twice."""
    fill(tmp_path, 30)
    faults = Faults()
    for nth in (3, 17, 41):
        faults.fail(call, nth=nth)
    at.ports = replace(at.ports, catalog=faulty(at.ports.catalog, faults))
    allowed = places(tmp_path)
    begun = await imports(at, allowed).create(ADA, str(tmp_path))
    done = await carry_out(at, importer(at, allowed), begun)
    assert (done.copied, done.duplicates, done.skipped) == (30, 0, 0)
    assert len(await library(at)) == 30


async def test_two_workers_at_one_import_count_each_file_once(at: Desk, tmp_path: Path) -> None:
    """The same event twice, at once: whoever comes second leaves it to the first."""
    fill(tmp_path, 150)
    allowed = places(tmp_path)
    begun = await imports(at, allowed).create(ADA, str(tmp_path))
    (event,) = await asked(at)
    workers = [importer(at, allowed) for _ in range(4)]
    # All have seen it running, so that all do the same page.
    await at.ports.imports.replace(begun.begun())
    async with asyncio.TaskGroup() as group:
        for worker in workers:
            group.create_task(worker.handle(event))
    done = await carry_out(at, workers[0], begun)
    assert (done.copied, done.duplicates, done.found) == (150, 0, 150)
    assert len(await library(at)) == 150


async def test_a_late_event_does_nothing(at: Desk, tmp_path: Path) -> None:
    """Once an import has ended, news of it is old."""
    fill(tmp_path, 3)
    allowed = places(tmp_path)
    worker = importer(at, allowed)
    done = await carry_out(at, worker, await imports(at, allowed).create(ADA, str(tmp_path)))
    await worker.handle(ImportRequested(ADA, done.id))
    await worker.handle(ImportRequested(BOB, done.id))
    assert await at.ports.imports.get(ADA, done.id) == done


async def test_cancelling_stops_at_the_next_page(at: Desk, tmp_path: Path) -> None:
    """What was copied stays, and what was under way is counted."""
    fill(tmp_path, 350)
    allowed = places(tmp_path)
    use = imports(at, allowed)
    begun = await use.create(ADA, str(tmp_path))
    inside = FolderSource([Source.parse(str(tmp_path))], Path("/nowhere"))

    class Cancels(Breaking):
        async def page(self, source: Source, *, after: str | None, limit: int) -> SourcePage:
            page = await super().page(source, after=after, limit=limit)
            if after:
                await use.cancel(ADA, begun.id)
            return page

    cancels = Cancels(inside, "", AssertionError(), times=0)
    done = await carry_out(at, importer(at, places(tmp_path, reader=cancels)), begun)
    assert (done.state, done.copied) == (ImportState.CANCELLED, 200)
    assert len(await library(at)) == 200
    await use.cancel(ADA, begun.id)
    assert await use.get(ADA, begun.id) == done
    with pytest.raises(NotFound):
        await use.cancel(BOB, begun.id)


async def test_the_same_place_is_the_same_import_while_it_runs(at: Desk, tmp_path: Path) -> None:
    """However its address is written; another owner has their own."""
    (tmp_path / "a b").mkdir()
    use = imports(at, places(tmp_path))
    first = await use.create(ADA, f"file://{tmp_path}/a%20b")
    assert await use.create(ADA, f"{tmp_path}/a b/") == first
    assert (await use.create(ADA, str(tmp_path))).id != first.id
    assert (await use.create(BOB, f"{tmp_path}/a b")).id != first.id
    await use.cancel(ADA, first.id)
    assert (await use.create(ADA, f"{tmp_path}/a b")).id != first.id


async def test_owners_import_apart(at: Desk, tmp_path: Path) -> None:
    """The same files are other photos for somebody else."""
    fill(tmp_path, 5)
    allowed = places(tmp_path)
    for owner in (ADA, BOB):
        begun = await imports(at, allowed).create(owner, str(tmp_path))
        done = await carry_out(at, importer(at, allowed), begun)
        assert (done.copied, done.duplicates) == (5, 0)


async def test_a_place_that_is_gone_fails_the_import(at: Desk, tmp_path: Path) -> None:
    """With the reason, and without a dead letter."""
    allowed = places(tmp_path)
    begun = await imports(at, allowed).create(ADA, f"{tmp_path}/missing")
    failed = await carry_out(at, importer(at, allowed), begun)
    assert failed.state is ImportState.FAILED
    assert failed.failure == Failure("source_not_found", "there is no such folder")
    assert await at.ports.bundle_events.dead_letters() == 0


async def test_a_place_is_allowed_when_it_is_read_too(at: Desk, tmp_path: Path) -> None:
    """A list that was shortened since counts."""
    fill(tmp_path, 3)
    begun = await imports(at, places(tmp_path)).create(ADA, str(tmp_path))
    failed = await carry_out(at, importer(at, places(tmp_path / "00")), begun)
    assert failed.failure
    assert failed.failure.code == "source_not_allowed"
    assert await library(at) == []


@pytest.mark.parametrize("text", ["/etc", "file:///etc/../etc", "s3://bucket", "nonsense"])
async def test_other_places_are_forbidden(at: Desk, tmp_path: Path, text: str) -> None:
    """To look at as much as to import from, and nothing is written down."""
    use = imports(at, places(tmp_path))
    for call in (use.create, use.estimate):
        with pytest.raises(Forbidden) as caught:
            await call(ADA, text)
        assert caught.value.code == "source_not_allowed"
    assert (await use.page(ADA, after=None, limit=10))[0] == []


async def test_giving_up_shows_on_the_import(at: Desk, tmp_path: Path) -> None:
    """When the last attempt at a page has failed; twice is fine."""
    use, allowed = imports(at, places(tmp_path)), places(tmp_path)
    begun = await use.create(ADA, str(tmp_path))
    (event,) = await asked(at)
    for _ in range(2):
        await importer(at, allowed).give_up(event, Failure("storage_full", "the disk is full"))
    shown = await use.get(ADA, begun.id)
    assert (shown.state, shown.failure) == (
        ImportState.FAILED,
        Failure("storage_full", "the disk is full"),
    )


async def test_an_estimate_counts_without_reading(at: Desk, tmp_path: Path) -> None:
    """Files that may be photos, those known before, and what labelling the rest costs."""
    fill(tmp_path, 1200)
    allowed = places(tmp_path)
    first = await imports(at, allowed).create(ADA, f"{tmp_path}/00")
    await carry_out(at, importer(at, allowed), first)
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "link.jpg").symlink_to("empty.jpg")
    unread = Breaking(FolderSource([Source.parse(str(tmp_path))], Path()), "", AssertionError(), 9)
    use = imports(at, places(tmp_path, reader=unread), dollars_per_photo=0.001)
    found = await use.estimate(ADA, str(tmp_path))
    assert (found.files, found.known, found.skipped) == (1200, 50, 2)
    assert found.bytes == 1200 * len(photo(0))
    assert (found.calls, found.dollars, found.complete) == (1150, 1.15, True)
    free = await imports(at, allowed).estimate(ADA, str(tmp_path))
    assert (free.calls, free.dollars) == (0, 0)


async def test_the_sweeper_pushes_on_and_clears_away(at: Desk, tmp_path: Path) -> None:
    """An import whose event was lost goes on; one that ended a month ago is forgotten."""
    fill(tmp_path, 3)
    allowed = places(tmp_path)
    use = imports(at, allowed)
    begun = await use.create(ADA, str(tmp_path))
    assert len(await asked(at)) == 1
    await use.clear_away()
    at.clock.advance(OVERDUE + timedelta(seconds=1))
    await use.clear_away()
    done: Import = await carry_out(at, importer(at, allowed), begun)
    assert done.state is ImportState.DONE
    at.clock.advance(REMEMBERED)
    await use.clear_away()
    assert await use.get(ADA, begun.id) == done
    at.clock.advance(timedelta(seconds=1))
    await use.clear_away()
    with pytest.raises(NotFound):
        await use.get(ADA, begun.id)
    assert await asked(at) == []
