"""How long properties are searched for a counterexample, and a catalog to look into."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from imgtag.backends.local.catalog import SqliteCatalog
from imgtag.backends.local.catalog_schema import CATALOG
from imgtag.backends.local.database import FILE_NAME, Database, open_database
from imgtag.backends.local.queue import QUEUE, SqliteQueue
from imgtag.testing.clock import FixedClock

# A busy machine is no reason to fail, so no example has a deadline.
settings.register_profile("imgtag", deadline=None, max_examples=50)
settings.load_profile("imgtag")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """Open an empty database."""
    async with open_database(tmp_path / FILE_NAME) as database:
        await database.migrate(QUEUE)
        await database.migrate(CATALOG)
        yield database


@pytest.fixture
def catalog(database: Database, clock: FixedClock) -> SqliteCatalog:
    """Give an empty catalog."""
    return SqliteCatalog(database, clock, SqliteQueue(database, clock, topic="photos"))
