"""API tokens in SQLite: made once, shown once, kept as a hash."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import apsw

from imgtag.backends.local.database import Database
from imgtag.backends.local.times import (
    from_micros,
    from_micros_or_none,
    to_micros,
    to_micros_or_none,
)
from imgtag.domain.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from imgtag.domain.ids import OwnerId, TokenId
from imgtag.ports import ApiToken, Clock, Principal, Scope

PREFIX: Final = "imgtag_"
MAX_TOKENS: Final = 100
MAX_NAME_CHARACTERS: Final = 100
_SECRET_BYTES: Final = 32
_MAX_SECRET_CHARACTERS: Final = 200
# Often enough to see which tokens lie idle, rarely enough to cost no write per request.
_USE_RECORDED_EVERY: Final = timedelta(hours=1)

SCHEMA: Final = """
CREATE TABLE api_tokens (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    secret_sha256 BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX api_tokens_of_owner ON api_tokens (owner, id);
"""

_COLUMNS: Final = "id, name, scopes, created_at, expires_at, last_used_at"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a token speaks for, and what it may do."""

    owner: OwnerId
    token: ApiToken


def new_secret() -> str:
    """Make 256 random bits, as text that a URL and a cookie take."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def digest(secret: str) -> bytes:
    """Hash a secret of 256 random bits; nothing slower is needed for what nobody can guess."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()


class ApiTokens:
    """The API tokens of all owners."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def of(self, owner: OwnerId) -> Sequence[ApiToken]:
        """List the owner's tokens, oldest first."""
        rows = await self._database.read(
            lambda db: db.execute(
                f"SELECT {_COLUMNS} FROM api_tokens WHERE owner = ? ORDER BY created_at, id",  # noqa: S608
                (owner,),
            ).fetchall()
        )
        return tuple(_token(row) for row in rows)

    async def create(
        self,
        principal: Principal,
        name: str,
        scopes: frozenset[Scope],
        expires_at: datetime | None,
    ) -> tuple[ApiToken, str]:
        """Make a token; see `imgtag.ports.Authenticator.create_token`."""
        if principal.token is not None:
            msg = "an API token can't make tokens; sign in for that"
            raise Forbidden(msg, code="token_cannot_make_tokens")
        now = self._clock.now()
        _check(name, scopes, expires_at, now)
        token = ApiToken(TokenId.mint(now, secrets.token_bytes(10)), name, scopes, now, expires_at)
        secret = PREFIX + new_secret()
        await self._database.write(lambda db: _insert(db, principal.owner, token, digest(secret)))
        return token, secret

    async def revoke(self, owner: OwnerId, token: TokenId) -> None:
        """End a token at once, or raise `NotFound`."""

        def delete(db: apsw.Connection) -> int:
            db.execute("DELETE FROM api_tokens WHERE owner = ? AND id = ?", (owner, token))
            return db.changes()

        if not await self._database.write(delete):
            msg = "there is no such token"
            raise NotFound(msg)

    async def find(self, secret: str) -> Bearer:
        """Find what *secret* stands for, or raise `Unauthenticated`."""
        bearer = await self._read(secret)
        now = self._clock.now()
        if bearer is None or (bearer.token.expires_at and now >= bearer.token.expires_at):
            msg = "this token is not valid, or not any more"
            raise Unauthenticated(msg)
        used_at = bearer.token.last_used_at
        if used_at is None or now - used_at >= _USE_RECORDED_EVERY:
            await self._record_use(bearer.token.id, now)
        return bearer

    async def _read(self, secret: str) -> Bearer | None:
        if not secret.startswith(PREFIX) or len(secret) > _MAX_SECRET_CHARACTERS:
            return None
        row = await self._database.read(
            lambda db: db.execute(
                f"SELECT {_COLUMNS}, owner FROM api_tokens WHERE secret_sha256 = ?",  # noqa: S608
                (digest(secret),),
            ).fetchone()
        )
        return Bearer(OwnerId(row[-1]), _token(row[:-1])) if row else None

    async def _record_use(self, token: TokenId, now: datetime) -> None:
        def record(db: apsw.Connection) -> None:
            db.execute(
                "UPDATE api_tokens SET last_used_at = ? WHERE id = ?", (to_micros(now), token)
            )

        await self._database.write(record)


def forget_tokens(db: apsw.Connection, owner: OwnerId) -> None:
    """End every token of *owner*, within the caller's transaction."""
    db.execute("DELETE FROM api_tokens WHERE owner = ?", (owner,))


def _check(name: str, scopes: frozenset[Scope], expires_at: datetime | None, now: datetime) -> None:
    if not 1 <= len(name.strip()) <= MAX_NAME_CHARACTERS or not name.isprintable():
        msg = f"a token's name is 1 to {MAX_NAME_CHARACTERS} printable characters"
        raise Invalid(msg, pointer="/name")
    if not scopes:
        msg = "a token has at least one scope"
        raise Invalid(msg, pointer="/scopes")
    if expires_at is not None and expires_at <= now:
        msg = "a token's end lies in the future"
        raise Invalid(msg, pointer="/expires_at")


def _insert(db: apsw.Connection, owner: OwnerId, token: ApiToken, sha256: bytes) -> None:
    known = db.execute("SELECT count(*) FROM api_tokens WHERE owner = ?", (owner,)).get
    if known >= MAX_TOKENS:
        msg = f"one owner has at most {MAX_TOKENS} tokens; revoke one first"
        raise Conflict(msg, code="too_many_tokens")
    db.execute(
        "INSERT INTO api_tokens VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
        (
            token.id,
            owner,
            token.name,
            " ".join(sorted(token.scopes)),
            sha256,
            to_micros(token.created_at),
            to_micros_or_none(token.expires_at),
        ),
    )


def _token(row: Any) -> ApiToken:
    token, name, scopes, created_at, expires_at, last_used_at = row
    return ApiToken(
        TokenId(token),
        name,
        frozenset(Scope(word) for word in scopes.split()),
        from_micros(created_at),
        from_micros_or_none(expires_at),
        from_micros_or_none(last_used_at),
    )
