"""Sign-in by OpenID Connect: only the provider's own tokens, for us, now; sessions that last."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import apsw
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from yarl import URL

from imgtag.backends import Context
from imgtag.backends.oidc import BACKENDS, OidcAuthenticator
from imgtag.domain.errors import Unauthenticated, Unavailable
from imgtag.domain.ids import OwnerId
from imgtag.ports import Principal, SignedIn
from imgtag.settings import Settings
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.authenticator import ApiTokenContract, AuthenticatorContract
from imgtag.testing.contracts.base import HOUR, at_once
from tests.oidc.provider import CLIENT, FakeProvider, serving

CALLBACK = "http://127.0.0.1:8080/api/auth/callback"


@pytest.fixture
async def provider(clock: FixedClock) -> AsyncIterator[FakeProvider]:
    """Serve a provider."""
    fake = FakeProvider(clock)
    async with serving(fake):
        yield fake


@pytest.fixture
async def instances(
    provider: FakeProvider, clock: FixedClock, tmp_path: Path
) -> AsyncIterator[Callable[[], Awaitable[OidcAuthenticator]]]:
    """Open as many instances on the same records as one asks for."""
    settings = Settings(data_dir=tmp_path, oidc_issuer=provider.issuer, oidc_client_id=CLIENT)
    async with AsyncExitStack() as stack:

        async def open_one() -> OidcAuthenticator:
            context = Context(settings, clock, stack)
            return await stack.enter_async_context(BACKENDS["oidc"].auth(context))  # type: ignore[misc]

        yield open_one


@pytest.fixture
async def auth(instances: Callable[[], Awaitable[OidcAuthenticator]]) -> OidcAuthenticator:
    """Open an authenticator for the provider."""
    return await instances()


async def signed_in(auth: OidcAuthenticator) -> SignedIn:
    """Go the whole way of a browser."""
    begun = await auth.code_flow.begin(redirect_uri=CALLBACK)
    return await auth.code_flow.finish(await consent(begun.url), begun.kept)


async def consent(url: str) -> dict[str, str]:
    """Follow to the provider and read what it sends back."""
    async with aiohttp.ClientSession() as http, http.get(url, allow_redirects=False) as answer:
        return dict(URL(answer.headers["Location"]).query)


class TestContracts(AuthenticatorContract[OidcAuthenticator], ApiTokenContract[OidcAuthenticator]):
    """`OidcAuthenticator` keeps the contracts."""

    @pytest.fixture
    async def auth(
        self, instances: Callable[[], Awaitable[OidcAuthenticator]], tmp_path: Path
    ) -> OidcAuthenticator:
        """Open it on an empty data folder."""
        self.data_dir = tmp_path
        return await instances()

    async def people(self, auth: OidcAuthenticator) -> tuple[Principal, Principal]:
        """Name two people."""
        return Principal(OwnerId("ada"), "ada"), Principal(OwnerId("bob"), "bob")

    async def at_rest(self, auth: OidcAuthenticator) -> str:
        """Look into the database."""
        return at_rest(self.data_dir)


def at_rest(data_dir: Path) -> str:
    """Read every record, by other means."""
    database = apsw.Connection(str(data_dir / "imgtag.db"), flags=apsw.SQLITE_OPEN_READONLY)
    rows = repr(database.execute("SELECT * FROM records").fetchall())
    database.close()
    return rows


async def test_a_person_signs_in_and_out(auth: OidcAuthenticator, provider: FakeProvider) -> None:
    """The code flow ends in a session of the subject, which ends at once."""
    session = await signed_in(auth)
    assert (session.principal.owner, session.principal.username) == (provider.subject, "ada")
    assert await auth.by_session(session.secret) == session.principal
    await auth.sign_out(session.secret)
    with pytest.raises(Unauthenticated):
        await auth.by_session(session.secret)


async def test_a_session_works_on_every_instance(
    instances: Callable[[], Awaitable[OidcAuthenticator]], provider: FakeProvider
) -> None:
    """One begins it, a second finishes it, and a third one knows it."""
    first, second, third = [await instances() for _ in range(3)]
    begun = await first.code_flow.begin(redirect_uri=CALLBACK)
    session = await second.code_flow.finish(await consent(begun.url), begun.kept)
    assert (await third.by_session(session.secret)).owner == provider.subject


async def test_nothing_that_is_kept_signs_anybody_in(
    auth: OidcAuthenticator, provider: FakeProvider, tmp_path: Path
) -> None:
    """Neither the cookie nor the refresh token can be read from what is stored."""
    session = await signed_in(auth)
    kept = at_rest(tmp_path)
    assert provider.subject in kept
    [refresh_token] = provider.refreshed
    assert session.secret not in kept
    assert refresh_token not in kept


async def test_a_sign_in_works_once(auth: OidcAuthenticator) -> None:
    """The same answer of the provider again opens nothing: its code is used up."""
    begun = await auth.code_flow.begin(redirect_uri=CALLBACK)
    sent = await consent(begun.url)
    await auth.code_flow.finish(sent, begun.kept)
    with pytest.raises(Unauthenticated) as caught:
        await auth.code_flow.finish(sent, begun.kept)
    assert caught.value.code == "sign_in_refused"


async def test_two_sign_ins_are_never_alike(auth: OidcAuthenticator) -> None:
    """State, nonce and verifier are new each time, and the verifier is not told beforehand."""
    first, second = [await auth.code_flow.begin(redirect_uri=CALLBACK) for _ in range(2)]
    for name in ("state", "nonce", "verifier"):
        assert first.kept[name] != second.kept[name]
    assert first.kept["verifier"] not in first.url


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"state": "other"}, "sign_in_stale"),
        ({"state": ""}, "sign_in_stale"),
        ({"code": "other"}, "sign_in_refused"),
        ({"iss": "https://issuer.example"}, "sign_in_refused"),
    ],
)
async def test_what_belongs_to_another_sign_in_is_refused(
    auth: OidcAuthenticator, change: dict[str, str], code: str
) -> None:
    """State, code and issuer have to be of the one sign-in."""
    begun = await auth.code_flow.begin(redirect_uri=CALLBACK)
    with pytest.raises(Unauthenticated) as caught:
        await auth.code_flow.finish({**await consent(begun.url), **change}, begun.kept)
    assert caught.value.code == code


@pytest.mark.parametrize("part", ["nonce", "verifier"])
async def test_an_answer_for_another_sign_in_is_refused(auth: OidcAuthenticator, part: str) -> None:
    """Who puts a stolen code into a sign-in of their own gets nothing."""
    begun = await auth.code_flow.begin(redirect_uri=CALLBACK)
    other = await auth.code_flow.begin(redirect_uri=CALLBACK)
    mixed = {**begun.kept, part: other.kept[part]}
    with pytest.raises(Unauthenticated) as caught:
        await auth.code_flow.finish(await consent(begun.url), mixed)
    assert caught.value.code == "sign_in_refused"


async def test_a_provider_may_say_no(auth: OidcAuthenticator) -> None:
    """Somebody pressed cancel: no code, and nobody is signed in."""
    begun = await auth.code_flow.begin(redirect_uri=CALLBACK)
    with pytest.raises(Unauthenticated) as caught:
        await auth.code_flow.finish({"state": begun.state, "error": "access_denied"}, begun.kept)
    assert caught.value.code == "sign_in_refused"


async def test_a_sign_in_ends_after_ten_minutes(auth: OidcAuthenticator, clock: FixedClock) -> None:
    """Who comes back later has to begin again."""
    begun = await auth.code_flow.begin(redirect_uri=CALLBACK)
    sent = await consent(begun.url)
    clock.advance(timedelta(minutes=10))
    with pytest.raises(Unauthenticated) as caught:
        await auth.code_flow.finish(sent, begun.kept)
    assert caught.value.code == "sign_in_stale"


async def test_a_session_is_renewed_while_the_provider_agrees(
    auth: OidcAuthenticator, provider: FakeProvider, clock: FixedClock
) -> None:
    """After the id token has ended, the refresh token decides."""
    secret = (await signed_in(auth)).secret
    clock.advance(2 * HOUR)
    assert (await auth.by_session(secret)).owner == provider.subject
    assert provider.asked.count("tokens refresh_token") == 1
    await auth.by_session(secret)
    assert provider.asked.count("tokens refresh_token") == 1
    provider.refreshed.clear()
    clock.advance(2 * HOUR)
    with pytest.raises(Unauthenticated):
        await auth.by_session(secret)


async def test_many_requests_renew_a_session_once(
    auth: OidcAuthenticator, provider: FakeProvider, clock: FixedClock
) -> None:
    """A page asks for many things at once, and a provider may take a token that comes twice ill."""
    provider.rotates = True
    secret = (await signed_in(auth)).secret
    for _ in range(2):
        clock.advance(2 * HOUR)
        people = await at_once([auth.by_session(secret) for _ in range(20)])
        assert {person.owner for person in people} == {provider.subject}
    assert provider.asked.count("tokens refresh_token") == 2


async def test_instances_renew_a_session_once(
    instances: Callable[[], Awaitable[OidcAuthenticator]],
    provider: FakeProvider,
    clock: FixedClock,
) -> None:
    """One asks the provider, and all go on with what it said."""
    provider.rotates = True
    both = [await instances(), await instances()]
    secret = (await signed_in(both[0])).secret
    clock.advance(2 * HOUR)
    people = await at_once([each.by_session(secret) for each in both for _ in range(3)])
    assert {person.owner for person in people} == {provider.subject}
    assert provider.asked.count("tokens refresh_token") == 1


async def test_an_instance_that_died_while_asking_holds_nobody_up(
    auth: OidcAuthenticator, provider: FakeProvider, clock: FixedClock
) -> None:
    """Its claim ends after some seconds, and another asks."""
    secret = (await signed_in(auth)).secret
    clock.advance(2 * HOUR)
    provider.hold()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(auth.by_session(secret))
        await provider.reached.wait()
        asking.cancel()
    provider.release()
    clock.advance(timedelta(seconds=15))
    assert (await auth.by_session(secret)).owner == provider.subject


async def test_signing_out_wins_over_a_renewal(
    auth: OidcAuthenticator, provider: FakeProvider, clock: FixedClock
) -> None:
    """A session that ended while the provider was asked does not come back."""
    secret = (await signed_in(auth)).secret
    clock.advance(2 * HOUR)
    provider.hold()
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(refused(auth, secret))
        await provider.reached.wait()
        await auth.sign_out(secret)
        provider.release()
        await asking
    await refused(auth, secret)


async def refused(auth: OidcAuthenticator, secret: str) -> None:
    """See that the session is over."""
    with pytest.raises(Unauthenticated):
        await auth.by_session(secret)


async def test_a_session_outlives_a_provider_that_is_away(
    auth: OidcAuthenticator, provider: FakeProvider, clock: FixedClock
) -> None:
    """It can't be renewed now, which is worth another attempt, and is not over."""
    secret = (await signed_in(auth)).secret
    clock.advance(2 * HOUR)
    provider.is_down = True
    with pytest.raises(Unavailable):
        await auth.by_session(secret)
    provider.is_down = False
    assert (await auth.by_session(secret)).owner == provider.subject


