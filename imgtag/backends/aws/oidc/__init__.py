"""Sign-in by OpenID Connect, run by the server: Cognito's hosted UI, or any other provider."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import aiohttp

from imgtag.backends import Context
from imgtag.backends.aws import clients
from imgtag.backends.aws.oidc.credentials import ApiTokens, Secrets
from imgtag.backends.aws.oidc.keys import KeySet
from imgtag.backends.aws.oidc.provider import Provider
from imgtag.backends.aws.oidc.verify import Verifier, principal_of
from imgtag.backends.aws.table import Item, Table
from imgtag.domain.errors import Conflict, Unauthenticated
from imgtag.domain.ids import OwnerId, TokenId
from imgtag.ports import ApiToken, Clock, Principal, Scope, SignedIn

SESSION_LIFETIME: Final = timedelta(days=14)
SIGN_IN_LIFETIME: Final = timedelta(minutes=10)
CALLBACK: Final = "/api/auth/callback"
_NOBODY: Final = "nobody is signed in"
_ELSEWHERE: Final = "one signs in at the provider"


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where to send a browser, and the *secret* that it has to bring back in a cookie."""

    url: str
    secret: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Finished:
    """A sign-in that is done: the session, and the page that was asked for."""

    signed_in: SignedIn
    back_to: str


class CodeFlow(Protocol):
    """Signs people in elsewhere: an `Authenticator` whose mode is ``oidc`` has these too."""

    async def begin(self, *, redirect_uri: str, back_to: str) -> Redirect:
        """Begin a sign-in that ends at *redirect_uri*, and on the page *back_to*."""
        ...

    async def finish(self, parameters: Mapping[str, str], secret: str) -> Finished:
        """End it with what the provider has sent. Raises `Unauthenticated`; works once."""
        ...

    async def sign_out_url(self, back_to: str) -> str | None:
        """Tell where one signs out of the provider too."""
        ...


