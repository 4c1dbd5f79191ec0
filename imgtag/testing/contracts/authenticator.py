"""The contracts of `imgtag.ports.Authenticator`, one for each way of knowing people.

Every authenticator keeps `AuthenticatorContract`; one that lets people in with a password also
keeps `PasswordContract`, and one that makes API tokens `ApiTokenContract`.
"""

from dataclasses import replace
from typing import Generic, TypeVar

import pytest

from imgtag.domain.errors import Conflict, Forbidden, NotFound, Unauthenticated
from imgtag.domain.ids import OwnerId, TokenId
from imgtag.ports import Authenticator, Principal, Scope, SignedIn
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.base import HOUR, MOMENT, Contract, at_once

A = TypeVar("A", bound=Authenticator)

PASSWORD = "correct horse, é🏔 battery"
NONSENSE = ("", " ", "nonsense", "imgtag_nonsense", "a.b.c", "é🏔", "'%_\"", "x" * 10_000)


class AuthenticatorSuite(Contract, Generic[A]):
    """What the contracts of authenticators share."""

    @pytest.fixture
    async def auth(self) -> A:
        """Give an authenticator."""
        raise NotImplementedError


class AuthenticatorContract(AuthenticatorSuite[A]):
    """Subclass it and give `auth`."""

    async def test_the_mode_says_how_one_signs_in(self, auth: A) -> None:
        """Only where nobody has to sign in is somebody without a credential anybody."""
        assert auth.mode in {"none", "local", "oidc"}
        assert (await auth.anonymous() is not None) == (auth.mode == "none")
        assert (auth.code_flow is not None) == (auth.mode == "oidc")

    async def test_anonymous_is_always_the_same(self, auth: A) -> None:
        """Photos of yesterday are found today."""
        assert await auth.anonymous() == await auth.anonymous()

    @pytest.mark.parametrize("secret", NONSENSE)
    async def test_nonsense_lets_nobody_in(self, auth: A, secret: str) -> None:
        """What was never handed out opens nothing, and ending it is fine."""
        with pytest.raises(Unauthenticated):
            await auth.by_session(secret)
        with pytest.raises(Unauthenticated):
            await auth.by_bearer(secret)
        await auth.sign_out(secret)


class PasswordContract(AuthenticatorSuite[A]):
    """Subclass it too where people sign in with a password: give `auth` without any account."""

    async def at_rest(self, auth: A) -> str:
        """Read everything that is kept, by other means than the authenticator's own."""
        raise NotImplementedError

    async def test_the_code_makes_the_first_account(self, auth: A) -> None:
        """Once, and then there is no code any more."""
        code = await auth.setup_code()
        assert code is not None
        assert await auth.setup_code() == code
        signed_in = await auth.set_up(code, "ada", PASSWORD)
        assert signed_in.principal.username == "ada"
        assert await auth.by_session(signed_in.secret) == signed_in.principal
        assert await auth.setup_code() is None
        with pytest.raises(Conflict):
            await auth.set_up(code, "bob", PASSWORD)
        with pytest.raises(Unauthenticated):
            await auth.sign_in("bob", PASSWORD)

    @pytest.mark.parametrize("code", NONSENSE)
    async def test_a_wrong_code_makes_nothing(self, auth: A, code: str) -> None:
        """It is refused, and the right one still works."""
        with pytest.raises(Forbidden):
            await auth.set_up(code, "eve", PASSWORD)
        with pytest.raises(Unauthenticated):
            await auth.sign_in("eve", PASSWORD)
        await set_up(auth)

    async def test_of_two_first_accounts_one_is_made(self, auth: A) -> None:
        """However many use the code at once, it makes one account."""
        code = await auth.setup_code() or ""

        async def attempt(number: int) -> bool:
            try:
                await auth.set_up(code, f"user{number}", PASSWORD)
            except Conflict:
                return False
            return True

        assert sum(await at_once([attempt(number) for number in range(5)])) == 1

    async def test_the_password_opens_a_session(self, auth: A) -> None:
        """Each signing in begins a session of its own, for the same owner."""
        first = await set_up(auth)
        second = await auth.sign_in("ada", PASSWORD)
        assert first.secret != second.secret
        assert second.principal == first.principal
        assert second.principal.scopes == frozenset(Scope)
        assert second.principal.token is None
        for session in (first, second):
            assert await auth.by_session(session.secret) == session.principal

    async def test_a_wrong_name_looks_like_a_wrong_password(self, auth: A) -> None:
        """Nobody learns from the answer which names there are."""
        await set_up(auth)
        answers = set()
        for username, password in (
            ("ada", "wrong"),
            ("ada", ""),
            ("ada", PASSWORD + " "),
            ("nobody", PASSWORD),
            ("", ""),
            ("é🏔'%_", PASSWORD),
        ):
            with pytest.raises(Unauthenticated) as caught:
                await auth.sign_in(username, password)
            answers.add((caught.value.code, caught.value.detail))
        assert len(answers) == 1

    async def test_signing_out_ends_one_session(self, auth: A) -> None:
        """At once; the other stays, and doing it again is fine."""
        first, second = await set_up(auth), await auth.sign_in("ada", PASSWORD)
        for _ in range(2):
            await auth.sign_out(first.secret)
        with pytest.raises(Unauthenticated):
            await auth.by_session(first.secret)
        assert await auth.by_session(second.secret) == second.principal

    async def test_a_session_ends_on_time(self, auth: A, clock: FixedClock) -> None:
        """It is over at the moment that was said; one that nobody uses may end sooner."""
        session = await set_up(auth)
        assert session.expires_at > clock.now()
        clock.advance(session.expires_at - clock.now())
        with pytest.raises(Unauthenticated):
            await auth.by_session(session.secret)

    async def test_a_session_is_no_token(self, auth: A) -> None:
        """A cookie's secret opens nothing as a bearer."""
        session = await set_up(auth)
        with pytest.raises(Unauthenticated):
            await auth.by_bearer(session.secret)

    async def test_secrets_are_not_kept(self, auth: A) -> None:
        """Who reads all that is stored can sign in as nobody."""
        session = await set_up(auth)
        kept = await self.at_rest(auth)
        assert "ada" in kept
        assert PASSWORD not in kept
        assert session.secret not in kept