async def test_a_session_ends_after_two_weeks(auth: OidcAuthenticator, clock: FixedClock) -> None:
    """However often it is renewed."""
    session = await signed_in(auth)
    clock.advance(session.expires_at - clock.now())
    with pytest.raises(Unauthenticated):
        await auth.by_session(session.secret)


@pytest.mark.parametrize("use", ["id", "access"])
@pytest.mark.parametrize("key_id", ["one", "curve"])
async def test_good_tokens_are_bearers(
    auth: OidcAuthenticator, provider: FakeProvider, use: str, key_id: str
) -> None:
    """Id and access tokens, by RSA or by elliptic curve, speak for their subject."""
    principal = await auth.by_bearer(provider.token(key_id, use))
    assert principal.owner == provider.subject


WRONG: Sequence[dict[str, Any]] = (
    {"exp": 1},
    {"exp": None},
    {"exp": "tomorrow"},
    {"nbf": 4_000_000_000},
    {"iat": 4_000_000_000},
    {"iss": "https://issuer.example"},
    {"iss": None},
    {"aud": "another"},
    {"aud": None},
    {"aud": [CLIENT, "another"], "azp": "another"},
    {"sub": None},
    {"token_use": "refresh"},
    {"use": "access", "client_id": "another"},
    {"use": "access", "client_id": None, "aud": CLIENT},
    {"use": "access", "token_use": "id"},
    {"headers": {"jku": "https://evil.example/keys"}},
    {"headers": {"jwk": {}}},
    {"headers": {"x5u": "https://evil.example"}},
    {"headers": {"crit": ["exp"]}},
    {"headers": {"kid": "unknown"}},
    {"headers": {"kid": "../../etc/passwd"}},
    {"headers": {"kid": "k" * 10_000}},
)


