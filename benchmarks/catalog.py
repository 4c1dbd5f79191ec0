"""How fast the SQLite catalog answers for a library of a million photos with eight labels each.

    python benchmarks/catalog.py [--photos 1000000] [--keep FOLDER]

The library is written into the tables in bulk, since a million calls would take an hour. First the
service is asked over HTTP, with its default settings and the default 100 photos a page: shown is
what the client waits, at least and mostly, what the server says it took on average, and what it
used of the processor. Where the machine does other things meanwhile, the first and the last are the
figures to look at. Then `SqliteCatalog` is asked
directly, 50 photos a page. Two more labels, one on each half of the library, make the worst
question there is: sets that are large and don't meet.
"""

import argparse
import asyncio
import http.client
import itertools
import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import apsw
import numpy as np
from service import serving

from imgtag.backends.local.catalog import SqliteCatalog
from imgtag.backends.local.catalog_schema import CATALOG, marks
from imgtag.backends.local.database import FILE_NAME, fetch, open_database
from imgtag.backends.local.queue import QUEUE, SqliteQueue
from imgtag.backends.local.times import to_micros
from imgtag.backends.local.users import FIRST_OWNER
from imgtag.domain.ids import PhotoId
from imgtag.domain.labels import LabelName
from imgtag.domain.photos import PhotoState
from imgtag.domain.queries import Position, Query, Sort
from imgtag.testing.clock import FixedClock

OWNER: Final = FIRST_OWNER
LABELS: Final = 1000
LABELS_OF_A_PHOTO: Final = 8
START: Final = datetime(2015, 1, 1, tzinfo=UTC)
CHUNK: Final = 20_000
ROUNDS: Final = 31
REQUESTS: Final = 100
PAGE: Final = 50
PAGES_ON: Final = 20
_LISTS: Final = re.compile('route="/api/(labels|photos)"')

Call = Callable[[], Awaitable[object]]


def main() -> None:
    """Build the library in a process of its own, so that its memory isn't counted; then ask."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="build the library here, or use the one here")
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        asyncio.run(build(options.build, options.photos))
        return
    with tempfile.TemporaryDirectory(prefix="imgtag-bench-") as temporary:
        path = (options.keep or Path(temporary)) / FILE_NAME
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            began = time.perf_counter()
            command = [sys.executable, __file__, "--photos", str(options.photos)]
            subprocess.run([*command, "--build", str(path)], check=True)
            print(f"built in {time.perf_counter() - began:.0f} s")
        print(f"{options.photos:,} photos, {path.stat().st_size / 1e6:,.0f} MB")
        ask_service(path.parent)
        asyncio.run(ask(path, options.photos))


async def build(path: Path, photos: int) -> None:
    """Write the library: the real schema, whose indexes and triggers stand aside for a while."""
    async with open_database(path) as database:
        await database.migrate(QUEUE)
        await database.migrate(CATALOG)
    db = apsw.Connection(str(path))
    db.pragma("journal_mode", "off")
    db.pragma("synchronous", "off")
    db.pragma("cache_size", -512 * 1024)
    aside = fetch(
        db,
        "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('trigger', 'index')"
        " AND sql IS NOT NULL",
    )
    with db:
        for kind, name, _ in aside:
            db.execute(f"DROP {kind} {name}")
        _fill(db, photos)
        for _, _, sql in aside:
            db.execute(sql)
    db.pragma("journal_mode", "wal")
    db.close()


def _fill(db: apsw.Connection, photos: int) -> None:
    random = np.random.default_rng(7)
    names = [f"Label {number:03}" for number in range(LABELS)] + ["Older half", "Newer half"]
    rows = [(number, name.casefold(), name) for number, name in enumerate(names, 1)]
    db.execute("INSERT INTO owners VALUES (1, ?)", (OWNER,))
    db.execute("INSERT INTO origins VALUES (1, 'scenes-1', '[\"Nature\", \"Outdoors\"]')")
    db.executemany("INSERT INTO labels (label, owner, folded, name) VALUES (?, 1, ?, ?)", rows)
    for start in range(0, photos, CHUNK):
        numbers = range(start, min(start + CHUNK, photos))
        db.executemany(_PHOTO, _photo_rows(numbers, random))
        labels = list(_label_rows(numbers, photos, random))
        db.executemany(_LABEL, labels)
        db.executemany(_MARK, _marked(labels))
    for statement in _DERIVED:
        db.execute(statement)


_PHOTO: Final = """
INSERT INTO photos (photo, owner, id, file_name, folded_name, state, since, created_at, taken_at,
    content_type, size, sha256, crc32, width, height, bare)
VALUES (?1, 1, ?2, ?3, lower(?3), 'labelled', ?4, ?4, ?5, 'image/jpeg', 4800000, ?6, 7, 4000, 3000,
    0)
