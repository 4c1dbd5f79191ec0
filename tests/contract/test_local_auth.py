"""Local accounts, and the mode without any, keep the contracts of authenticators."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import apsw
import pytest
from argon2 import PasswordHasher

from imgtag.backends import Context
from imgtag.backends.local.accounts import LocalAccounts, open_local, open_none
from imgtag.backends.local.no_accounts import NoAccounts
from imgtag.domain.errors import Conflict, Unauthenticated
from imgtag.ports import Authenticator, Principal
from imgtag.settings import Settings
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.authenticator import (
    PASSWORD,
    ApiTokenContract,
    AuthenticatorContract,
    PasswordContract,
    set_up,
)

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def dump(data_dir: Path) -> str:
    """Read every row of every table with a connection of our own."""
    database = apsw.Connection(str(data_dir / "imgtag.db"), flags=apsw.SQLITE_OPEN_READONLY)
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema") if name]
    rows = [
        row
        for table in tables
        if not table.startswith("sqlite_") and "_of_" not in table
        for row in database.execute(f'SELECT * FROM "{table}"')  # noqa: S608
    ]
    database.close()
    return repr(rows)


class TestLocalAccounts(
    AuthenticatorContract[LocalAccounts],
    PasswordContract[LocalAccounts],
    ApiTokenContract[LocalAccounts],
):
    """Accounts in SQLite."""

    @pytest.fixture
    async def auth(self, tmp_path: Path, clock: FixedClock) -> AsyncIterator[LocalAccounts]:
        """Open mode ``local`` on an empty data folder."""
        self.data_dir = tmp_path
        async with AsyncExitStack() as stack:
            context = Context(Settings.model_validate({"data_dir": tmp_path}), clock, stack)
            yield await stack.enter_async_context(open_local(context, hasher=QUICK))

    async def people(self, auth: LocalAccounts) -> tuple[Principal, Principal]:
        """Add two accounts."""
        for name in ("ada", "bob"):
            await auth.add_user(name, PASSWORD)
        return await auth.principal("ada"), await auth.principal("bob")

    async def at_rest(self, auth: LocalAccounts) -> str:
        """Look into the database."""
        assert auth.mode == "local"
        return dump(self.data_dir)

    async def test_a_session_ends_on_time(self, auth: LocalAccounts, clock: FixedClock) -> None:
        """One that is used is good until the moment that was said, and not after."""
        session = await set_up(auth)
        while session.expires_at - clock.now() > timedelta(days=20):
            clock.advance(timedelta(days=20))
            assert await auth.by_session(session.secret) == session.principal
        clock.advance(session.expires_at - clock.now() - timedelta(milliseconds=1))
        assert await auth.by_session(session.secret) == session.principal
        clock.advance(timedelta(milliseconds=1))
        with pytest.raises(Unauthenticated):
            await auth.by_session(session.secret)


class TestNoAccounts(AuthenticatorContract[Authenticator]):
    """Everybody on this machine is one owner."""

    @pytest.fixture
    async def auth(self, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Authenticator]:
        """Open mode ``none`` on an empty data folder."""
        async with AsyncExitStack() as stack:
            context = Context(Settings.model_validate({"data_dir": tmp_path}), clock, stack)
            yield await stack.enter_async_context(open_none(context))

    async def test_there_is_no_account_to_set_up(self, auth: Authenticator) -> None:
        """No code makes one."""
        assert isinstance(auth, NoAccounts)
        assert await auth.setup_code() is None
        with pytest.raises(Conflict):
            await auth.set_up("", "eve", PASSWORD)
