"""Sign-in by OpenID Connect: only the provider's own tokens, for us, now; sessions that last."""

import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from yarl import URL

from imgtag.backends import Context
from imgtag.backends.aws import BACKENDS
from imgtag.backends.aws.oidc import OidcAuthenticator
from imgtag.domain.errors import Unauthenticated
from imgtag.domain.ids import OwnerId
from imgtag.ports import Principal
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.authenticator import ApiTokenContract, AuthenticatorContract
from imgtag.testing.contracts.base import HOUR, at_once
from tests.aws.cloud import Cloud
from tests.aws.oidc_provider import CLIENT, FakeProvider, serving

CALLBACK = "http://127.0.0.1:8080/api/auth/callback"


@pytest.fixture
async def provider(clock: FixedClock) -> AsyncIterator[FakeProvider]:
    """Serve a provider."""
    fake = FakeProvider(clock)
    async with serving(fake):
        yield fake


@pytest.fixture
async def auth(provider: FakeProvider, tables: Cloud) -> AsyncIterator[OidcAuthenticator]:
    """Open an authenticator for the provider."""
    async with opened(provider, tables) as auth:
        yield auth


def opened(provider: FakeProvider, tables: Cloud) -> Any:
    """Open one more instance on the same table."""
    settings = tables.settings.model_copy(
        update={"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT}
    )
    context = Context(settings, tables.context.clock, tables.context.stack)
    return BACKENDS["oidc"].auth(context)


async def signed_in(auth: OidcAuthenticator, back_to: str = "/photos") -> Any:
    """Go the whole way of a browser."""
    begun = await auth.begin(redirect_uri=CALLBACK, back_to=back_to)
    return await auth.finish(await consent(begun.url), begun.secret)


async def consent(url: str) -> dict[str, str]:
    """Follow to the provider and read what it sends back."""
    async with aiohttp.ClientSession() as http, http.get(url, allow_redirects=False) as answer:
        return dict(URL(answer.headers["Location"]).query)


class TestContracts(AuthenticatorContract[OidcAuthenticator], ApiTokenContract[OidcAuthenticator]):
    """`OidcAuthenticator` keeps the contracts."""

    @pytest.fixture(autouse=True)
    def on(self, cloud: Cloud) -> None:
        """Keep the cloud at hand for the back door."""
        self.cloud = cloud

    @pytest.fixture
    async def auth(
        self,
        provider: FakeProvider,
        tables: Cloud,
    ) -> AsyncIterator[OidcAuthenticator]:
        """Open it on an empty table."""
        async with opened(provider, tables) as auth:
            yield auth

    async def people(self, auth: OidcAuthenticator) -> tuple[Principal, Principal]:
        """Name two people."""
        return Principal(OwnerId("ada"), "ada"), Principal(OwnerId("bob"), "bob")

    async def at_rest(self, auth: OidcAuthenticator) -> str:
        """Read the whole table."""
        from imgtag.backends.aws import clients  # noqa: PLC0415

        dynamodb = await clients.dynamodb(self.cloud.context)
        told = await dynamodb.scan(TableName=self.cloud.settings.dynamodb_jobs)
        return json.dumps(told["Items"])


async def test_a_person_signs_in_and_out(auth: OidcAuthenticator, provider: FakeProvider) -> None:
    """The code flow ends in a session of the subject, which ends at once."""
    finished = await signed_in(auth)
    principal = finished.signed_in.principal
    assert (principal.owner, principal.username) == (provider.subject, "ada")
    assert finished.back_to == "/photos"
    assert await auth.by_session(finished.signed_in.secret) == principal
    await auth.sign_out(finished.signed_in.secret)
    with pytest.raises(Unauthenticated):
        await auth.by_session(finished.signed_in.secret)


async def test_a_session_works_on_every_instance(
    auth: OidcAuthenticator,
    provider: FakeProvider,
    tables: Cloud,
) -> None:
    """One begins it, a second finishes it, and a third one knows it."""
    begun = await auth.begin(redirect_uri=CALLBACK, back_to="/")
    async with AsyncExitStack() as stack:
        second = await stack.enter_async_context(opened(provider, tables))
        third = await stack.enter_async_context(opened(provider, tables))
        finished = await second.finish(await consent(begun.url), begun.secret)
        assert (await third.by_session(finished.signed_in.secret)).owner == provider.subject


async def test_a_sign_in_works_once(auth: OidcAuthenticator) -> None:
    """The same answer of the provider again opens nothing."""
    begun = await auth.begin(redirect_uri=CALLBACK, back_to="/")
    sent = await consent(begun.url)
    await auth.finish(sent, begun.secret)
    with pytest.raises(Unauthenticated):
        await auth.finish(sent, begun.secret)


@pytest.mark.parametrize("change", [{"state": "other"}, {"code": "other"}, {"secret": "other"}])
async def test_a_sign_in_of_somebody_else_is_refused(
    auth: OidcAuthenticator, change: dict[str, str]
) -> None:
    """State, code and cookie have to be of the one sign-in."""
    begun = await auth.begin(redirect_uri=CALLBACK, back_to="/")
    sent = {**await consent(begun.url), **change}
    with pytest.raises(Unauthenticated):
        await auth.finish(sent, change.get("secret", begun.secret))


async def test_a_sign_in_ends_after_ten_minutes(auth: OidcAuthenticator, clock: FixedClock) -> None:
    """Who comes back later has to begin again."""
    begun = await auth.begin(redirect_uri=CALLBACK, back_to="/")
    sent = await consent(begun.url)
    clock.advance(timedelta(minutes=11))
    with pytest.raises(Unauthenticated):
        await auth.finish(sent, begun.secret)


async def test_a_session_is_renewed_while_the_provider_agrees(
    auth: OidcAuthenticator, provider: FakeProvider, clock: FixedClock
) -> None:
    """After the id token has ended, the refresh token decides."""
    secret = (await signed_in(auth)).signed_in.secret
    clock.advance(2 * HOUR)
    assert (await auth.by_session(secret)).owner == provider.subject
    assert provider.asked.count("tokens refresh_token") == 1
    await auth.by_session(secret)
    assert provider.asked.count("tokens refresh_token") == 1
    provider.refreshed.clear()
    clock.advance(2 * HOUR)
    with pytest.raises(Unauthenticated):
        await auth.by_session(secret)


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
    url = URL(await auth.sign_out_url("http://127.0.0.1:8080/") or "")
    assert url.path == "/logout"
    assert url.query["client_id"] == CLIENT
    assert url.query["logout_uri"] == "http://127.0.0.1:8080/"
