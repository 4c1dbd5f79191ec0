"""Sessions that are as good as the provider says.

When the id token that began one has ended, the refresh token has to bring a new one.
"""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from imgtag.backends.oidc.credentials import digest_of, seal, unseal
from imgtag.backends.oidc.provider import Provider
from imgtag.backends.oidc.verify import Verifier, principal_of
from imgtag.domain.errors import Unauthenticated, Unavailable
from imgtag.domain.ids import OwnerId
from imgtag.ports import Clock, Principal, Record, RecordStore, SignedIn

SESSION_LIFETIME: Final = timedelta(days=14)
# Longer than a call to the provider takes, with its time-out.
_CLAIM: Final = timedelta(seconds=15)
_LOOK_SECONDS: Final = 0.1
_LOOKS: Final = 160
_SHELF: Final = "sessions"
_ENDED: Final = "this session has ended; sign in again"


class Sessions:
    """Who is signed in, at any instance."""

    def __init__(
        self, provider: Provider, verifier: Verifier, records: RecordStore, clock: Clock
    ) -> None:
        self._provider = provider
        self._verifier = verifier
        self._records = records
        self._clock = clock

    async def begin(self, claims: Mapping[str, Any], refresh_token: str) -> SignedIn:
        """Begin a session for whom *claims* of an id token are about."""
        secret, principal = secrets.token_urlsafe(32), principal_of(claims)
        until = self._clock.now() + SESSION_LIFETIME
        values = {
            "owner": principal.owner,
            "name": principal.username,
            **_good(claims),
            "refresh": seal(secret, refresh_token) if refresh_token else "",
        }
        await self._records.put(Record(_SHELF, digest_of(secret), values, until))
        return SignedIn(principal, secret, until)

    async def find(self, secret: str) -> Principal:
        """Tell who it belongs to, once the provider agrees. Raises `Unauthenticated`."""
        kept = await self._kept(secret)
        if not self._is_good(kept):
            kept = await self._renewed(secret, kept)
        return Principal(OwnerId(kept.values["owner"]), kept.values["name"])

    async def _renewed(self, secret: str, kept: Record) -> Record:
        """Have one request, of one instance, ask the provider; the others wait for what it says.

        A provider that hands out a new refresh token each time may take one that comes twice for
        stolen, and end everything.
        """
        for _ in range(_LOOKS):
            if self._is_good(kept):
                return kept
            claimed = replace(kept, values={**kept.values, "claimed": self._until_given_up()})
            if not self._is_claimed(kept) and await self._records.swap(kept, claimed):
                return await self._renew(secret, claimed)
            await asyncio.sleep(_LOOK_SECONDS)
            kept = await self._kept(secret)
        raise Unavailable("the session is being renewed", code="oidc_unreachable")

    def _until_given_up(self) -> str:
        return (self._clock.now() + _CLAIM).isoformat()

    def _is_claimed(self, kept: Record) -> bool:
        return kept.values["claimed"] > self._clock.now().isoformat()

    async def end(self, secret: str) -> None:
        """End it at once; unknown is fine."""
        await self._records.take(_SHELF, digest_of(secret))

    async def _kept(self, secret: str) -> Record:
        kept = await self._records.get(_SHELF, digest_of(secret))
        if kept is None:
            raise Unauthenticated(_ENDED)
        return kept

    def _is_good(self, kept: Record) -> bool:
        return int(kept.values["good"]) > self._clock.now().timestamp()

    async def _renew(self, secret: str, kept: Record) -> Record:
        """Ask the provider whether the person may stay. Raises `Unauthenticated` if not."""
        try:
            claims, refresh_token = await self._ask(secret, kept)
        except Unauthenticated:
            await self.end(secret)
            raise
        except Unavailable:
            await self._records.swap(kept, replace(kept, values={**kept.values, "claimed": ""}))
            raise
        values = {**kept.values, **_good(claims), "refresh": seal(secret, refresh_token)}
        renewed = replace(kept, values=values)
        if not await self._records.swap(kept, renewed):
            raise Unauthenticated(_ENDED)  # signed out in this moment
        return renewed

    async def _ask(self, secret: str, kept: Record) -> tuple[Mapping[str, Any], str]:
        if not kept.values["refresh"]:
            raise Unauthenticated(_ENDED)
        refresh_token = unseal(secret, kept.values["refresh"])
        tokens = await self._provider.refresh(refresh_token)
        claims = await self._verifier.claims(str(tokens.get("id_token", "")), must_be_id=True)
        if principal_of(claims).owner != kept.values["owner"]:
            raise Unauthenticated(_ENDED)
        return claims, str(tokens.get("refresh_token") or refresh_token)


def _good(claims: Mapping[str, Any]) -> dict[str, str]:
    return {"good": str(int(claims["exp"])), "claimed": ""}