"""
_MARK: Final = "UPDATE photos SET marks = ? WHERE photo = ?"
_LABEL: Final = "INSERT INTO photo_labels VALUES (?, ?, 'machine', ?, 1, NULL)"
_DERIVED: Final = (
    """INSERT INTO shelf_shown SELECT label, shown_at, id, photo, marks
        FROM photo_labels CROSS JOIN photos USING (photo) ORDER BY label, shown_at, id""",
    """INSERT INTO shelf_created SELECT label, created_at, id, photo, marks
        FROM photo_labels CROSS JOIN photos USING (photo) ORDER BY label, created_at, id""",
    "UPDATE labels SET photos = (SELECT count(*) FROM shelf_shown WHERE label = labels.label)",
    "INSERT INTO tallies SELECT owner, place, count(*) FROM photos GROUP BY owner, place",
)


def _photo_rows(numbers: range, random: np.random.Generator) -> Iterator[tuple[object, ...]]:
    seconds = random.integers(0, 30 * 86400, size=len(numbers)).tolist()
    entropy, sums = (random.bytes(size * len(numbers)) for size in (10, 32))
    for place, number in enumerate(numbers):
        created = START + timedelta(minutes=5 * number)
        taken = created - timedelta(seconds=seconds[place])
        photo = PhotoId.mint(created, entropy[10 * place : 10 * place + 10])
        sha256 = sums[32 * place : 32 * place + 32].hex()
        name = f"IMG_{number:07}.JPG"
        yield number + 1, photo, name, to_micros(created), to_micros(taken), sha256


def _label_rows(
    numbers: range, photos: int, random: np.random.Generator
) -> Iterator[tuple[int, int, float]]:
    weights = 1 / np.arange(1, LABELS + 1)
    drawn = random.choice(
        LABELS, size=(len(numbers), 4 * LABELS_OF_A_PHOTO), p=weights / weights.sum()
    )
    for number, row in zip(numbers, drawn.tolist(), strict=True):
        half = LABELS + 1 + (number >= photos // 2)
        chosen = list(dict.fromkeys(row))[:LABELS_OF_A_PHOTO]
        for label in [*sorted(chosen), half - 1]:
            yield number + 1, label + 1, 91.5


def _marked(rows: Sequence[tuple[int, int, float]]) -> Iterator[tuple[int, int]]:
    for photo, labels in itertools.groupby(rows, key=itemgetter(0)):
        yield marks(label for _, label, _ in labels), photo


def ask_service(data_dir: Path) -> None:
    """Time requests on one connection and print a table."""
    heads = "".join(f"{head:>10}" for head in ("least ms", "client ms", "server ms", "CPU ms"))
    print(f"\n{'over HTTP':44}{heads}{'goal':>6}")
    with serving(data_dir) as service:
        connection = http.client.HTTPConnection(urlsplit(service.url).netloc)
        for name, path, goal in _requests(connection):
            for _ in range(ROUNDS):
                _get(connection, path)
            before, answered = service.used().service, _answered(connection)
            waited = [_seconds(connection, path) for _ in range(REQUESTS)]
            busy, server = service.used().service - before, _answered(connection)
            took = (server[0] - answered[0]) / (server[1] - answered[1])
            seconds = (min(waited), statistics.median(waited), took, busy / REQUESTS)
            figures = "".join(f"{1000 * each:10.2f}" for each in seconds)
            print(f"{name:44}{figures}{goal:6}", flush=True)
    print()


def _requests(connection: http.client.HTTPConnection) -> Iterator[tuple[str, str, int]]:
    """Give what is asked, its path, and the milliseconds that it may take."""

    def page(*labels: str, cursor: str = "") -> str:
        asked = {"all": ",".join(labels), "cursor": cursor}
        return f"/api/photos?{urlencode({name: text for name, text in asked.items() if text})}"

    common, halves = _numbered(0, 1, 2), ("Older half", "Newer half", *_numbered(0))
    yield "labels with counts", "/api/labels", 3
    yield "first page of everything", page(), 10
    yield "all of the three commonest", page(*common), 10
    cursor = ""
    for _ in range(PAGES_ON):
        cursor = json.loads(_get(connection, page(*common, cursor=cursor)))["next_cursor"]
    yield f"the same, {PAGES_ON} pages on", page(*common, cursor=cursor), 10
    yield "all of three from the top 50", page(*_numbered(20, 35, 49)), 10
    yield "all of three from the top 20", page(*_numbered(5, 10, 20)), 10
    yield "all of a common, two rare", page(*_numbered(0, 700, 900)), 10
    yield "all of two halves and the commonest", page(*halves), 50


def _get(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != http.client.OK:
        raise RuntimeError(body.decode())
    return body


def _seconds(connection: http.client.HTTPConnection, path: str) -> float:
    began = time.perf_counter()
    _get(connection, path)
    return time.perf_counter() - began


def _answered(connection: http.client.HTTPConnection) -> tuple[float, float]:
    """Give the seconds that lists took so far, and how many there were, as the service counts."""
    lines = _get(connection, "/metrics").decode().splitlines()
    totals = []
    for figure in ("sum", "count"):
        start = f"imgtag_http_request_seconds_{figure}{{"
        found = [line for line in lines if line.startswith(start) and _LISTS.search(line)]
        totals.append(sum(float(line.split()[-1]) for line in found))
    return totals[0], totals[1]


async def ask(path: Path, photos: int) -> None:
    """Time each question and print a table."""
    async with open_database(path) as database:
        clock = FixedClock()
        catalog = SqliteCatalog(database, clock, SqliteQueue(database, clock, topic="photos"))
        print(f"{'':44}{'median ms':>10}{'worst ms':>10}{'CPU ms':>10}")
        for name, call in _questions(catalog, photos):
            await _time(name, call, ROUNDS)
        for name, call in _long_questions(catalog):
            await _time(name, call, 3)
        await _time("recount", lambda: catalog.recount(OWNER), 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:,.0f} MB")


def _questions(catalog: SqliteCatalog, photos: int) -> Iterator[tuple[str, Call]]:
    def page(sort: Sort = Sort.NEWEST_TAKEN, after: Position | None = None, **parts: Any) -> Call:
        query = Query(**parts)
        return lambda: catalog.page(OWNER, query, sort, after=after, limit=PAGE)

    middle = START + timedelta(minutes=5 * photos // 2)
    deep = Position(middle, PhotoId("0" * 26))
    halves = (LabelName("Older half"), LabelName("Newer half"), *_numbered(0))
    yield "labels with counts", lambda: catalog.counts(OWNER)
    yield "labels with counts and covers", lambda: catalog.counts(OWNER, covers=True)
    yield "photos by state", lambda: catalog.tally(OWNER)
    yield "first page of everything", page()
    yield "a page from the middle", page(after=deep)
    yield "all of the three commonest", page(all=_numbered(0, 1, 2))
    yield "the same from the middle", page(all=_numbered(0, 1, 2), after=deep)
    yield "the same, oldest created first", page(Sort.OLDEST_CREATED, all=_numbered(0, 1, 2))
    yield "all of three from the top 50", page(all=_numbered(20, 35, 49))
    yield "all of a common, two rare", page(all=_numbered(0, 700, 900))
    yield "all of two halves and the commonest", page(all=halves)
    yield "the same from the middle, backwards", page(Sort.OLDEST_TAKEN, all=halves, after=deep)
    yield "any of five", page(any=_numbered(0, 5, 50, 500, 900))
    yield "none of the ten commonest", page(none=_numbered(*range(10)))
    yield (
        "all of one, any of two, none of one",
        page(all=_numbered(3), any=_numbered(1, 2), none=_numbered(0)),
    )
    yield (
        "all of three commonest, state labelled",
        page(all=_numbered(0, 1, 2), state=PhotoState.LABELLED),
    )
    yield "unlabelled", page(unlabelled=True)
    yield "state failed", page(state=PhotoState.FAILED)


def _long_questions(catalog: SqliteCatalog) -> Iterator[tuple[str, Call]]:
    def page(query: Query) -> Call:
        return lambda: catalog.page(OWNER, query, Sort.NEWEST_TAKEN, after=None, limit=PAGE)

    def layout(query: Query) -> Call:
        return lambda: catalog.layout(OWNER, query, Sort.NEWEST_TAKEN)

    yield "a file name that one photo has", page(Query(text="img_0000007.j"))
    yield "the same with a common label", page(Query(text="img_0000007.j", all=_numbered(9)))
    yield "layout of a rarer label", layout(Query(all=_numbered(50)))
    yield "layout of a common label", layout(Query(all=_numbered(9)))


def _numbered(*numbers: int) -> tuple[LabelName, ...]:
    return tuple(LabelName(f"Label {number:03}") for number in numbers)


async def _time(name: str, call: Call, rounds: int) -> None:
    spent: list[float] = []
    answer: object = None
    processor = time.process_time()
    for _ in range(rounds):
        began = time.perf_counter()
        answer = await call()
        spent.append(1000 * (time.perf_counter() - began))
    size = f" ({len(answer):,})" if isinstance(answer, Sequence) else ""
    busy = 1000 * (time.process_time() - processor) / rounds
    print(f"{name + size:44}{statistics.median(spent):10.2f}{max(spent):10.2f}{busy:10.2f}")


if __name__ == "__main__":
    main()
