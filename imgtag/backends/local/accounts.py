"""Who may use this server: everybody on this machine, or people with accounts of its own."""

import hmac
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Final

import apsw
from argon2 import PasswordHasher

from imgtag.backends import Context
from imgtag.backends.local import sessions, tokens, users
from imgtag.backends.local.database import Database, shared_database
from imgtag.backends.local.no_accounts import NoAccounts
from imgtag.backends.local.passwords import PasswordHashing, hashing, password_of
from imgtag.backends.local.schema import Component
from imgtag.backends.local.sessions import Sessions, begin_session
from imgtag.backends.local.throttle import SignInThrottle
from imgtag.backends.local.tokens import ApiTokens, new_secret
from imgtag.backends.local.users import FIRST_OWNER, Account, Known
from imgtag.domain.errors import Conflict, Forbidden, Unauthenticated, Unavailable
from imgtag.domain.ids import OwnerId, TokenId
from imgtag.ports import ApiToken, Authenticator, Clock, Principal, Scope, SignedIn

ACCOUNTS: Final = Component("accounts", (users.SCHEMA + sessions.SCHEMA + tokens.SCHEMA,))

# Longer than any user name, in whatever way its characters are composed.
_MOST_CHARACTERS: Final = 256
_CODE_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_CODE_GROUPS: Final = 4
_CODE_GROUP_CHARACTERS: Final = 5


class LocalAccounts:
    """Mode ``local``: people with a password, sessions kept here, and API tokens."""

    mode = "local"
    code_flow = None

    def __init__(self, database: Database, clock: Clock, passwords: PasswordHashing) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords
        self._sessions = Sessions(database, clock)
        self._tokens = ApiTokens(database, clock)
        self._throttle = SignInThrottle()
        self._code = new_setup_code()

    async def anonymous(self) -> Principal | None:
        return None

    async def by_session(self, secret: str) -> Principal:
        owner, username = await self._sessions.find(secret)
        return Principal(owner, username)

    async def by_bearer(self, token: str) -> Principal:
        bearer = await self._tokens.find(token)
        username = await self._database.read(lambda db: users.name_of(db, bearer.owner))
        if username is None:
            msg = "this token is not valid, or not any more"
            raise Unauthenticated(msg)
        return Principal(bearer.owner, username, bearer.token.scopes, bearer.token.id)

    async def sign_in(self, username: str, password: str) -> SignedIn:
        username = username[:_MOST_CHARACTERS]
        name = users.folded(username)
        self._throttle.begin(name, self._clock.now())
        try:
            known = await self._proven(username, password)
        except Unavailable:
            self._throttle.undo(name, self._clock.now())
            raise
        if known is None:
            raise _wrong_credentials()
        self._throttle.forgive(name, self._clock.now())
        return await self._begin(known)

    async def sign_out(self, secret: str) -> None:
        await self._sessions.end(secret)

    async def setup_code(self) -> str | None:
        return None if await self._database.read(users.has_users) else self._code

    async def set_up(self, code: str, username: str, password: str) -> SignedIn:
        if await self._database.read(users.has_users):
            raise _set_up_already()
        if not hmac.compare_digest(_bare(code), _bare(self._code)):
            msg = "that is not the code which the server printed at its start"
            raise Forbidden(msg, code="wrong_setup_code")
        account, hashed = await self._prepared(username, password)

        def add_first(db: apsw.Connection) -> Known:
            if users.has_users(db):
                raise _set_up_already()
            return _add(db, account, hashed, self._clock.now())

        return await self._begin(await self._database.write(add_first))

    async def tokens(self, owner: OwnerId) -> Sequence[ApiToken]:
        return await self._tokens.of(owner)

    async def create_token(
        self,
        principal: Principal,
        name: str,
        scopes: frozenset[Scope],
        expires_at: datetime | None,
    ) -> tuple[ApiToken, str]:
        return await self._tokens.create(principal, name, scopes, expires_at)

    async def revoke_token(self, owner: OwnerId, token: TokenId) -> None:
        await self._tokens.revoke(owner, token)

    # What follows is for whoever runs the server; no route leads here.

    async def principal(self, username: str) -> Principal:
        """Tell whom *username* names, or raise `NotFound`."""
        known = await self._database.read(lambda db: users.must_find_user(db, username))
        return Principal(known.owner, known.username)

    async def list_users(self) -> Sequence[Account]:
        """List the accounts by name, then the removed ones whose photos nobody took over."""
        return await self._database.read(users.list_users)

    async def add_user(
        self, username: str, password: str, *, owner: OwnerId | None = None
    ) -> Account:
        """Add a person; *owner* hands over what a removed account has left.

        The first person takes over what was uploaded without accounts. Raises `Invalid` for the
        name or the password, `Conflict` when the name or the owner has an account.
        """
        account, hashed = await self._prepared(username, password)
        now = self._clock.now()
        if owner is None:
            known = await self._database.write(lambda db: _add(db, account, hashed, now))
            return replace(account, owner=known.owner)
        heir = replace(account, owner=owner)
        await self._database.write(lambda db: users.insert_user(db, heir, hashed, now))
        return heir

    async def remove_user(self, username: str) -> Account:
        """Remove an account with its sessions and tokens, or raise `NotFound`.

        The photos stay under the owner's id, until `add_user` hands them to somebody.
        """
        now = self._clock.now()
        return await self._database.write(lambda db: users.delete_user(db, username, now))

    async def set_password(self, username: str, password: str) -> None:
        """Replace a password; sessions and tokens end. Raises `NotFound` or `Invalid`."""
        hashed, now = await self._passwords.hash(password_of(password)), self._clock.now()
        await self._database.write(lambda db: users.replace_password(db, username, hashed, now))

    async def _proven(self, username: str, password: str) -> Known | None:
        known = await self._database.read(lambda db: users.find_user(db, username))
        if not await self._passwords.verify(known.password if known else None, password):
            return None
        if known and self._passwords.outdated(known.password):
            better = await self._passwords.hash(password)
            await self._database.write(lambda db: users.improve_hash(db, known, better))
        return known

    async def _begin(self, known: Known) -> SignedIn:
        secret, now = new_secret(), self._clock.now()

        def begin(db: apsw.Connection) -> datetime:
            # The account may have changed while the password was being checked.
            if not users.is_proven_still(db, known):
                raise _wrong_credentials()
            return begin_session(db, known.owner, secret, now)

        expires_at = await self._database.write(begin)
        return SignedIn(Principal(known.owner, known.username), secret, expires_at)

    async def _prepared(self, username: str, password: str) -> tuple[Account, str]:
        name, secret, now = users.username_of(username), password_of(password), self._clock.now()
        owner = OwnerId.mint(now, secrets.token_bytes(10))
        return Account(owner, name, now), await self._passwords.hash(secret)


