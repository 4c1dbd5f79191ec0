"""The database of this machine: one writer that commits in groups, and a few readers."""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import apsw

from imgtag.backends import Context
from imgtag.backends.local.lock import make_data_dir
from imgtag.backends.local.schema import Component, migrate, stamp
from imgtag.domain.errors import Invalid, Unavailable
from imgtag.pipeline.threads import Threads, see_through

T = TypeVar("T")
Work = Callable[[apsw.Connection], T]

FILE_NAME: Final = "imgtag.db"
READERS: Final = 3
MAX_GROUP: Final = 128
PATIENCE_SECONDS: Final = 0.02
BUSY_MILLISECONDS: Final = 10_000
WAL_BYTES: Final = 64 * 1024 * 1024
# Versions before this one can corrupt a WAL that two connections reset at once:
# sqlite.org/wal.html, "The WAL-Reset Bug".
OLDEST_SQLITE: Final = (3, 51, 3)
WITHDRAWN_SQLITE: Final = (3, 52, 0)

_WRITER: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
_READER: Final = apsw.SQLITE_OPEN_READONLY
_PAGES_KIB: Final = {_WRITER: 16 * 1024, _READER: 8 * 1024}
# After one of these, what the kernel still holds may differ from what is on the disk.
_LOST_SYNC: Final = frozenset({apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC})


@dataclass(slots=True, eq=False)
class _Job:
    """One write on its way, and what became of it."""

    work: Work[Any]
    answer: asyncio.Future[Any]
    patient: bool = False
    result: Any = None
    error: Exception | None = None

    def deliver(self) -> None:
        if self.answer.cancelled():
            return
        if self.error:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.result)


@dataclass(slots=True)
class _Group:
    """Writes that share one transaction."""

    jobs: Sequence[_Job]
    announcements: dict[Callable[[], None], None] = field(default_factory=dict)


class _Refused(Exception):
    """One of several writes has raised what it is to be refused with."""


