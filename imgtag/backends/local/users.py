"""The people of a server with local accounts, as rows in SQLite."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import apsw

from imgtag.backends.local.sessions import end_sessions
from imgtag.backends.local.times import from_micros_or_none, to_micros
from imgtag.backends.local.tokens import forget_tokens
from imgtag.domain.errors import Conflict, Invalid, NotFound
from imgtag.domain.ids import OwnerId

MAX_NAME_CHARACTERS: Final = 64
# Who owns what is uploaded without accounts, and then what the first account takes over.
FIRST_OWNER: Final = OwnerId("local")

SCHEMA: Final = """
CREATE TABLE users (
    owner TEXT PRIMARY KEY,
    username TEXT NOT NULL,
    folded TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL,
    password_set_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE former_users (
    owner TEXT PRIMARY KEY,
    username TEXT NOT NULL,
    removed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may sign in. *removed_at* is set for one who was removed."""

    owner: OwnerId
    username: str
    created_at: datetime | None
    removed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What proves a person: *password* is its hash, and *set_at* tells it from an earlier one."""

    owner: OwnerId
    username: str
    password: str
    set_at: int


def username_of(text: str) -> str:
    """Check a user name: 1 to 64 printable characters, no spaces at the ends.

    Raises `Invalid`, code ``invalid_username``.
    """
    name = unicodedata.normalize("NFC", text)
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS or not name.isprintable() or name != name.strip():
        msg = f"a user name is 1 to {MAX_NAME_CHARACTERS} printable characters"
        raise Invalid(msg, code="invalid_username", pointer="/username")
    return name


def folded(username: str) -> str:
    """Write *username* so that names which look alike to a person are one."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold())
    return text.encode(errors="replace").decode()


def find_user(db: apsw.Connection, username: str) -> Known | None:
    """Look a person up by name, in any case."""
    row = db.execute(
        "SELECT owner, username, password, password_set_at FROM users WHERE folded = ?",
        (folded(username),),
    ).fetchone()
    return Known(OwnerId(row[0]), *row[1:]) if row else None


def has_users(db: apsw.Connection) -> bool:
    """Tell whether there is any account."""
    return bool(db.execute("SELECT EXISTS (SELECT 1 FROM users)").get)


def list_users(db: apsw.Connection) -> Sequence[Account]:
    """List the accounts by name, then those that were removed."""
    rows = db.execute("SELECT owner, username, created_at, NULL FROM users ORDER BY folded")
    former = "SELECT owner, username, NULL, removed_at FROM former_users ORDER BY removed_at"
    return tuple(_account(row) for row in [*rows, *db.execute(former)])


def insert_user(db: apsw.Connection, account: Account, password: str, now: datetime) -> Known:
    """Add a person whose *password* is hashed already; old credentials of the owner end.

    Raises `Conflict`, code ``username_taken`` or ``owner_taken``.
    """
    if find_user(db, account.username):
        msg = f"there is already a user {account.username}"
        raise Conflict(msg, code="username_taken")
    if db.execute("SELECT 1 FROM users WHERE owner = ?", (account.owner,)).fetchone():
        msg = "these photos belong to another user"
        raise Conflict(msg, code="owner_taken")
    forget_tokens(db, account.owner)
    db.execute("DELETE FROM former_users WHERE owner = ?", (account.owner,))
    owner, name, at = account.owner, account.username, to_micros(now)
    db.execute(
        "INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)", (owner, name, folded(name), password, at, at)
    )
    return Known(owner, name, password, at)


def delete_user(db: apsw.Connection, username: str, now: datetime) -> Account:
    """Remove a person, the sessions and the tokens; the photos stay with the owner's id.

    Raises `NotFound`.
    """
    known = must_find_user(db, username)
    end_sessions(db, known.owner)
    forget_tokens(db, known.owner)
    db.execute("DELETE FROM users WHERE owner = ?", (known.owner,))
    db.execute(
        "INSERT INTO former_users VALUES (?, ?, ?)", (known.owner, known.username, to_micros(now))
    )
    return Account(known.owner, known.username, None, now)


def replace_password(db: apsw.Connection, username: str, password: str, now: datetime) -> None:
    """Store the hash *password*; sessions and tokens end. Raises `NotFound`."""
    known = must_find_user(db, username)
    db.execute(
        "UPDATE users SET password = ?, password_set_at = ? WHERE owner = ?",
        (password, max(to_micros(now), known.set_at + 1), known.owner),
    )
    end_sessions(db, known.owner)
    forget_tokens(db, known.owner)


def improve_hash(db: apsw.Connection, known: Known, better: str) -> None:
    """Store a *better* hash of the same password, if it is still the same."""
    db.execute(
        "UPDATE users SET password = ? WHERE owner = ? AND password_set_at = ?",
        (better, known.owner, known.set_at),
    )


def is_proven_still(db: apsw.Connection, known: Known) -> bool:
    """Tell whether the account and its password are those that were checked."""
    now = find_user(db, known.username)
    return now is not None and (now.owner, now.set_at) == (known.owner, known.set_at)


def must_find_user(db: apsw.Connection, username: str) -> Known:
    """Look a person up, or raise `NotFound`."""
    known = find_user(db, username)
    if known is None:
        msg = f"there is no user {username}"
        raise NotFound(msg)
    return known


def name_of(db: apsw.Connection, owner: OwnerId) -> str | None:
    """Tell the user name of *owner*, or None without an account."""
    row = db.execute("SELECT username FROM users WHERE owner = ?", (owner,)).fetchone()
    return row[0] if row else None


def is_former(db: apsw.Connection, owner: OwnerId) -> bool:
    """Tell whether *owner* had an account once."""
    return bool(db.execute("SELECT 1 FROM former_users WHERE owner = ?", (owner,)).fetchone())


def _account(row: Any) -> Account:
    owner, username, *times = row
    created_at, removed_at = map(from_micros_or_none, times)
    return Account(OwnerId(owner), username, created_at, removed_at)
