"""Talking to the provider: discovery, keys, tokens, and where it signs people in and out."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp

from imgtag.domain.errors import Unauthenticated, Unavailable

SCOPES: Final = "openid email profile"
MAX_ANSWER_BYTES: Final = 1024 * 1024
_DISCOVERY: Final = "/.well-known/openid-configuration"
_SERVER_FAULT: Final = 500
_LOST: Final = (aiohttp.ClientError, asyncio.TimeoutError, ValueError)


@dataclass(slots=True)
class Provider:
    """One OpenID provider, seen by one client."""

    http: aiohttp.ClientSession
    issuer: str
    client_id: str
    client_secret: str | None = None
    jwks_url: str = ""
    _found: Mapping[str, Any] | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def _discovered(self) -> Mapping[str, Any]:
        async with self._lock:
            if self._found is None:
                found = await self._get(self.issuer.rstrip("/") + _DISCOVERY)
                if found.get("issuer") != self.issuer:
                    raise Unavailable("the provider calls itself otherwise", code="oidc_issuer")
                self._found = found
        return self._found

    async def keys(self) -> Mapping[str, Any]:
        """Fetch the key set, from where the settings say or else where discovery does."""
        return await self._get(self.jwks_url or str((await self._discovered())["jwks_uri"]))

    async def sign_in_url(
        self, *, redirect_uri: str, state: str, nonce: str, challenge: str
    ) -> str:
        """Tell where a person signs in; *challenge* is PKCE's, by S256 (RFC 7636)."""
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "scope": SCOPES,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return _with_query(str((await self._discovered())["authorization_endpoint"]), query)

    async def sign_out_url(self, back_to: str) -> str | None:
        """Tell where a person signs out of the provider too; None where it has no such place."""
        found = await self._discovered()
        end = found.get("end_session_endpoint")
        if not end and "/oauth2/" in str(found["authorization_endpoint"]):
            # Cognito's sign-out is beside its sign-in, and was not always in its discovery.
            end = str(found["authorization_endpoint"]).partition("/oauth2/")[0] + "/logout"
        if not end:
            return None
        query = {
            "client_id": self.client_id,
            "logout_uri": back_to,
            "post_logout_redirect_uri": back_to,
        }
        return _with_query(str(end), query)

    async def redeem(self, code: str, *, redirect_uri: str, verifier: str) -> Mapping[str, Any]:
        """Exchange a code for tokens. Raises `Unauthenticated` when the provider refuses."""
        return await self._tokens(
            grant_type="authorization_code",
            code=code,
            redirect_uri=redirect_uri,
            code_verifier=verifier,
        )

    async def refresh(self, refresh_token: str) -> Mapping[str, Any]:
        """Get new tokens. Raises `Unauthenticated` when the provider refuses."""
        return await self._tokens(grant_type="refresh_token", refresh_token=refresh_token)

    async def _tokens(self, **form: str) -> Mapping[str, Any]:
        url = str((await self._discovered())["token_endpoint"])
        form["client_id"] = self.client_id
        secret = self.client_secret
        auth = aiohttp.BasicAuth(self.client_id, secret) if secret else None
        try:
            async with self.http.post(url, data=form, auth=auth, allow_redirects=False) as answer:
                if answer.status >= _SERVER_FAULT:
                    raise Unavailable("the provider can't answer", code="oidc_unreachable")
                if not answer.ok:
                    raise Unauthenticated("the provider refused to sign you in")
                return await _json(answer)
        except _LOST as error:
            raise Unavailable("the provider can't be reached", code="oidc_unreachable") from error

    async def _get(self, url: str) -> Mapping[str, Any]:
        try:
            async with self.http.get(url, allow_redirects=False) as answer:
                answer.raise_for_status()
                return await _json(answer)
        except _LOST as error:
            raise Unavailable("the provider can't be reached", code="oidc_unreachable") from error


async def _json(answer: aiohttp.ClientResponse) -> Mapping[str, Any]:
    if (answer.content_length or 0) > MAX_ANSWER_BYTES:
        raise ValueError("the answer is too long")
    found = await answer.json(content_type=None)
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - it is the provider's error
    return found


def _with_query(url: str, query: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
