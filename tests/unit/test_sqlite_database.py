"""One writer that commits in groups, readers beside it, and disks that fail."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from imgtag.backends.local.database import (
    FILE_NAME,
    Database,
    fetch,
    open_database,
    refuse_old_sqlite,
)
from imgtag.backends.local.schema import Component
from imgtag.domain.errors import Invalid, Unavailable

NOTES = Component("notes", ("CREATE TABLE notes (note TEXT PRIMARY KEY) STRICT",))
DEADLINE_SECONDS = 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name the database."""
    return tmp_path / FILE_NAME


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    """Open a database with a table of notes."""
    async with asyncio.timeout(DEADLINE_SECONDS), open_database(path) as database:
        await database.migrate(NOTES)
        yield database


def add(note: str) -> Callable[[apsw.Connection], str]:
    """Make work that writes *note* and answers with it."""

    def work(db: apsw.Connection) -> str:
        db.execute("INSERT INTO notes VALUES (?)", (note,))
        return note

    return work


def notes_in(path: Path) -> list[str]:
    """Read the notes on a connection of the test's own."""
    connection = apsw.Connection(str(path))
    try:
        return [note for (note,) in fetch(connection, "SELECT note FROM notes ORDER BY note")]
    finally:
        connection.close()


async def outcomes(*calls: Any) -> list[Any]:
    """Run *calls* at once; an answer or an error for each, in order."""

    async def outcome(call: Any) -> Any:
        try:
            return await call
        except Exception as error:  # noqa: BLE001 - it is what the test looks at
            return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(outcome(call)) for call in calls]
    return [task.result() for task in tasks]


async def test_every_promise_of_durability_is_switched_on(database: Database) -> None:
    """WAL, an fsync for each commit, and foreign keys."""

    def settings(db: apsw.Connection) -> list[Any]:
        return [db.pragma(name) for name in ("journal_mode", "synchronous", "foreign_keys")]

    assert await database.write(settings) == ["wal", 2, 1]
    assert (await database.read(settings))[0] == "wal"


async def test_a_write_is_there_when_it_returns(database: Database, path: Path) -> None:
    """Another connection sees it at once."""
    assert await database.write(add("milk")) == "milk"
    assert notes_in(path) == ["milk"]


@pytest.fixture
def commits(database: Database) -> list[int]:
    """Keep a mark for each commit from now on."""
    seen: list[int] = []
    database._writer.set_commit_hook(lambda: bool(seen.append(1)))
    return seen


async def test_writes_that_wait_share_a_transaction(database: Database, commits: list[int]) -> None:
    """A hundred at once take a few commits, not a hundred."""
    answers = await outcomes(*(database.write(add(str(number))) for number in range(100)))
    assert answers == [str(number) for number in range(100)]
    assert 1 <= len(commits) <= 5


