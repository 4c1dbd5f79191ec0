"""The local backends keep every contract; SQLite's own eyes see what they wrote."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest

from imgtag.backends.local.bundles import BUNDLES, SqliteBundleStore
from imgtag.backends.local.catalog import SqliteCatalog
from imgtag.backends.local.catalog_schema import CATALOG
from imgtag.backends.local.database import FILE_NAME, Database, open_database
from imgtag.backends.local.files import FileBlobStore, open_blobs
from imgtag.backends.local.imports import IMPORTS, SqliteImportStore
from imgtag.backends.local.mail import SmtpMail
from imgtag.backends.local.outbox import OutboxNotifier
from imgtag.backends.local.queue import QUEUE, SqliteQueue
from imgtag.backends.local.records import RECORDS, SqliteRecordStore
from imgtag.domain.addresses import Channel
from imgtag.domain.ids import BundleId, ImportId, OwnerId, PhotoId
from imgtag.domain.keys import BlobKey
from imgtag.domain.photos import PhotoState
from imgtag.ports import Notice
from imgtag.settings import Settings
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.blob_store import BlobStoreContract
from imgtag.testing.contracts.bundle_store import BundleStoreContract
from imgtag.testing.contracts.catalog import CatalogContract
from imgtag.testing.contracts.catalog_base import Row
from imgtag.testing.contracts.event_queue import EventQueueContract
from imgtag.testing.contracts.import_store import ImportStoreContract
from imgtag.testing.contracts.notifier import NotifierContract
from imgtag.testing.contracts.record_store import RecordStoreContract
from imgtag.testing.photos import ADA, BOB
from tests.unit.mail_server import mail_server


async def look(path: Path, sql: str, *values: Any) -> list[Any]:
    """Run one statement on a connection of the test's own."""

    def run() -> list[Any]:
        connection = apsw.Connection(str(path))
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    return await asyncio.to_thread(run)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name the database."""
    return tmp_path / FILE_NAME


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    """Open an empty database."""
    async with open_database(path) as database:
        yield database


class TestBlobStore(BlobStoreContract[FileBlobStore]):
    """Blobs as files."""

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[FileBlobStore]:
        """Open an empty store."""
        async with open_blobs(tmp_path / "blobs") as store:
            yield store

    async def raw_bytes(self, store: FileBlobStore, key: BlobKey) -> bytes | None:
        """Find the file by walking the folders."""
        owner = "".join(f"={c.lower()}" if c.isupper() else c for c in key.owner)
        found = [
            path for path in store._root.rglob(str(key.name)) if f"{key.kind}/{owner}/" in str(path)
        ]
        return found[0].read_bytes() if found else None

    async def plant(self, store: FileBlobStore, key: BlobKey, content: bytes) -> None:
        """Copy a file there, as somebody who restores a backup does."""
        path = store._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    async def leftovers(self, store: FileBlobStore) -> int:
        """Count files that are still on their way in."""
        return sum(path.is_file() for path in (store._root / "incoming").rglob("*"))


class TestEventQueue(EventQueueContract[SqliteQueue]):
    """Events as rows."""

    @pytest.fixture
    async def queue(self, database: Database, clock: FixedClock) -> SqliteQueue:
        """Open an empty queue."""
        await database.migrate(QUEUE)
        return SqliteQueue(database, clock, topic="photos")

    @pytest.fixture(autouse=True)
    def _known_path(self, path: Path) -> None:
        self._path = path

    async def plant(self, queue: SqliteQueue, body: str) -> None:
        """Insert a row that is due."""
        sql = "INSERT INTO events (topic, body, due_at) VALUES (?, ?, 0)"
        await look(self._path, sql, queue.topic, body)

    async def bodies(self, queue: SqliteQueue) -> Sequence[str]:
        """Select the rows of the topic."""
        sql = "SELECT body FROM events WHERE topic = ?"
        return [body for (body,) in await look(self._path, sql, queue.topic)]


class TestCatalog(CatalogContract[SqliteCatalog]):
    """Photos as rows, in the database of their events."""

    @pytest.fixture
    async def events(self, database: Database, clock: FixedClock) -> SqliteQueue:
        """Open an empty queue."""
        await database.migrate(QUEUE)
        return SqliteQueue(database, clock, topic="photos")

    @pytest.fixture
    async def catalog(
        self, database: Database, clock: FixedClock, events: SqliteQueue
    ) -> SqliteCatalog:
        """Open an empty catalog."""
        await database.migrate(CATALOG)
        return SqliteCatalog(database, clock, events)

    @pytest.fixture(autouse=True)
    def _known_path(self, path: Path) -> None:
        self._path = path

    async def rows(self, catalog: SqliteCatalog) -> Collection[Row]:
        """Select the rows."""
        sql = "SELECT name, id, state FROM photos JOIN owners USING (owner)"
        return [
            (OwnerId(owner), PhotoId(photo), PhotoState(state))
            for owner, photo, state in await look(self._path, sql)
        ]

    async def spoil_counts(self, catalog: SqliteCatalog, owner: OwnerId) -> None:
        """Add to every count of the owner, and clear a shelf."""
        sql = """UPDATE labels SET photos = photos + 7
            WHERE owner = (SELECT owner FROM owners WHERE name = ?)"""
        await look(self._path, sql, owner)
        await look(self._path, "DELETE FROM shelf_created")


class TestBundleStore(BundleStoreContract[SqliteBundleStore]):
    """Bundles as rows, in the database of their events."""

    @pytest.fixture
    async def events(self, database: Database, clock: FixedClock) -> SqliteQueue:
        """Open an empty queue."""
        await database.migrate(QUEUE)
        return SqliteQueue(database, clock, topic="bundles")

    @pytest.fixture
    async def bundles(
        self, database: Database, clock: FixedClock, events: SqliteQueue
    ) -> SqliteBundleStore:
        """Open an empty store."""
        await database.migrate(BUNDLES)
        return SqliteBundleStore(database, clock, events)

    @pytest.fixture(autouse=True)
    def _known_path(self, path: Path) -> None:
        self._path = path

    async def rows(self, bundles: SqliteBundleStore) -> Collection[tuple[OwnerId, BundleId, int]]:
        """Select the rows."""
        rows = await look(self._path, "SELECT owner, id, revision FROM bundles")
        return [(OwnerId(owner), BundleId(bundle), revision) for owner, bundle, revision in rows]


class TestRecordStore(RecordStoreContract[SqliteRecordStore]):
    """Records as rows."""

    @pytest.fixture
    async def records(self, database: Database, clock: FixedClock) -> SqliteRecordStore:
        """Open an empty store."""
        await database.migrate(RECORDS)
        return SqliteRecordStore(database, clock)

    @pytest.fixture(autouse=True)
    def _known_path(self, path: Path) -> None:
        self._path = path

    async def kept(self, records: SqliteRecordStore) -> str:
        """Select the rows."""
        return repr(await look(self._path, "SELECT * FROM records"))


class TestImportStore(ImportStoreContract[SqliteImportStore]):
    """Imports as rows, in the database of their events."""

    @pytest.fixture
    async def events(self, database: Database, clock: FixedClock) -> SqliteQueue:
        """Open an empty queue."""
        await database.migrate(QUEUE)
        return SqliteQueue(database, clock, topic="bundles")

    @pytest.fixture
    async def imports(
        self, database: Database, clock: FixedClock, events: SqliteQueue
    ) -> SqliteImportStore:
        """Open an empty store."""
        await database.migrate(IMPORTS)
        return SqliteImportStore(database, clock, events)

    @pytest.fixture(autouse=True)
    def _known_path(self, path: Path) -> None:
        self._path = path

    async def rows(self, imports: SqliteImportStore) -> Collection[tuple[OwnerId, ImportId, int]]:
        """Select the rows."""
        rows = await look(self._path, "SELECT owner, id, revision FROM imports")
        return [(OwnerId(owner), ImportId(each), revision) for owner, each, revision in rows]


class TestNotifier(NotifierContract[OutboxNotifier]):
    """News as files."""

    @pytest.fixture(autouse=True)
    def _known_places(self, tmp_path: Path, path: Path) -> None:
        self._folder, self._path = tmp_path / "outbox", path

    @pytest.fixture
    async def notifier(self, database: Database, clock: FixedClock) -> OutboxNotifier:
        """Open an empty outbox."""
        self._folder.mkdir()
        await database.migrate(RECORDS)
        return OutboxNotifier(self._folder, SqliteRecordStore(database, clock))

    async def arrived(self, notifier: OutboxNotifier, owner: OwnerId) -> Sequence[tuple[str, str]]:
        """Read the files."""
        notices = [json.loads(path.read_bytes()) for path in self._folder.glob("*.json")]
        return [(n["subject"], n["text"]) for n in notices if n["owner"] == owner]

    async def addresses(self, notifier: OutboxNotifier, owner: OwnerId) -> Mapping[Channel, str]:
        """Send something and read whom the file is for."""
        await notifier.notify(Notice("look", owner, "Look", "Where does this go?"))
        to = json.loads((self._folder / "look.json").read_bytes())["to"]
        return {Channel(name): address for name, address in to.items()}


class TestMail(TestNotifier):
    """News as mail, to a mail server of the test's own."""

    @pytest.fixture
    async def notifier(
        self, database: Database, clock: FixedClock
    ) -> AsyncIterator[OutboxNotifier]:
        """Open an outbox that sends mail."""
        self._folder.mkdir()
        await database.migrate(RECORDS)
        async with mail_server() as self._mailbox:
            settings = Settings(
                smtp_host="127.0.0.1",
                smtp_port=self._mailbox.port,
                smtp_tls="none",
                smtp_from="imgtag <photos@example.org>",
            )
            records = SqliteRecordStore(database, clock)
            notifier = OutboxNotifier(self._folder, records, SmtpMail(settings, clock))
            for owner in (ADA, BOB):
                await notifier.subscribe(owner, Channel.EMAIL, f"{owner}@example.net")
            yield notifier

    async def arrived(self, notifier: OutboxNotifier, owner: OwnerId) -> Sequence[tuple[str, str]]:
        """Look into the mailbox."""
        letters = self._mailbox.letters
        return [(each.subject, each.text) for each in letters if each.to == f"{owner}@example.net"]
