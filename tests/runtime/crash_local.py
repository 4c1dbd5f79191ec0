"""Kills a process in the middle of its work, again and again, and looks at what it left.

    python crash_local.py FOLDER --kills 150 [--mutant row-first|split-counts]

Prints one JSON object. The worker uses the local backends in the order in which the services do,
says aloud what it begins and what was acknowledged, and the checker reads the database and the
files by itself. A mutant does one thing wrong on purpose; the checker has to notice.
"""

import argparse
import asyncio
import hashlib
import itertools
import json
import os
import random
import select
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import apsw

from imgtag.backends.local.catalog import SqliteCatalog
from imgtag.backends.local.catalog_schema import CATALOG
from imgtag.backends.local.database import FILE_NAME, Database, fetch, open_database
from imgtag.backends.local.files import FileBlobStore, open_blobs
from imgtag.backends.local.queue import QUEUE, SqliteQueue
from imgtag.domain.events import PhotoDiscarded, PhotoStored
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.labels import LabelChange, LabelHit, LabelName
from imgtag.domain.photos import Content, Facts, Photo

OWNER: Final = OwnerId("ada")
ROUNDS_OF_A_LIBRARY: Final = 25
MOST_LINES: Final = 40
LONGEST_PAUSE_SECONDS: Final = 0.03
PATIENCE_SECONDS: Final = 10
WORKERS: Final = 4
FACTS: Final = Facts("image/jpeg", 640, 480)
MINE: Final = LabelName("Mine")
MUTANTS: Final = ("none", "row-first", "split-counts")


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Tell the time in UTC, in whole milliseconds."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


def labels_of(sha256: str) -> Sequence[LabelName]:
    """Tell what the labeler says of these bytes: three labels of eight."""
    return [LabelName(name) for name in random.Random(sha256).sample("ABCDEFGH", 3)]


@dataclass
class Worker:
    """Uploads, labels, edits, trashes and discards photos until it is killed."""

    blobs: FileBlobStore
    catalog: SqliteCatalog
    events: SqliteQueue
    database: Database
    random: random.Random
    mutant: str
    out: int

    def say(self, *words: str) -> None:
        """Tell the parent, in one write, which a pipe keeps whole."""
        os.write(self.out, f"{' '.join(words)}\n".encode())

    async def upload(self) -> None:
        """Take photos in, one after the other, and do things to them."""
        for number in itertools.count():
            photo = PhotoId.mint(SystemClock().now(), self.random.randbytes(10))
            body = self.random.randbytes(self.random.randint(100, 40_000))
            content = Content(len(body), hashlib.sha256(body).hexdigest(), 0)
            self.say("begin", photo)
            await self._take_in(photo, body, content)
            self.say("stored", photo, content.sha256)
            await self._play(photo, number)

    async def _take_in(self, photo: PhotoId, body: bytes, content: Content) -> None:
        now = SystemClock().now()
        await self.catalog.reserve(
            OWNER, [Photo(owner=OWNER, id=photo, file_name="a.jpg", created_at=now)]
        )
        event = PhotoStored(OWNER, photo)
        if self.mutant == "row-first":
            await self.catalog.store(OWNER, photo, content, event)
        async with self.blobs.write(_original(photo), content_type="image/jpeg") as writer:
            await writer.write(body)
        await self.catalog.store(OWNER, photo, content, event)

    async def _play(self, photo: PhotoId, number: int) -> None:
        if number % 2:
            await self.catalog.edit(OWNER, [photo], LabelChange(add=(MINE,)))
            self.say("edited", photo)
        if number % 3 == 0:
            self.say("trashing", photo)
            await self.catalog.trash(OWNER, photo, SystemClock().now())
            self.say("trashed", photo)
        if number % 6 == 0:
            self.say("restoring", photo)
            await self.catalog.restore(OWNER, photo)
            self.say("restored", photo)
        if number % 6 == 3:
            self.say("discarding", photo)
            await self.catalog.discard(OWNER, photo, PhotoDiscarded(OWNER, photo))
            self.say("discarded", photo)

    async def consume(self) -> None:
        """Do what the events ask for."""
        while True:
            for delivery in await self.events.receive(limit=4, wait=timedelta(seconds=1)):
                match delivery.event:
                    case PhotoStored(_, photo):
                        await self._label(photo)
                    case PhotoDiscarded(_, photo):
                        await self.blobs.delete(_original(photo))
                    case _:
                        pass
                await delivery.acknowledge()

    async def _label(self, photo: PhotoId) -> None:
        for known in await self.catalog.get_many(OWNER, [photo]):
            if known.content is None:
                return
            sha256 = known.content.sha256
            hits = [LabelHit(name, 90) for name in labels_of(sha256)]
            await self.catalog.label(OWNER, photo, sha256, FACTS, hits, model="crash-1")
            if self.mutant == "split-counts":
                await self.database.write(_count_late)
            self.say("labelled", photo)