@pytest.mark.parametrize("changed", WRONG)
async def test_wrong_tokens_are_refused(
    auth: OidcAuthenticator, provider: FakeProvider, changed: dict[str, Any]
) -> None:
    """Whatever is wrong, nobody is signed in."""
    with pytest.raises(Unauthenticated):
        await auth.by_bearer(provider.token(**changed))


async def test_an_issuer_that_only_begins_alike_is_another(
    auth: OidcAuthenticator, provider: FakeProvider
) -> None:
    """The issuer is compared whole."""
    for issuer in (provider.issuer + "x", provider.issuer[:-1], provider.issuer + "/"):
        with pytest.raises(Unauthenticated):
            await auth.by_bearer(provider.token(iss=issuer))


async def test_forged_signatures_are_refused(
    auth: OidcAuthenticator, provider: FakeProvider
) -> None:
    """No signature, our public key as a shared secret, another's key, an altered token."""
    claims = provider.claims()
    header = {"kid": "one"}
    public = provider.keys["one"].public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    unsigned = jwt.encode(claims, None, "none", headers=header)
    other = jwt.encode(
        claims, rsa.generate_private_key(public_exponent=65537, key_size=2048), "RS256", header
    )
    good = provider.token()
    head, _, tail = good.split(".")
    body = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "eve"}).encode()).rstrip(b"=")
    shared = _shared_secret_token(claims, pem)
    for token in (unsigned, other, shared, f"{head}.{body.decode()}.{tail}", good[:-4], head):
        with pytest.raises(Unauthenticated):
            await auth.by_bearer(token)


