"""The code flow, with PKCE, `state` and `nonce`; nothing is kept here between its two halves.

RFC 6749, RFC 7636, RFC 9207, and OpenID Connect Core 3.1.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from imgtag.backends.oidc.provider import Provider
from imgtag.backends.oidc.sessions import Sessions
from imgtag.backends.oidc.verify import Verifier
from imgtag.domain.errors import Unauthenticated
from imgtag.ports import Begun, Clock, SignedIn

LIFETIME: Final = timedelta(minutes=10)
_STALE: Final = "this sign-in was not begun in this browser, or took too long"
_REFUSED: Final = "the provider did not sign you in"


class CodeFlow:
    """Signs people in at *provider*; each sign-in becomes one of *sessions*."""

    def __init__(
        self, provider: Provider, verifier: Verifier, sessions: Sessions, clock: Clock
    ) -> None:
        self._provider = provider
        self._verifier = verifier
        self._sessions = sessions
        self._clock = clock

    async def begin(self, *, redirect_uri: str) -> Begun:
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        until = self._clock.now() + LIFETIME
        digest = hashlib.sha256(verifier.encode()).digest()
        url = await self._provider.sign_in_url(
            redirect_uri=redirect_uri,
            state=state,
            nonce=nonce,
            challenge=base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        )
        kept = {
            "state": state,
            "nonce": nonce,
            "verifier": verifier,
            "redirect_uri": redirect_uri,
            "until": until.isoformat(),
        }
        return Begun(url, state, kept, until)

    async def finish(self, parameters: Mapping[str, str], kept: Mapping[str, str]) -> SignedIn:
        if not _same(parameters.get("state", ""), kept["state"]) or self._is_late(kept):
            raise Unauthenticated(_STALE, code="sign_in_stale")
        if parameters.get("iss", self._provider.issuer) != self._provider.issuer:
            raise Unauthenticated(_REFUSED, code="sign_in_refused")
        if "code" not in parameters:
            raise Unauthenticated(_REFUSED, code="sign_in_refused")
        try:
            claims, refresh_token = await self._redeem(parameters["code"], kept)
        except Unauthenticated as error:
            raise Unauthenticated(_REFUSED, code="sign_in_refused") from error
        return await self._sessions.begin(claims, refresh_token)

    def _is_late(self, kept: Mapping[str, str]) -> bool:
        return self._clock.now() >= datetime.fromisoformat(kept["until"])

    async def _redeem(self, code: str, kept: Mapping[str, str]) -> tuple[Mapping[str, Any], str]:
        tokens = await self._provider.redeem(
            code, redirect_uri=kept["redirect_uri"], verifier=kept["verifier"]
        )
        claims = await self._verifier.claims(str(tokens.get("id_token", "")), must_be_id=True)
        if not _same(str(claims.get("nonce", "")), kept["nonce"]):
            raise Unauthenticated(_REFUSED)
        return claims, str(tokens.get("refresh_token") or "")

    async def sign_out_url(self, back_to: str) -> str | None:
        return await self._provider.sign_out_url(back_to)


def _same(given: str, kept: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogatepass"), kept.encode())
