"""Local accounts: who gets in, for how long, and what an account takes with it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median

import pytest
from argon2 import PasswordHasher
from argon2.profiles import RFC_9106_LOW_MEMORY

from imgtag.backends import Context
from imgtag.backends.local.accounts import LocalAccounts, open_local, open_none
from imgtag.backends.local.passwords import hashing
from imgtag.backends.local.sessions import IDLE, LONGEST, MAX_SESSIONS
from imgtag.backends.local.tokens import MAX_TOKENS
from imgtag.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Unauthenticated,
)
from imgtag.domain.ids import OwnerId, TokenId
from imgtag.ports import Authenticator, Principal, Scope
from imgtag.settings import Settings
from imgtag.testing.clock import FixedClock

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse"
BOTH = frozenset(Scope)


@asynccontextmanager
async def opened(
    data_dir: Path, clock: FixedClock, hasher: PasswordHasher = QUICK
) -> AsyncIterator[LocalAccounts]:
    """Open mode ``local`` as a process does."""
    async with AsyncExitStack() as stack:
        context = Context(
            Settings.model_validate({"data_dir": data_dir, "auth": "local"}), clock, stack
        )
        yield await stack.enter_async_context(open_local(context, hasher=hasher))


def files_in(folder: Path) -> list[Path]:
    """List the files directly in *folder*."""
    return [path for path in folder.iterdir() if path.is_file()]


@pytest.fixture
async def accounts(tmp_path: Path, clock: FixedClock) -> AsyncIterator[LocalAccounts]:
    """A server with local accounts, and nobody yet."""
    async with opened(tmp_path, clock) as accounts:
        yield accounts


@pytest.fixture
async def no_accounts(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Authenticator]:
    """A server without accounts."""
    async with AsyncExitStack() as stack:
        context = Context(Settings.model_validate({"data_dir": tmp_path}), clock, stack)
        yield await stack.enter_async_context(open_none(context))


async def set_up(accounts: LocalAccounts, username: str = "ada") -> Principal:
    """Make the first account."""
    code = await accounts.setup_code()
    assert code
    return (await accounts.set_up(code, username, PASSWORD)).principal


class TestFirstAccount:
    """Setting up."""

    async def test_the_code_makes_one_account(self, accounts: LocalAccounts) -> None:
        """The code signs its holder in, works once, and is not told afterwards."""
        code = await accounts.setup_code()
        assert code
        signed_in = await accounts.set_up(code.upper().replace("-", " "), "ada", PASSWORD)
        assert await accounts.by_session(signed_in.secret) == signed_in.principal
        assert await accounts.setup_code() is None
        with pytest.raises(Conflict):
            await accounts.set_up(code, "bob", PASSWORD)

    async def test_another_code_makes_none(self, accounts: LocalAccounts) -> None:
        """A wrong code is refused, whatever it consists of, and the right one still works."""
        for code in ("", "00000-00000-00000-00000", "\ud800", "x" * 10_000):
            with pytest.raises(Forbidden):
                await accounts.set_up(code, "ada", PASSWORD)
        await set_up(accounts)

    async def test_two_at_once_make_one(self, accounts: LocalAccounts) -> None:
        """Of two who set up at the same moment, one becomes the first account."""
        code = await accounts.setup_code()
        assert code
        refused: list[str] = []

        async def attempt(username: str) -> None:
            try:
                await accounts.set_up(code, username, PASSWORD)
            except Conflict:
                refused.append(username)

        async with asyncio.TaskGroup() as group:
            for username in ("ada", "bob"):
                group.create_task(attempt(username))
        assert len(refused) == 1
        assert len(await accounts.list_users()) == 1

    async def test_a_new_start_has_a_new_code(self, tmp_path: Path, clock: FixedClock) -> None:
        """Each start prints a code of its own, and accounts outlive the process."""
        async with opened(tmp_path, clock) as first:
            before = await first.setup_code()
        async with opened(tmp_path, clock) as second:
            assert await second.setup_code() not in {None, before}
            await set_up(second)
        async with opened(tmp_path, clock) as third:
            assert await third.setup_code() is None
            assert (await third.sign_in("ada", PASSWORD)).principal.username == "ada"

    async def test_the_first_takes_over(
        self, accounts: LocalAccounts, no_accounts: Authenticator
    ) -> None:
        """What was uploaded without accounts is the first account's; old tokens are nobody's."""
        everybody = await no_accounts.anonymous()
        assert everybody
        _, secret = await no_accounts.create_token(everybody, "before", BOTH, None)
        first = await set_up(accounts)
        assert first.owner == everybody.owner
        with pytest.raises(Unauthenticated):
            await accounts.by_bearer(secret)
        second = await accounts.add_user("bob", PASSWORD)
        assert second.owner != first.owner


class TestPasswords:
    """Names and passwords."""

    async def test_name_in_any_case(self, accounts: LocalAccounts) -> None:
        """A name that looks the same is the same, and is shown as its owner wrote it."""
        await accounts.add_user("Straße", PASSWORD)
        for name in ("Straße", "STRASSE", "strasse", "ＳＴＲＡＳＳＥ"):  # noqa: RUF001
            assert (await accounts.sign_in(name, PASSWORD)).principal.username == "Straße"
            with pytest.raises(Conflict):
                await accounts.add_user(name, PASSWORD)

    async def test_password_typed_elsewhere(self, accounts: LocalAccounts) -> None:
        """A composed and a decomposed umlaut are the same password."""
        await accounts.add_user("ada", "schön und gut")
        await accounts.sign_in("ada", "scho\u0308n und gut")

    @pytest.mark.parametrize(
        ("username", "password"),
        [
            ("", PASSWORD),
            (" ada", PASSWORD),
            ("a" * 65, PASSWORD),
            ("a\nb", PASSWORD),
            ("\ud800", PASSWORD),
            ("ada", "seven77"),
            ("ada", "ü" * 513),
        ],
    )
    async def test_refused(self, accounts: LocalAccounts, username: str, password: str) -> None:
        """Names and passwords out of bounds are refused before anything is stored."""
        with pytest.raises(Invalid):
            await accounts.add_user(username, password)
        assert not await accounts.list_users()

    async def test_wrong_name_and_wrong_password_look_alike(self, accounts: LocalAccounts) -> None:
        """Nobody learns from the answer which of the two was wrong."""
        await accounts.add_user("ada", PASSWORD)
        answers = []
        for username, password in (("ada", "wrong"), ("bob", "wrong"), ("\ud800" * 999, "\ud800")):
            with pytest.raises(Unauthenticated) as refused:
                await accounts.sign_in(username, password)
            answers.append((refused.value.code, refused.value.detail))
        assert len(set(answers)) == 1

    async def test_unknown_name_takes_as_long(self, tmp_path: Path, clock: FixedClock) -> None:
        """An unknown name costs the same work as a wrong password."""
        slow = PasswordHasher(time_cost=2, memory_cost=16 * 1024, parallelism=1)
        async with opened(tmp_path, clock, slow) as accounts:
            await accounts.add_user("ada", PASSWORD)
            spent: dict[str, list[float]] = {"ada": [], "bob": []}
            for _ in range(5):
                for name, seconds in spent.items():
                    began = time.thread_time_ns(), time.perf_counter()
                    with pytest.raises(Unauthenticated):
                        await accounts.sign_in(name, "wrong password")
                    seconds.append(time.perf_counter() - began[1])
        ratio = median(spent["bob"]) / median(spent["ada"])
        assert 0.5 < ratio < 2

    async def test_hashes_grow_stronger(self, tmp_path: Path, clock: FixedClock) -> None:
        """A sign-in replaces a hash of older parameters, and the password stays the same."""
        stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
        async with opened(tmp_path, clock) as accounts:
            await accounts.add_user("ada", PASSWORD)
        async with opened(tmp_path, clock, stronger) as accounts:
            await accounts.sign_in("ada", PASSWORD)
            stored = await accounts._database.read(
                lambda db: db.execute("SELECT password FROM users").get
            )
            assert "m=16,t=2" in stored
            await accounts.sign_in("ada", PASSWORD)

    async def test_no_secret_on_disk(self, accounts: LocalAccounts, tmp_path: Path) -> None:
        """Neither passwords nor session or token secrets can be read from the data folder."""
        await set_up(accounts)
        signed_in = await accounts.sign_in("ada", PASSWORD)
        _, token = await accounts.create_token(signed_in.principal, "phone", BOTH, None)
        stored = b"".join(path.read_bytes() for path in files_in(tmp_path))
        assert b"argon2id" in stored
        for secret in (PASSWORD, signed_in.secret, token, token.removeprefix("imgtag_")):
            assert secret.encode() not in stored

    def test_default_cost(self) -> None:
        """By default a hash costs what RFC 9106 recommends for little memory."""
        with hashing() as passwords:
            assert passwords._hasher.memory_cost == RFC_9106_LOW_MEMORY.memory_cost == 64 * 1024
            assert passwords._hasher.time_cost == 3


class TestSessions:
    """Sessions."""

    async def test_used_sessions_last(self, accounts: LocalAccounts, clock: FixedClock) -> None:
        """A session that is used lives on, up to its longest life."""
        await set_up(accounts)
        signed_in = await accounts.sign_in("ada", PASSWORD)
        assert signed_in.expires_at == clock.now() + LONGEST
        while clock.now() + IDLE / 2 < signed_in.expires_at:
            clock.advance(IDLE / 2)
            await accounts.by_session(signed_in.secret)
        clock.advance(IDLE / 2)
        with pytest.raises(Unauthenticated):
            await accounts.by_session(signed_in.secret)

    async def test_idle_sessions_end(self, accounts: LocalAccounts, clock: FixedClock) -> None:
        """A session that nobody uses for thirty days ends."""
        await set_up(accounts)
        signed_in = await accounts.sign_in("ada", PASSWORD)
        clock.advance(IDLE)
        with pytest.raises(Unauthenticated):
            await accounts.by_session(signed_in.secret)

    async def test_signing_out(self, accounts: LocalAccounts) -> None:
        """Signing out ends this session at once and no other."""
        await set_up(accounts)
        one, other = [await accounts.sign_in("ada", PASSWORD) for _ in range(2)]
        for _ in range(2):
            await accounts.sign_out(one.secret)
        with pytest.raises(Unauthenticated):
            await accounts.by_session(one.secret)
        await accounts.by_session(other.secret)

    async def test_only_so_many(self, accounts: LocalAccounts, clock: FixedClock) -> None:
        """One account keeps its newest sessions, so that they can't fill the disk."""
        await set_up(accounts)
        signed_in = []
        for _ in range(MAX_SESSIONS + 2):
            clock.advance(timedelta(seconds=1))
            signed_in.append(await accounts.sign_in("ada", PASSWORD))
        with pytest.raises(Unauthenticated):
            await accounts.by_session(signed_in[1].secret)
        for session in signed_in[2:]:
            await accounts.by_session(session.secret)

    async def test_password_changes_while_it_is_checked(self, accounts: LocalAccounts) -> None:
        """Who proved the old password just before it changed gets no session."""
        await set_up(accounts)
        known = await accounts._proven("ada", PASSWORD)
        assert known
        await accounts.set_password("ada", "another horse")
        with pytest.raises(Unauthenticated):
            await accounts._begin(known)
        await accounts.sign_in("ada", "another horse")


