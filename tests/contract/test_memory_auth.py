"""The memory backend's authenticator keeps its contracts, in both of its modes."""

import pytest

from imgtag.backends.memory import MemoryAuthenticator
from imgtag.domain.errors import Conflict
from imgtag.ports import Principal
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.authenticator import (
    ApiTokenContract,
    AuthenticatorContract,
    PasswordContract,
)


class TestAccounts(
    AuthenticatorContract[MemoryAuthenticator],
    PasswordContract[MemoryAuthenticator],
    ApiTokenContract[MemoryAuthenticator],
):
    """People with a name and a password."""

    @pytest.fixture
    def auth(self, clock: FixedClock) -> MemoryAuthenticator:
        """Give one without any account."""
        return MemoryAuthenticator(clock)

    async def people(self, auth: MemoryAuthenticator) -> tuple[Principal, Principal]:
        """Make two accounts."""
        ada, bob = (Principal(auth.add(name, "password"), name) for name in ("ada", "bob"))
        return ada, bob

    async def at_rest(self, auth: MemoryAuthenticator) -> str:
        """Look into the dictionaries."""
        return repr([auth._passwords, auth._owners, auth._sessions, auth._tokens])


class TestNobodySignsIn(AuthenticatorContract[MemoryAuthenticator]):
    """One person, who is whoever comes."""

    @pytest.fixture
    def auth(self, clock: FixedClock) -> MemoryAuthenticator:
        """Give one in which everybody is ada."""
        return MemoryAuthenticator(clock, anonymous="ada")

    async def test_there_is_no_account_to_set_up(self, auth: MemoryAuthenticator) -> None:
        """Nobody has to sign in, so there is no code, and none works."""
        assert await auth.setup_code() is None
        with pytest.raises(Conflict):
            await auth.set_up("", "eve", "password")


async def test_users_may_be_given_from_the_start(clock: FixedClock) -> None:
    """Each is an owner, and there is nothing left to set up."""
    auth = MemoryAuthenticator(clock, users={"ada": "a", "bob": "b"})
    signed_in = [await auth.sign_in(name, name[0]) for name in ("ada", "bob")]
    assert len({session.principal.owner for session in signed_in}) == 2
    assert await auth.setup_code() is None