class OidcAuthenticator:
    """Knows people by tokens of the provider, and by sessions that began with one.

    A session is as good as the provider says: when its id token has ended, the refresh token has to
    bring a new one.
    """

    mode = "oidc"

    def __init__(self, provider: Provider, verifier: Verifier, table: Table, clock: Clock) -> None:
        self._provider = provider
        self._verifier = verifier
        self._clock = clock
        self._sessions = Secrets(table, clock, "S")
        self._sign_ins = Secrets(table, clock, "F")
        self._api_tokens = ApiTokens(table, clock)

    async def begin(self, *, redirect_uri: str, back_to: str) -> Redirect:
        """Begin a sign-in: see `CodeFlow`."""
        secret, state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(4))
        until = self._clock.now() + SIGN_IN_LIFETIME
        digest = hashlib.sha256(verifier.encode()).digest()
        url = await self._provider.sign_in_url(
            redirect_uri=redirect_uri,
            state=state,
            nonce=nonce,
            challenge=base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        )
        kept: dict[str, str | int] = {
            "state": state,
            "nonce": nonce,
            "verifier": verifier,
            "redirect_uri": redirect_uri,
            "back_to": back_to,
        }
        await self._sign_ins.put(secret, kept, until)
        return Redirect(url, secret, until)

    async def finish(self, parameters: Mapping[str, str], secret: str) -> Finished:
        """End a sign-in: see `CodeFlow`."""
        kept = await self._sign_ins.take(secret)
        if kept is None or not _same(parameters.get("state", ""), str(kept["state"])):
            raise Unauthenticated("this sign-in was not begun here, or has ended")
        if "code" not in parameters:
            raise Unauthenticated("the provider did not sign you in")
        tokens = await self._provider.redeem(
            parameters["code"],
            redirect_uri=str(kept["redirect_uri"]),
            verifier=str(kept["verifier"]),
        )
        claims = await self._verifier.claims(str(tokens.get("id_token", "")), must_be_id=True)
        if not _same(str(claims.get("nonce", "")), str(kept["nonce"])):
            raise Unauthenticated("this sign-in was not begun here, or has ended")
        signed_in = await self._open(claims, str(tokens.get("refresh_token", "")))
        return Finished(signed_in, str(kept["back_to"]))

    async def sign_out_url(self, back_to: str) -> str | None:
        """Tell where one signs out of the provider too."""
        return await self._provider.sign_out_url(back_to)

    async def _open(self, claims: Mapping[str, object], refresh: str) -> SignedIn:
        secret, principal = secrets.token_urlsafe(32), principal_of(claims)
        until = self._clock.now() + SESSION_LIFETIME
        kept: dict[str, str | int] = {
            "owner": principal.owner,
            "name": principal.username,
            "refresh": refresh,
            "good": int(str(claims["exp"]).partition(".")[0]),
        }
        await self._sessions.put(secret, kept, until)
        return SignedIn(principal, secret, until)

    async def by_session(self, secret: str) -> Principal:
        kept = await self._sessions.get(secret)
        if kept is None:
            raise Unauthenticated(_NOBODY)
        if int(kept["good"]) <= self._clock.now().timestamp():
            await self._renew(secret, kept)
        return Principal(OwnerId(str(kept["owner"])), str(kept["name"]))

    async def _renew(self, secret: str, kept: Item) -> None:
        """Ask the provider whether the person may stay. Raises `Unauthenticated` if not."""
        if not kept["refresh"]:
            await self._sessions.end(secret)
            raise Unauthenticated(_NOBODY)
        try:
            tokens = await self._provider.refresh(str(kept["refresh"]))
            claims = await self._verifier.claims(str(tokens.get("id_token", "")), must_be_id=True)
        except Unauthenticated:
            now = await self._sessions.get(secret)
            if now and now["good"] != kept["good"]:
                return  # a request at the same time has used up the refresh token
            await self._sessions.end(secret)
            raise
        if principal_of(claims).owner != kept["owner"]:
            raise Unauthenticated(_NOBODY)
        renewed: dict[str, str | int] = {
            "refresh": str(tokens.get("refresh_token") or kept["refresh"]),
            "good": int(claims["exp"]),
        }
        await self._sessions.swap(kept, renewed)

    async def by_bearer(self, token: str) -> Principal:
        if self._api_tokens.is_one(token):
            return await self._api_tokens.speaker(token)
        return principal_of(await self._verifier.claims(token))

    async def sign_out(self, secret: str) -> None:
        await self._sessions.end(secret)

    async def anonymous(self) -> Principal | None:
        return None

    async def sign_in(self, username: str, password: str) -> SignedIn:  # noqa: ARG002
        raise Unauthenticated(_ELSEWHERE, code="wrong_credentials")

    async def setup_code(self) -> str | None:
        return None

    async def set_up(self, code: str, username: str, password: str) -> SignedIn:  # noqa: ARG002
        raise Conflict(_ELSEWHERE, code="already_set_up")

    async def tokens(self, owner: OwnerId) -> Sequence[ApiToken]:
        return await self._api_tokens.list(owner)

    async def create_token(
        self,
        principal: Principal,
        name: str,
        scopes: frozenset[Scope],
        expires_at: datetime | None,
    ) -> tuple[ApiToken, str]:
        return await self._api_tokens.create(principal, name, scopes, expires_at)

    async def revoke_token(self, owner: OwnerId, token: TokenId) -> None:
        await self._api_tokens.revoke(owner, token)


def _same(given: str, kept: str) -> bool:
    return hmac.compare_digest(given.encode(), kept.encode())


@asynccontextmanager
async def open_authenticator(context: Context) -> AsyncIterator[OidcAuthenticator]:
    """Open the authenticator for the provider that the settings name."""
    clients.require(context, "oidc_issuer", "oidc_client_id", "dynamodb_jobs")
    settings = context.settings
    table = Table(await clients.dynamodb(context), settings.dynamodb_jobs)
    secret = settings.oidc_client_secret
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout) as http:
        provider = Provider(
            http,
            settings.oidc_issuer,
            settings.oidc_client_id,
            secret.get_secret_value() if secret else None,
            settings.oidc_jwks_url,
        )
        keys = KeySet(provider.keys, context.clock)
        verifier = Verifier(settings.oidc_issuer, settings.oidc_client_id, keys, context.clock)
        yield OidcAuthenticator(provider, verifier, table, context.clock)