class TestEnds:
    """What an account takes with it."""

    async def credentials(self, accounts: LocalAccounts) -> tuple[str, str]:
        """Sign ada in and make her a token."""
        signed_in = await accounts.sign_in("ada", PASSWORD)
        _, token = await accounts.create_token(signed_in.principal, "phone", BOTH, None)
        return signed_in.secret, token

    async def must_be_dead(self, accounts: LocalAccounts, session: str, token: str) -> None:
        """See that neither opens anything."""
        with pytest.raises(Unauthenticated):
            await accounts.by_session(session)
        with pytest.raises(Unauthenticated):
            await accounts.by_bearer(token)

    async def test_new_password(self, accounts: LocalAccounts) -> None:
        """A new password ends sessions and tokens, and the old one is wrong."""
        await set_up(accounts)
        session, token = await self.credentials(accounts)
        await accounts.set_password("ADA", "another horse")
        await self.must_be_dead(accounts, session, token)
        with pytest.raises(Unauthenticated):
            await accounts.sign_in("ada", PASSWORD)
        await accounts.sign_in("ada", "another horse")

    async def test_removed(self, accounts: LocalAccounts) -> None:
        """A removed account ends everything of its own, and what it owned can be handed on."""
        ada = await set_up(accounts)
        session, token = await self.credentials(accounts)
        removed = await accounts.remove_user("ada")
        assert removed.owner == ada.owner
        await self.must_be_dead(accounts, session, token)
        with pytest.raises(Unauthenticated):
            await accounts.sign_in("ada", PASSWORD)
        assert [each.removed_at is None for each in await accounts.list_users()] == [False]
        heir = await accounts.add_user("bob", PASSWORD, owner=removed.owner)
        assert heir.owner == ada.owner
        await self.must_be_dead(accounts, session, token)
        assert [each.username for each in await accounts.list_users()] == ["bob"]

    async def test_not_by_chance(self, accounts: LocalAccounts) -> None:
        """Whoever comes after a removed account gets its photos only when that is said."""
        ada = await set_up(accounts)
        await accounts.remove_user("ada")
        code = await accounts.setup_code()
        assert code
        again = await accounts.set_up(code, "ada", PASSWORD)
        assert again.principal.owner != ada.owner

    async def test_what_is_not_there(self, accounts: LocalAccounts) -> None:
        """Unknown names are named as such, and photos with an owner are not handed on."""
        ada = await set_up(accounts)
        for call in (accounts.remove_user("bob"), accounts.principal("bob")):
            with pytest.raises(NotFound):
                await call
        with pytest.raises(NotFound):
            await accounts.set_password("bob", PASSWORD)
        with pytest.raises(Conflict):
            await accounts.add_user("bob", PASSWORD, owner=ada.owner)