def _stop_counting(db: apsw.Connection) -> None:
    db.execute("DROP TRIGGER IF EXISTS shelved; DROP TRIGGER IF EXISTS unshelved")


def _count_late(db: apsw.Connection) -> None:
    db.execute(
        "UPDATE labels SET photos = (SELECT count(*) FROM shelf_shown WHERE label = labels.label)"
    )


def _original(photo: PhotoId) -> BlobKey:
    return BlobKey(OWNER, BlobKind.ORIGINAL, photo)


async def work(folder: Path, seed: int, mutant: str, out: int) -> None:
    """Open everything, as a service does, and work until killed."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(folder / FILE_NAME))
        blobs = await stack.enter_async_context(open_blobs(folder / "blobs"))
        await database.migrate(QUEUE)
        await database.migrate(CATALOG)
        if mutant == "split-counts":
            await database.write(_stop_counting)
        clock = SystemClock()
        events = SqliteQueue(
            database, clock, topic="photos", lease_seconds=0.2, max_attempts=10_000
        )
        catalog = SqliteCatalog(database, clock, events)
        async with asyncio.TaskGroup() as group:
            for number in range(WORKERS):
                chance = random.Random(f"{seed} {number}")
                worker = Worker(blobs, catalog, events, database, chance, mutant, out)
                group.create_task(worker.consume() if number == 0 else worker.upload())


@dataclass
class Promises:
    """What the worker said, of all its lives on one library."""

    stored: dict[str, str] = field(default_factory=dict)
    labelled: set[str] = field(default_factory=set)
    edited: set[str] = field(default_factory=set)
    trashed: dict[str, bool | None] = field(default_factory=dict)
    discarded: dict[str, bool | None] = field(default_factory=dict)
    acknowledged: int = 0
    deaths: list[str] = field(default_factory=list)

    def hear(self, line: str) -> None:
        """Take down one line. What was begun and not acknowledged may be either way: None."""
        word, photo, *rest = line.split()
        if word == "died":
            self.deaths.append(line)
            return
        self.acknowledged += word.endswith("ed")
        match word:
            case "stored":
                self.stored[photo] = rest[0]
            case "labelled":
                self.labelled.add(photo)
            case "edited":
                self.edited.add(photo)
            case "trashing" | "restoring":
                self.trashed[photo] = None
            case "trashed" | "restored":
                self.trashed[photo] = word == "trashed"
            case "discarding":
                self.discarded[photo] = None
            case "discarded":
                self.discarded[photo] = True
            case _:
                pass


def check(folder: Path, promises: Promises) -> Iterator[str]:
    """Say everything that is not as promised, in words."""
    yield from promises.deaths
    db = apsw.Connection(str(folder / FILE_NAME))
    try:
        for (problem,) in fetch(db, "PRAGMA integrity_check"):
            if problem != "ok":
                yield f"the database is damaged: {problem}"
        if not fetch(db, "SELECT 1 FROM sqlite_schema WHERE name = 'photos'"):
            if promises.acknowledged:
                yield "the tables are gone"
            return
        dangling = fetch(db, "PRAGMA foreign_key_check")
        yield from (f"a row hangs in the air: {row}" for row in dangling)
        yield from _check_photos(db, folder, promises)
        yield from _check_counts(db)
        yield from _check_labels(db, promises)
        yield from _check_orphans(db, folder)
    finally:
        db.close()


def _check_photos(db: apsw.Connection, folder: Path, promises: Promises) -> Iterator[str]:
    rows = {
        row[0]: row[1:] for row in fetch(db, "SELECT id, sha256, state, trashed_at FROM photos")
    }
    for photo, sha256 in promises.stored.items():
        gone = promises.discarded.get(photo, False)
        if photo not in rows:
            if gone is False:
                yield f"{photo} was acknowledged and is gone"
            continue
        if gone:
            yield f"{photo} was deleted and is back"
        if rows[photo][0] != sha256 or rows[photo][1] == "awaiting":
            yield f"{photo} was acknowledged and is not stored"
        trashed = promises.trashed.get(photo, False)
        if trashed is not None and trashed != (rows[photo][2] is not None):
            yield f"{photo} is on the wrong side of the trash"
    bodies = _bodies(folder)
    announced = {json.loads(body)["photo"] for (body,) in fetch(db, "SELECT body FROM events")}
    for photo, (sha256, state, _) in rows.items():
        if state != "awaiting" and bodies.get(photo) != sha256:
            yield f"{photo} is listed and its bytes are not there"
        if state == "stored" and photo not in announced:
            yield f"{photo} will never be labelled"


def _bodies(folder: Path) -> Mapping[str, str]:
    files = (folder / "blobs" / "originals").glob("*/*/*")
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _check_counts(db: apsw.Connection) -> Iterator[str]:
    live = "FROM photo_labels JOIN photos USING (photo) WHERE live AND source <> 'removed'"
    truth = Counter(label for (label,) in fetch(db, f"SELECT label {live}"))
    counts = dict(fetch(db, "SELECT label, photos FROM labels WHERE photos > 0"))
    if counts != truth:
        yield f"counts {counts} and recount {dict(truth)} differ"
    for shelf, time_of in (("shelf_shown", "shown_at"), ("shelf_created", "created_at")):
        kept = set(fetch(db, f"SELECT label, at, id, photo FROM {shelf}"))  # noqa: S608
        if kept != set(fetch(db, f"SELECT label, {time_of}, id, photo {live}")):
            yield f"{shelf} is not what the labels say"
    tallies = dict(fetch(db, "SELECT place, photos FROM tallies WHERE photos > 0"))
    if tallies != dict(fetch(db, "SELECT place, count(*) FROM photos GROUP BY place")):
        yield "the photos by state are counted wrong"


def _check_labels(db: apsw.Connection, promises: Promises) -> Iterator[str]:
    carried: dict[str, set[str]] = {}
    pairs = """
        SELECT id, labels.name FROM photo_labels
        JOIN photos USING (photo) JOIN labels USING (label)
    """
    for photo, name in fetch(db, pairs):
        carried.setdefault(photo, set()).add(name)
    for photo, sha256, state in fetch(db, "SELECT id, sha256, state FROM photos"):
        names = carried.get(photo, set())
        if state == "labelled" and names - {MINE} != set(labels_of(sha256)):
            yield f"{photo} is labelled in part"
        if state != "labelled" and photo in promises.labelled:
            yield f"{photo} has lost its labels"
        if photo in promises.edited and MINE not in names:
            yield f"{photo} has lost its owner's label"


def _check_orphans(db: apsw.Connection, folder: Path) -> Iterator[str]:
    known = {photo for (photo,) in fetch(db, "SELECT id FROM photos")}
    known |= {json.loads(body)["photo"] for (body,) in fetch(db, "SELECT body FROM events")}
    yield from (f"{photo} is a file of nobody" for photo in _bodies(folder).keys() - known)


async def leftovers(folder: Path) -> int:
    """Open the blobs as the next life does, and count what is still half-written then."""
    async with open_blobs(folder / "blobs"):
        return sum(path.is_file() for path in (folder / "blobs" / "incoming").rglob("*"))


def one_life(folder: Path, seed: int, mutant: str, chance: random.Random) -> Sequence[str]:
    """Start a worker, kill it some time after some step, and give the lines that it finished."""
    heard, out = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(heard)
        asyncio.run(work(folder, seed, mutant, out))
        os._exit(0)
    os.close(out)
    said = listen(heard, lines=chance.choice([0, 1, chance.randint(2, MOST_LINES)]))
    time.sleep(chance.uniform(0, LONGEST_PAUSE_SECONDS))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with os.fdopen(heard, "rb") as pipe:
        lines = (said + pipe.read()).decode().splitlines(keepends=True)
    if not os.WIFSIGNALED(status):
        lines.append(f"died of itself, with status {status}\n")
    return [line.rstrip() for line in lines if line.endswith("\n")]


def listen(heard: int, *, lines: int) -> bytes:
    """Wait until so many lines were said, or until it takes too long."""
    said, deadline = b"", time.monotonic() + PATIENCE_SECONDS
    while said.count(b"\n") < lines:
        ready, _, _ = select.select([heard], [], [], max(0, deadline - time.monotonic()))
        piece = os.read(heard, 65_536) if ready else b""
        if not piece:
            break
        said += piece
    return said


def main() -> None:
    """Kill, look, and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=150)
    parser.add_argument(
        "--seconds", type=float, default=100, help="stop after these, at the latest"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mutant", choices=MUTANTS, default="none")
    options = parser.parse_args()
    chance, promises = random.Random(options.seed), Promises()
    acknowledged = 0
    problems: list[str] = []
    deadline, kills = time.monotonic() + options.seconds, 0
    for life in range(options.kills):
        if time.monotonic() > deadline:
            break
        kills += 1
        if life % ROUNDS_OF_A_LIBRARY == 0:
            shutil.rmtree(options.folder, ignore_errors=True)
            options.folder.mkdir(parents=True)
            acknowledged, promises = acknowledged + promises.acknowledged, Promises()
        for line in one_life(options.folder, options.seed + life, options.mutant, chance):
            promises.hear(line)
        found = list(check(options.folder, promises))
        if asyncio.run(leftovers(options.folder)):
            found.append("a file stayed half-written")
        problems += [f"life {life}: {problem}" for problem in found]
        if problems and options.mutant != "none":
            break
    acknowledged += promises.acknowledged
    report = {"kills": kills, "acknowledged": acknowledged, "problems": problems[:20]}
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