async def test_a_patient_write_goes_with_the_next(
    database: Database, commits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes no commit of its own, however long that takes, and is written where none comes."""
    with monkeypatch.context() as patched:
        patched.setattr("imgtag.backends.local.database.PATIENCE_SECONDS", 2 * DEADLINE_SECONDS)
        async with asyncio.TaskGroup() as group:
            patient = group.create_task(database.write(add("patient"), patient=True))
            await asyncio.sleep(0)
            group.create_task(database.write(add("hasty")))
    assert patient.result() == "patient"
    assert len(commits) == 1
    assert await database.write(add("alone"), patient=True) == "alone"
    assert len(commits) == 2


async def test_a_write_that_fails_is_undone_alone(database: Database, path: Path) -> None:
    """What it wrote before it failed is gone; its neighbours in the transaction stay."""

    def spoilt(db: apsw.Connection) -> None:
        add("spoilt")(db)
        raise KeyError("no reason")

    good = [database.write(add(note)) for note in "ab"]
    answers = await outcomes(good[0], database.write(spoilt), good[1], database.write(add("a")))
    assert answers[0::2] == ["a", "b"]
    assert isinstance(answers[1], KeyError)
    assert isinstance(answers[3], apsw.ConstraintError)
    assert notes_in(path) == ["a", "b"]


async def test_a_cancelled_write_harms_no_other(database: Database, path: Path) -> None:
    """One that has not begun is withdrawn; those behind it are written."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(db: apsw.Connection) -> str:
        begun.set()
        go_on.wait(DEADLINE_SECONDS)
        return add("slow")(db)

    async with asyncio.TaskGroup() as group:
        running = group.create_task(database.write(slow))
        await asyncio.to_thread(begun.wait, DEADLINE_SECONDS)
        waiting = group.create_task(database.write(add("waiting")))
        behind = group.create_task(database.write(add("behind")))
        await asyncio.sleep(0)
        waiting.cancel()
        running.cancel()
        go_on.set()
    assert waiting.cancelled()
    assert running.cancelled()
    assert behind.result() == "behind"
    assert notes_in(path) == ["behind", "slow"]


async def test_a_read_sees_one_moment(database: Database) -> None:
    """What is committed while it reads stays out of its sight."""
    begun, go_on = threading.Event(), threading.Event()

    def twice(db: apsw.Connection) -> list[int]:
        seen = [db.execute("SELECT count(*) FROM notes").get]
        begun.set()
        go_on.wait(DEADLINE_SECONDS)
        return [*seen, db.execute("SELECT count(*) FROM notes").get]

    async with asyncio.TaskGroup() as group:
        reading = group.create_task(database.read(twice))
        await asyncio.to_thread(begun.wait, DEADLINE_SECONDS)
        await database.write(add("later"))
        go_on.set()
    assert reading.result() == [0, 0]
    assert await database.read(lambda db: db.execute("SELECT count(*) FROM notes").get) == 1


async def test_a_reader_can_not_write(database: Database) -> None:
    """Its connection is read-only, so a mistake is found at once."""
    with pytest.raises(Unavailable):
        await database.read(add("by mistake"))


async def test_a_statement_is_planned_once(database: Database) -> None:
    """However often it runs, and whatever is bound to it."""

    def plans(db: apsw.Connection) -> list[int]:
        asked: list[object] = []
        # SQLite asks it while it plans.
        db.authorizer = lambda *what: asked.append(what) or apsw.SQLITE_OK
        counts = []
        for kind in ("table", "index", "view"):
            fetch(db, "SELECT name FROM sqlite_schema WHERE type = ? ORDER BY name", (kind,))
            counts.append(len(asked))
        db.authorizer = None
        return counts

    for run in (database.read, database.write):
        first, *later = await run(plans)
        assert later == [first, first]


async def test_announcements_follow_the_commit(database: Database, path: Path) -> None:
    """They come once it is durable, and once for a group, also where one of it is undone."""
    heard: list[list[str]] = []

    def listen() -> None:
        heard.append(notes_in(path))

    def work(db: apsw.Connection) -> None:
        add("news")(db)
        database.after_commit(listen)
        database.after_commit(listen)

    await outcomes(database.write(work), database.write(work))
    assert heard == [["news"]]


async def test_closing_waits_for_what_was_asked(path: Path) -> None:
    """Every write that was asked for before the end is written; later ones are refused."""
    async with asyncio.TaskGroup() as group, open_database(path) as database:
        await database.migrate(NOTES)
        writes = [
            group.create_task(database.write(add(f"{number:03}"), patient=number % 3 == 0))
            for number in range(300)
        ]
        await asyncio.sleep(0)
    assert [write.result() for write in writes] == notes_in(path)
    with pytest.raises(Unavailable):
        await database.write(add("too late"))
    with pytest.raises(Unavailable):
        await database.read(lambda db: db.total_changes())


async def test_closing_leaves_one_file(path: Path) -> None:
    """The WAL is taken in, so that a copy of the one file is a backup."""
    async with open_database(path) as database:
        await database.migrate(NOTES)
        assert path.with_name(f"{FILE_NAME}-wal").exists()
    assert [entry.name for entry in path.parent.iterdir()] == [FILE_NAME]


async def test_only_the_owner_of_the_process_may_read_it(database: Database, path: Path) -> None:
    """The database and its WAL are nobody else's to read."""
    await database.write(add("secret"))
    modes = {entry.stat().st_mode & 0o777 for entry in path.parent.iterdir()}
    assert modes == {0o600}


@pytest.mark.parametrize("version", ["3.40.1", "3.46.0", "3.51.2", "3.52.0"])
def test_a_sqlite_that_corrupts_is_refused(version: str) -> None:
    """Versions with the WAL-reset bug, and the one that was withdrawn."""
    with pytest.raises(Invalid, match=version) as refusal:
        refuse_old_sqlite(version)
    assert refusal.value.code == "sqlite_too_old"


@pytest.mark.parametrize("version", ["3.51.3", "3.53.0", "3.54.1", "4.0.0"])
def test_a_sound_sqlite_is_welcome(version: str) -> None:
    """The first one without the bug, and later ones."""
    refuse_old_sqlite(version)


async def test_steps_are_taken_once_and_in_order(path: Path) -> None:
    """A component that has grown gets its new steps only."""
    grown = Component("notes", (*NOTES.steps, "ALTER TABLE notes ADD COLUMN at INTEGER"))
    for component in (NOTES, NOTES, grown, grown):
        async with open_database(path) as database:
            await database.migrate(component)
    assert notes_in(path) == []
    async with open_database(path) as database:
        columns = await database.read(lambda db: fetch(db, "PRAGMA table_info(notes)"))
    assert [column[1] for column in columns] == ["note", "at"]


async def test_a_step_that_fails_leaves_nothing(database: Database) -> None:
    """All steps of a component are taken, or none."""
    broken = Component("broken", ("CREATE TABLE first (a)", "CREATE TABLE second (b", ""))
    with pytest.raises(apsw.SQLError):
        await database.migrate(broken)
    tables = await database.read(lambda db: fetch(db, "SELECT name FROM sqlite_schema"))
    assert ("first",) not in tables
    assert await database.read(lambda db: fetch(db, "SELECT name FROM components")) == [("notes",)]


async def test_tables_of_a_later_version_are_refused(database: Database) -> None:
    """A program that was put back does not touch what it doesn't know."""
    await database.migrate(Component("notes", (*NOTES.steps, "CREATE TABLE more (a)")))
    with pytest.raises(Invalid, match="newer imgtag") as refusal:
        await database.migrate(NOTES)
    assert refusal.value.code == "schema_too_new"


@pytest.mark.parametrize(
    ("preparation", "code"),
    [
        ("PRAGMA user_version = 99", "schema_too_new"),
        ("PRAGMA application_id = 7", "not_a_catalog"),
    ],
)
async def test_a_strange_database_is_refused(path: Path, preparation: str, code: str) -> None:
    """One of a later layout, and one of another program."""
    async with open_database(path) as database:
        await database.migrate(NOTES)
    connection = apsw.Connection(str(path))
    connection.execute(preparation)
    connection.close()
    with pytest.raises(Invalid) as refusal:
        await open_database(path).__aenter__()
    assert refusal.value.code == code


async def test_a_file_that_is_no_database_is_unavailable(path: Path) -> None:
    """It is reported, not overwritten."""
    notes = b"these are somebody's notes, not a database" * 100
    path.write_bytes(notes)  # noqa: ASYNC240 - a few bytes, before anything else runs
    with pytest.raises(Unavailable) as error:
        await open_database(path).__aenter__()
    assert error.value.code == "storage_failed"
    assert path.read_bytes() == notes  # noqa: ASYNC240 - nothing else runs any more


async def test_a_full_disk_fails_the_write_and_nothing_else(database: Database, path: Path) -> None:
    """`storage_full` for who asked, all earlier notes intact, and well again with more room."""
    await database.write(add("before"))

    def limit(pages: int) -> Callable[[apsw.Connection], object]:
        return lambda db: db.pragma("max_page_count", pages)

    await database.write(limit(8))
    answers = await outcomes(*(database.write(add(str(n) * 9000)) for n in range(10)))
    refused = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert {error.code for error in refused} == {"storage_full"}
    kept = {answer for answer in answers if isinstance(answer, str)}
    assert set(notes_in(path)) == {"before", *kept}
    await database.write(limit(10_000))
    await database.write(add("after"))
    assert "after" in notes_in(path)


class _Faults:
    """Which writes and syncs fail from now on."""

    def __init__(self) -> None:
        self.on: str | None = None
        self.calls_until_then = 0

    def strike(self, operation: str) -> None:
        """Fail *operation* when its time has come."""
        if operation != self.on:
            return
        self.calls_until_then -= 1
        if self.calls_until_then < 0:
            errors = {"sync": apsw.SQLITE_IOERR_FSYNC, "write": apsw.SQLITE_IOERR_WRITE}
            raise apsw.exception_for(errors[operation])


@pytest.fixture
def faults() -> Iterator[_Faults]:
    """Put a file system under SQLite whose disk fails on demand."""
    faults = _Faults()
    real = apsw.vfs_names()[0]

    class File(apsw.VFSFile):
        def __init__(self, name: Any, flags: Any) -> None:
            super().__init__(real, name, flags)

        def xSync(self, flags: int) -> None:  # noqa: N802
            faults.strike("sync")
            super().xSync(flags)

        def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
            faults.strike("write")
            super().xWrite(data, offset)

    class FileSystem(apsw.VFS):
        def __init__(self) -> None:
            super().__init__("faulty", real, makedefault=True)

        def xOpen(self, name: Any, flags: Any) -> File:  # noqa: N802
            return File(name, flags)

    file_system = FileSystem()
    yield faults
    faults.on = None
    file_system.unregister()


@pytest.mark.parametrize("calls", range(6))
async def test_a_failing_write_is_never_acknowledged(
    faults: _Faults, path: Path, calls: int
) -> None:
    """Whichever write to the disk fails, what was acknowledged is there, and no more is."""
    async with open_database(path) as database:
        await database.migrate(NOTES)
        await database.write(add("before"))
        faults.calls_until_then, faults.on = calls, "write"
        answers = await outcomes(*(database.write(add(str(n) * 5000)) for n in range(4)))
        faults.on = None
        kept = {answer for answer in answers if isinstance(answer, str)}
        failed = [answer for answer in answers if not isinstance(answer, str)]
        assert all(isinstance(error, Unavailable) for error in failed)
        assert {error.code for error in failed} == {"storage_failed"}
        assert await database.write(add("after")) == "after"
    assert set(notes_in(path)) == {"before", "after", *kept}


async def test_a_sync_that_fails_within_a_write_fails_all(database: Database) -> None:
    """Whoever shares the transaction hears of it, nothing is tried again, and nothing follows."""

    def fail(_: apsw.Connection) -> None:
        raise apsw.exception_for(apsw.SQLITE_IOERR_FSYNC)

    answers = await outcomes(database.write(add("a")), database.write(fail))
    answers += await outcomes(database.write(add("b")))
    assert [getattr(answer, "code", answer) for answer in answers] == ["storage_failed"] * 3


async def test_after_a_failed_sync_nothing_more_is_promised(faults: _Faults, path: Path) -> None:
    """The kernel may say of the next sync that all is well when it isn't: only a restart helps."""
    async with open_database(path) as database:
        await database.migrate(NOTES)
        await database.write(add("before"))
        faults.on = "sync"
        with pytest.raises(Unavailable) as error:
            await database.write(add("lost"))
        assert error.value.code == "storage_failed"
        faults.on = None
        with pytest.raises(Unavailable, match="started again"):
            await database.write(add("refused"))
        assert await database.read(lambda db: fetch(db, "SELECT note FROM notes")) == [("before",)]
    assert set(notes_in(path)) <= {"before", "lost"}
    async with open_database(path) as database:
        assert await database.write(add("again")) == "again"