class Database:
    """Runs reads and writes of all owners. See `open_database`."""

    def __init__(self, writer: apsw.Connection, readers: Sequence[apsw.Connection]) -> None:
        self._writer = writer
        # As many as threads, so that there is one for each. The one used last knows most by heart.
        self._idle_readers = list(readers)
        self._writing = Threads(1, "sqlite-writer")
        self._reading = Threads(len(readers), "sqlite-reader")
        self._waiting: deque[_Job] = deque()
        self._committing: asyncio.Future[_Group] | None = None
        self._announcements: dict[Callable[[], None], None] = {}
        self._closed = False
        self._distrusted = False

    async def read(self, work: Work[T]) -> T:
        """Run *work* in a reader's thread, on one snapshot of everything that was written.

        Raises `Unavailable`, code ``storage_failed`` or ``storage_full``, when the disk can't
        answer; what *work* raises itself passes through.
        """
        self._refuse_when_closed()
        return await self._reading.run(self._read, work)

    async def write(self, work: Work[T], *, patient: bool = False) -> T:
        """Run *work* in the writer's thread and answer once what it wrote is durable.

        Writes that wait at the same time share a transaction and its fsync; one that raises is
        undone alone, and the others are run once more. So *work* changes nothing but the database;
        it is quick, and leaves the transaction alone. A *patient* one waits a moment
        (`PATIENCE_SECONDS`) for others to go with, since a trip to the disk costs more than a row.
        A caller that is cancelled does not learn whether it was written, but nothing is written
        behind its back later on. Errors as in `read`.
        """
        self._refuse_when_closed()
        loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future(), patient)
        self._waiting.append(job)
        if patient:
            loop.call_later(PATIENCE_SECONDS, self._hurry, job)
        else:
            self._commit_soon()
        try:
            return cast("T", await job.answer)
        except asyncio.CancelledError:
            await self._withdraw(job)
            raise

    def after_commit(self, announce: Callable[[], None]) -> None:
        """Have *announce* called on the event loop once the running *work* is durable.

        For use by *work*. It may be called although *work* was undone, and once for several.
        """
        self._announcements[announce] = None

    async def migrate(self, component: Component) -> None:
        """Bring the tables of *component* up to date. `Invalid` for those of a later version."""
        await self.write(lambda db: migrate(db, component))

    async def close(self) -> None:
        """Let writes that were asked for finish, then refuse any more."""
        self._closed = True
        try:
            while committing := self._commit_next():
                await asyncio.wait([committing])
        finally:
            self._reading.close()
            self._writing.close()

    async def _withdraw(self, job: _Job) -> None:
        """Take *job* back; where it is too late for that, see its commit through."""
        if job in self._waiting:
            self._waiting.remove(job)
        elif self._committing:
            await see_through(self._committing)

    def _refuse_when_closed(self) -> None:
        if self._closed:
            msg = "the database is closed"
            raise Unavailable(msg, code="storage_closed")

    def _read(self, work: Work[T]) -> T:
        reader = self._idle_readers.pop()
        try:
            with storage_errors(), _transaction(reader):
                return work(reader)
        finally:
            self._idle_readers.append(reader)

    def _hurry(self, job: _Job) -> None:
        job.patient = False
        if job in self._waiting:
            self._commit_next()

    def _commit_soon(self) -> None:
        # Behind what is ready to run: whatever that writes shares the transaction.
        asyncio.get_running_loop().call_soon(self._commit_next)

    def _commit_next(self) -> "asyncio.Future[_Group] | None":
        """Commit what waits, unless a commit is under way; answer with the one that is then."""
        if self._waiting and not self._committing:
            size = min(len(self._waiting), MAX_GROUP)
            group = _Group([self._waiting.popleft() for _ in range(size)])
            self._committing = self._writing.run(self._commit, group)
            self._committing.add_done_callback(self._committed)
        return self._committing

    def _committed(self, committed: "asyncio.Future[_Group]") -> None:
        self._committing = None
        group = committed.result()
        for job in group.jobs:
            job.deliver()
        for announce in group.announcements:
            announce()
        if not all(job.patient for job in self._waiting):
            self._commit_soon()

    def _commit(self, group: _Group) -> _Group:
        self._announcements = group.announcements
        try:
            with storage_errors(), self._trusted():
                self._run(group)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the callers' to hear
            for job in group.jobs:
                job.error = job.error or error
        return group

    def _run(self, group: _Group) -> None:
        """Try all together, which mostly succeeds; where one raises, each by itself."""
        try:
            with _transaction(self._writer):
                for job in group.jobs:
                    self._do(job, alone=len(group.jobs) == 1)
        except _Refused:
            group.announcements.clear()
            with _transaction(self._writer):
                for job in group.jobs:
                    self._attempt(job)

    def _do(self, job: _Job, *, alone: bool) -> None:
        try:
            job.result = job.work(self._writer)
        except Exception as error:
            if alone or isinstance(error, apsw.IOError):
                raise
            raise _Refused from error

    def _attempt(self, job: _Job) -> None:
        try:
            with storage_errors(), _savepoint(self._writer):
                job.result = job.work(self._writer)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the caller's to hear
            if isinstance(error.__cause__, apsw.IOError):
                raise error.__cause__ from None  # what the disk holds is in doubt, for everybody
            job.error = error
        if job.error and not self._writer.in_transaction:
            # SQLite has undone the whole group, as it may when the disk is full.
            raise job.error

    @contextmanager
    def _trusted(self) -> Iterator[None]:
        """Write nothing more once an fsync has failed: the next one may claim success falsely."""
        if self._distrusted:
            msg = "the disk has failed; imgtag must be started again"
            raise Unavailable(msg, code="storage_failed")
        try:
            yield
        except apsw.IOError as error:
            self._distrusted = getattr(error, "extendedresult", 0) in _LOST_SYNC
            raise