@asynccontextmanager
async def open_none(context: Context) -> AsyncIterator[Authenticator]:
    """Open mode ``none``."""
    database = await _open_tables(context)
    yield NoAccounts(ApiTokens(database, context.clock))


@asynccontextmanager
async def open_local(
    context: Context, *, hasher: PasswordHasher | None = None
) -> AsyncIterator[LocalAccounts]:
    """Open mode ``local``; *hasher* is for tests that have no time for real hashing."""
    database = await _open_tables(context)
    with hashing(hasher) as passwords:
        yield LocalAccounts(database, context.clock, passwords)


async def _open_tables(context: Context) -> Database:
    database = await shared_database(context)
    await database.migrate(ACCOUNTS)
    return database


def new_setup_code() -> str:
    """Make the code for the first account: 100 random bits that a person can type."""
    groups = (
        "".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_GROUP_CHARACTERS))
        for _ in range(_CODE_GROUPS)
    )
    return "-".join(groups)


def _bare(code: str) -> bytes:
    return "".join(code.split()).replace("-", "").lower().encode(errors="replace")


def _add(db: apsw.Connection, account: Account, hashed: str, now: datetime) -> Known:
    if not users.has_users(db) and not users.is_former(db, FIRST_OWNER):
        account = replace(account, owner=FIRST_OWNER)
    return users.insert_user(db, account, hashed, now)


def _wrong_credentials() -> Unauthenticated:
    msg = "the user name or the password is wrong"
    return Unauthenticated(msg, code="wrong_credentials")


def _set_up_already() -> Conflict:
    msg = "this server has its first account already"
    return Conflict(msg, code="already_set_up")
