"""Sessions in SQLite: the cookie's secret is kept as a hash, and each can be ended at once."""

from datetime import datetime, timedelta
from typing import Final

import apsw

from imgtag.backends.local.database import Database
from imgtag.backends.local.times import from_micros, to_micros
from imgtag.backends.local.tokens import digest
from imgtag.domain.errors import Unauthenticated
from imgtag.domain.ids import OwnerId
from imgtag.ports import Clock

# Unused for this long, a session ends; used or not, it ends after the longer one.
IDLE: Final = timedelta(days=30)
LONGEST: Final = timedelta(days=180)
MAX_SESSIONS: Final = 50
_MAX_SECRET_CHARACTERS: Final = 200
# A session that is used is moved on once a day, not with each request.
_MOVED_EVERY: Final = timedelta(days=1)

SCHEMA: Final = """
CREATE TABLE sessions (
    secret_sha256 BLOB PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES users (owner) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    idle_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_owner ON sessions (owner, created_at);
"""


class Sessions:
    """Who is signed in."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def find(self, secret: str) -> tuple[OwnerId, str]:
        """Tell the owner and user name behind *secret*, or raise `Unauthenticated`."""
        now = self._clock.now()
        key = digest(secret[:_MAX_SECRET_CHARACTERS])
        row = await self._database.read(
            lambda db: db.execute(
                "SELECT owner, username, idle_at FROM sessions JOIN users USING (owner)"
                " WHERE secret_sha256 = ? AND min(idle_at, ends_at) > ?",
                (key, to_micros(now)),
            ).fetchone()
        )
        if row is None:
            msg = "this session has ended; sign in again"
            raise Unauthenticated(msg)
        owner, username, idle_at = row
        if from_micros(idle_at) - now < IDLE - _MOVED_EVERY:
            await self._move(key, now)
        return OwnerId(owner), username

    async def end(self, secret: str) -> None:
        """End it at once; unknown is fine."""
        key = digest(secret[:_MAX_SECRET_CHARACTERS])

        def delete(db: apsw.Connection) -> None:
            db.execute("DELETE FROM sessions WHERE secret_sha256 = ?", (key,))

        await self._database.write(delete)

    async def _move(self, key: bytes, now: datetime) -> None:
        def move(db: apsw.Connection) -> None:
            db.execute(
                "UPDATE sessions SET idle_at = ? WHERE secret_sha256 = ?",
                (to_micros(now + IDLE), key),
            )

        await self._database.write(move)


def begin_session(db: apsw.Connection, owner: OwnerId, secret: str, now: datetime) -> datetime:
    """Add a session within the caller's transaction, and say when it ends at the latest.

    What has ended is cleared away, and so is the oldest of an owner who has `MAX_SESSIONS`.
    """
    db.execute("DELETE FROM sessions WHERE min(idle_at, ends_at) <= ?", (to_micros(now),))
    db.execute(
        "DELETE FROM sessions WHERE secret_sha256 IN (SELECT secret_sha256 FROM sessions"
        " WHERE owner = ? ORDER BY created_at DESC LIMIT -1 OFFSET ?)",
        (owner, MAX_SESSIONS - 1),
    )
    db.execute(
        "INSERT INTO sessions VALUES (?, ?, ?, ?, ?)",
        (digest(secret), owner, to_micros(now), to_micros(now + IDLE), to_micros(now + LONGEST)),
    )
    return now + LONGEST


def end_sessions(db: apsw.Connection, owner: OwnerId) -> None:
    """End every session of *owner*, within the caller's transaction."""
    db.execute("DELETE FROM sessions WHERE owner = ?", (owner,))