class TestTokens:
    """API tokens."""

    async def test_speaks_for_its_owner(self, accounts: LocalAccounts, clock: FixedClock) -> None:
        """A token has its owner's name, its own scopes, and remembers roughly when it was used."""
        ada = await set_up(accounts)
        read = frozenset({Scope.READ})
        token, secret = await accounts.create_token(ada, "phone", read, None)
        assert secret.startswith("imgtag_")
        used_at = clock.advance(timedelta(minutes=1))
        assert await accounts.by_bearer(secret) == Principal(ada.owner, "ada", read, token.id)
        clock.advance(timedelta(minutes=1))
        await accounts.by_bearer(secret)
        assert [each.last_used_at for each in await accounts.tokens(ada.owner)] == [used_at]
        assert not await accounts.tokens(OwnerId("somebody-else"))

    async def test_ends_on_time(self, accounts: LocalAccounts, clock: FixedClock) -> None:
        """A token works up to its end and not a moment longer."""
        ada = await set_up(accounts)
        ends = clock.now() + timedelta(hours=1)
        _, secret = await accounts.create_token(ada, "phone", BOTH, ends)
        clock.advance(timedelta(minutes=59))
        await accounts.by_bearer(secret)
        clock.advance(timedelta(minutes=1))
        with pytest.raises(Unauthenticated):
            await accounts.by_bearer(secret)

    async def test_revoked(self, accounts: LocalAccounts) -> None:
        """A revoked token is dead at once, and nobody else can revoke it."""
        ada = await set_up(accounts)
        token, secret = await accounts.create_token(ada, "phone", BOTH, None)
        with pytest.raises(NotFound):
            await accounts.revoke_token(OwnerId("somebody-else"), token.id)
        await accounts.revoke_token(ada.owner, token.id)
        with pytest.raises(Unauthenticated):
            await accounts.by_bearer(secret)
        with pytest.raises(NotFound):
            await accounts.revoke_token(ada.owner, token.id)

    async def test_makes_none(self, accounts: LocalAccounts) -> None:
        """A token can't make tokens, however much it may do."""
        ada = await set_up(accounts)
        _, secret = await accounts.create_token(ada, "phone", BOTH, None)
        with pytest.raises(Forbidden) as refused:
            await accounts.create_token(await accounts.by_bearer(secret), "child", BOTH, None)
        assert refused.value.code == "token_cannot_make_tokens"

    async def test_bounds(self, accounts: LocalAccounts, clock: FixedClock) -> None:
        """A token has a name, a scope and an end that lies ahead; one owner has only so many."""
        ada = await set_up(accounts)
        for name, scopes, ends in (
            (" ", BOTH, None),
            ("x" * 101, BOTH, None),
            ("\ud800", BOTH, None),
            ("phone", frozenset[Scope](), None),
            ("phone", BOTH, clock.now()),
        ):
            with pytest.raises(Invalid):
                await accounts.create_token(ada, name, scopes, ends)
        for number in range(MAX_TOKENS):
            await accounts.create_token(ada, str(number), BOTH, None)
        with pytest.raises(Conflict):
            await accounts.create_token(ada, "one more", BOTH, None)

    @pytest.mark.parametrize("secret", ["", "imgtag_", "imgtag_\ud800", "imgtag_" + "x" * 100_000])
    async def test_nonsense(self, accounts: LocalAccounts, secret: str) -> None:
        """Anything else that is presented is nobody's."""
        with pytest.raises(Unauthenticated):
            await accounts.by_bearer(secret)
        with pytest.raises(Unauthenticated):
            await accounts.by_session(secret)

    async def test_without_accounts(self, no_accounts: Authenticator) -> None:
        """Without accounts everybody is one owner, whose tokens work and end."""
        everybody = await no_accounts.anonymous()
        assert everybody
        assert everybody.username == "local"
        token, secret = await no_accounts.create_token(everybody, "script", BOTH, None)
        assert (await no_accounts.by_bearer(secret)).owner == everybody.owner
        await no_accounts.revoke_token(everybody.owner, token.id)
        with pytest.raises(Unauthenticated):
            await no_accounts.by_bearer(secret)
        with pytest.raises(Unauthenticated):
            await no_accounts.sign_in("local", PASSWORD)
        with pytest.raises(Conflict):
            await no_accounts.set_up("code", "ada", PASSWORD)
        with pytest.raises(NotFound):
            await no_accounts.revoke_token(everybody.owner, TokenId("0" * 26))