def _shared_secret_token(claims: dict[str, Any], secret: bytes) -> str:
    """Sign by HMAC as an attacker would; PyJWT itself refuses to use a PEM as a secret."""
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    parts = [{"alg": "HS256", "kid": "one", "typ": "JWT"}, claims]
    text = b".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts
    )
    signature = hmac.new(secret, text, hashlib.sha256).digest()
    return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


async def test_unknown_keys_are_looked_up_once_in_a_while(
    auth: OidcAuthenticator, provider: FakeProvider, clock: FixedClock
) -> None:
    """A thousand forged key ids are one look, and good tokens go on working meanwhile."""
    await auth.by_bearer(provider.token())
    looks = provider.asked.count("jwks")

    async def forged(number: int) -> None:
        with pytest.raises(Unauthenticated):
            await auth.by_bearer(provider.token(headers={"kid": f"forged-{number}"}))

    clock.advance(timedelta(seconds=31))
    await at_once([forged(number) for number in range(100)])
    assert provider.asked.count("jwks") == looks + 1
    await auth.by_bearer(provider.token())


async def test_a_new_key_is_found_and_an_old_one_dropped(
    auth: OidcAuthenticator, provider: FakeProvider, clock: FixedClock
) -> None:
    """Rotation needs no restart."""
    old = provider.token()
    await auth.by_bearer(old)
    provider.keys["two"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    del provider.keys["one"]
    clock.advance(timedelta(seconds=31))
    await auth.by_bearer(provider.token("two"))
    with pytest.raises(Unauthenticated):
        await auth.by_bearer(old)


async def test_known_keys_outlive_the_provider(
    auth: OidcAuthenticator, provider: FakeProvider, clock: FixedClock
) -> None:
    """While it is down, tokens signed by keys that are known stay good."""
    await auth.by_bearer(provider.token())
    provider.is_down = True
    clock.advance(3 * HOUR)
    await auth.by_bearer(provider.token())


async def test_one_signs_out_of_cognito_too(auth: OidcAuthenticator) -> None:
    """The address is beside the sign-in, and names the client and the way back."""
    url = URL(await auth.code_flow.sign_out_url("http://127.0.0.1:8080/") or "")
    assert url.path == "/logout"
    assert url.query["client_id"] == CLIENT
    assert url.query["logout_uri"] == "http://127.0.0.1:8080/"