@asynccontextmanager
async def open_database(path: Path, *, readers: int = READERS) -> AsyncIterator[Database]:
    """Open the database at *path*, made if it is absent, for this process.

    Raises `Invalid` where the SQLite library is too old to be trusted (``sqlite_too_old``), and
    where the file is another program's or a later version's; `Unavailable` as in `Database.read`.
    """
    refuse_old_sqlite(apsw.sqlite_lib_version())
    with ExitStack() as connections:
        writer = connections.enter_context(closing(await asyncio.to_thread(_open_writer, path)))
        # Left first, so that the writer is the last to close and takes the WAL in.
        pool = [connections.enter_context(closing(_connect(path, _READER))) for _ in range(readers)]
        database = Database(writer, pool)
        try:
            yield database
        finally:
            await database.close()


async def shared_database(context: Context) -> Database:
    """Give the one database that every part of this process stands on."""
    path = make_data_dir(context.settings.data_dir) / FILE_NAME
    return await context.shared("sqlite", lambda: open_database(path))


def fetch(db: apsw.Connection, sql: str, values: "apsw.Bindings | None" = None) -> list[Any]:
    """Run one statement and give its rows."""
    return db.execute(sql, values).fetchall()


def refuse_old_sqlite(version: str) -> None:
    """Raise `Invalid`, code ``sqlite_too_old``, for a *version* such as ``3.40.1``."""
    number = tuple(int(part) for part in version.split("."))
    if number < OLDEST_SQLITE or number == WITHDRAWN_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        msg = f"SQLite {version} can corrupt a database in WAL mode; {oldest} or later is needed"
        raise Invalid(msg, code="sqlite_too_old")


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn what SQLite raises when the disk can't do its part into `Unavailable`."""
    try:
        yield
    except apsw.FullError as error:
        msg = "the disk is full"
        raise Unavailable(msg, code="storage_full", retry_after_seconds=60) from error
    except apsw.BusyError as error:
        msg = "another program is writing to the database"
        raise Unavailable(msg, code="storage_busy") from error
    except (
        apsw.IOError,
        apsw.CantOpenError,
        apsw.ReadOnlyError,
        apsw.CorruptError,
        apsw.NotADBError,
        apsw.PermissionsError,
        apsw.AuthError,
    ) as error:
        msg = "the database can't be read or written"
        raise Unavailable(msg, code="storage_failed", retry_after_seconds=30) from error


@contextmanager
def _transaction(db: apsw.Connection) -> Iterator[None]:
    db.execute("BEGIN" if db.readonly("main") else "BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def _savepoint(db: apsw.Connection) -> Iterator[None]:
    db.execute("SAVEPOINT work")
    try:
        yield
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK TO work")
            db.execute("RELEASE work")
        raise
    db.execute("RELEASE work")


def _open_writer(path: Path) -> apsw.Connection:
    # The WAL takes its permissions over from the database.
    path.touch(mode=0o600)
    with storage_errors():
        writer = _connect(path, _WRITER)
        with ExitStack() as undo:
            undo.callback(writer.close)
            writer.pragma("journal_mode", "wal")
            writer.pragma("synchronous", "full")
            writer.pragma("foreign_keys", "on")
            writer.pragma("journal_size_limit", WAL_BYTES)
            # Else each savepoint of more than a few pages makes and removes a file.
            writer.pragma("temp_store", "memory")
            if sys.platform == "darwin":
                writer.pragma("fullfsync", "on")
            with _transaction(writer):
                stamp(writer)
            undo.pop_all()
    return writer


def _connect(path: Path, mode: int) -> apsw.Connection:
    with storage_errors():
        connection = apsw.Connection(str(path), flags=mode, statementcachesize=200)
        connection.set_busy_timeout(BUSY_MILLISECONDS)
        connection.pragma("cache_size", -_PAGES_KIB[mode])
        # Else whatever is read in an order is planned anew each time that other values are bound.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        return connection