class ApiTokenContract(AuthenticatorSuite[A]):
    """Subclass it too where tokens are made: give `auth`, somebody and somebody else."""

    async def people(self, auth: A) -> tuple[Principal, Principal]:
        """Make two people who can have tokens, of owners of their own."""
        raise NotImplementedError

    async def at_rest(self, auth: A) -> str:
        """Read everything that is kept, by other means than the authenticator's own."""
        raise NotImplementedError

    async def test_a_token_speaks_for_its_maker(self, auth: A, clock: FixedClock) -> None:
        """With the scopes that it was given and no other, and it is known as a token."""
        ada, _ = await self.people(auth)
        for scopes in (frozenset({Scope.READ}), frozenset({Scope.WRITE}), frozenset(Scope)):
            token, secret = await auth.create_token(ada, "laptop é🏔", scopes, None)
            assert (token.name, token.scopes, token.expires_at) == ("laptop é🏔", scopes, None)
            assert token.created_at == clock.now()
            right = replace(ada, scopes=scopes, token=token.id)
            assert await auth.by_bearer(secret) == right

    async def test_tokens_are_listed_oldest_first(self, auth: A, clock: FixedClock) -> None:
        """The owner's own, without their secrets."""
        ada, bob = await self.people(auth)
        made = []
        for number in range(5):
            clock.advance(MOMENT)
            until = clock.now() + number * HOUR if number else None
            token, _ = await auth.create_token(ada, f"{number}", frozenset(Scope), until)
            made.append(token)
        theirs, _ = await auth.create_token(bob, "theirs", frozenset(Scope), None)
        assert list(await auth.tokens(ada.owner)) == made
        assert list(await auth.tokens(bob.owner)) == [theirs]
        assert list(await auth.tokens(OwnerId("nobody"))) == []

    async def test_a_revoked_token_is_dead_at_once(self, auth: A) -> None:
        """It opens nothing and is not listed; others stay."""
        ada, _ = await self.people(auth)
        gone, gone_secret = await auth.create_token(ada, "gone", frozenset(Scope), None)
        kept, kept_secret = await auth.create_token(ada, "kept", frozenset(Scope), None)
        await auth.by_bearer(gone_secret)
        await auth.revoke_token(ada.owner, gone.id)
        with pytest.raises(Unauthenticated):
            await auth.by_bearer(gone_secret)
        assert (await auth.by_bearer(kept_secret)).token == kept.id
        assert [token.id for token in await auth.tokens(ada.owner)] == [kept.id]

    async def test_nobody_revokes_for_another(self, auth: A, clock: FixedClock) -> None:
        """An unknown token and another owner's look the same, and the token lives on."""
        ada, bob = await self.people(auth)
        token, secret = await auth.create_token(ada, "mine", frozenset(Scope), None)
        unknown = TokenId.mint(clock.now(), bytes(10))
        for owner, token_id in ((bob.owner, token.id), (ada.owner, unknown)):
            with pytest.raises(NotFound):
                await auth.revoke_token(owner, token_id)
        assert (await auth.by_bearer(secret)).owner == ada.owner

    async def test_a_token_ends_on_time(self, auth: A, clock: FixedClock) -> None:
        """It is good until the moment that was said, and not after."""
        ada, _ = await self.people(auth)
        _, secret = await auth.create_token(ada, "soon", frozenset(Scope), clock.now() + HOUR)
        clock.advance(HOUR - MOMENT)
        assert (await auth.by_bearer(secret)).owner == ada.owner
        clock.advance(MOMENT)
        with pytest.raises(Unauthenticated):
            await auth.by_bearer(secret)

    async def test_a_token_is_no_session_and_no_other_token(self, auth: A) -> None:
        """Its secret opens nothing as a cookie, nor does anything that is nearly it."""
        ada, _ = await self.people(auth)
        token, secret = await auth.create_token(ada, "laptop", frozenset(Scope), None)
        with pytest.raises(Unauthenticated):
            await auth.by_session(secret)
        for near in (secret[:-1], secret + "x", secret.swapcase(), token.id, f" {secret}"):
            with pytest.raises(Unauthenticated):
                await auth.by_bearer(near)

    async def test_secrets_of_tokens_are_not_kept(self, auth: A) -> None:
        """Who reads all that is stored can speak for nobody; and no two are alike."""
        ada, _ = await self.people(auth)
        made = [await auth.create_token(ada, "laptop", frozenset(Scope), None) for _ in range(5)]
        kept = await self.at_rest(auth)
        assert "laptop" in kept
        assert not [secret for _, secret in made if secret in kept]
        assert len({secret for _, secret in made}) == len({token.id for token, _ in made}) == 5


async def set_up(auth: Authenticator) -> SignedIn:
    """Make the first account."""
    return await auth.set_up(await auth.setup_code() or "", "ada", PASSWORD)
