"""Sign-in by OpenID Connect, run by the server: Cognito's hosted UI, or any other provider."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import aiohttp

from imgtag.backends import Backend, Context, open_records
from imgtag.backends.oidc.credentials import ApiTokens
from imgtag.backends.oidc.flow import CodeFlow
from imgtag.backends.oidc.keys import KeySet
from imgtag.backends.oidc.provider import Provider
from imgtag.backends.oidc.sessions import Sessions
from imgtag.backends.oidc.verify import Verifier, principal_of
from imgtag.domain.errors import Conflict, Unauthenticated
from imgtag.domain.ids import OwnerId, TokenId
from imgtag.ports import ApiToken, Clock, Principal, RecordStore, Scope, SignedIn

TIMEOUT_SECONDS: Final = 10
_ELSEWHERE: Final = "one signs in at the provider"


class OidcAuthenticator:
    """Knows people by tokens of the provider, and by sessions that began with one."""

    mode = "oidc"

    def __init__(
        self, provider: Provider, verifier: Verifier, records: RecordStore, clock: Clock
    ) -> None:
        self._provider = provider
        self._verifier = verifier
        self._sessions = Sessions(provider, verifier, records, clock)
        self._api_tokens = ApiTokens(records, clock)
        self.code_flow = CodeFlow(provider, verifier, self._sessions, clock)

    async def reach(self) -> None:
        await self._provider.keys()

    async def by_session(self, secret: str) -> Principal:
        return await self._sessions.find(secret)

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


@asynccontextmanager
async def open_authenticator(context: Context) -> AsyncIterator[OidcAuthenticator]:
    """Open the authenticator for the provider that the settings name."""
    settings = context.settings
    secret = settings.oidc_client_secret
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
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
        records = await open_records(context)
        yield OidcAuthenticator(provider, verifier, records, context.clock)


BACKENDS: Final = {
    "oidc": Backend(auth=open_authenticator, needs={"auth": ("oidc_issuer", "oidc_client_id")})
}
