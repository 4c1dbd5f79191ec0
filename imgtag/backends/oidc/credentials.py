"""Sessions and API tokens as records, under digests of their secrets.

====================  ====================  =============================================
shelf                 name                  values
====================  ====================  =============================================
``sessions``          digest of the cookie  owner, name, good, claimed, refresh (sealed)
``tokens.<owner>``    token                 name, user, scopes, made, until, used, digest
``tokens-by-digest``  digest of the secret  owner, token
====================  ====================  =============================================
"""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from cryptography.fernet import Fernet

from imgtag.domain.errors import Conflict, Forbidden, NotFound, Unauthenticated
from imgtag.domain.ids import OwnerId, TokenId
from imgtag.ports import ApiToken, Clock, Principal, Record, RecordStore, Scope

MAX_TOKENS: Final = 100
_PREFIX: Final = "imgtag_"
_ID_BYTES: Final = 10
_BY_DIGEST: Final = "tokens-by-digest"
# Often enough to see which tokens lie idle, rarely enough to cost no write per request.
_USE_RECORDED_EVERY: Final = timedelta(hours=1)


def digest_of(secret: str) -> str:
    """Make what is kept of a secret: they are long and random, so that a plain hash is enough."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def seal(secret: str, text: str) -> str:
    """Encrypt *text* so that only who has *secret* can read it; *secret* itself is not kept."""
    return _fernet(secret).encrypt(text.encode()).decode()


def unseal(secret: str, text: str) -> str:
    """Read what `seal` wrote."""
    return _fernet(secret).decrypt(text.encode()).decode()


def _fernet(secret: str) -> Fernet:
    key = hashlib.sha256(b"imgtag.seal." + secret.encode(errors="surrogatepass")).digest()
    return Fernet(base64.urlsafe_b64encode(key))


class ApiTokens:
    """API tokens of all owners."""

    def __init__(self, records: RecordStore, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    @staticmethod
    def is_one(token: str) -> bool:
        """Tell an API token from a provider's."""
        return token.startswith(_PREFIX)

    async def speaker(self, secret: str) -> Principal:
        """Tell for whom a token speaks. Raises `Unauthenticated`."""
        link = await self._records.get(_BY_DIGEST, digest_of(secret))
        kept = link and await self._records.get(_shelf(link.values["owner"]), link.values["token"])
        now = self._clock.now()
        token = _token(kept) if kept else None
        if not kept or not token or (token.expires_at and token.expires_at <= now):
            raise Unauthenticated("this token is not valid, or no longer")
        if token.last_used_at is None or now - token.last_used_at >= _USE_RECORDED_EVERY:
            used = replace(kept, values={**kept.values, "used": now.isoformat()})
            await self._records.swap(kept, used)
        owner = OwnerId(kept.shelf.partition(".")[2])
        return Principal(owner, kept.values["user"], token.scopes, token.id)

    async def list(self, owner: OwnerId) -> Sequence[ApiToken]:
        """List an owner's tokens, oldest first."""
        return [_token(record) for record in await self._records.list(_shelf(owner))]

    async def create(
        self,
        principal: Principal,
        name: str,
        scopes: frozenset[Scope],
        expires_at: datetime | None,
    ) -> tuple[ApiToken, str]:
        """Make a token and its secret."""
        await self._must_be_allowed(principal)
        now, secret = self._clock.now(), _PREFIX + secrets.token_urlsafe(32)
        values = {
            "name": name,
            "user": principal.username,
            "scopes": " ".join(sorted(scopes)),
            "made": now.isoformat(),
            "until": expires_at.isoformat() if expires_at else "",
            "used": "",
            "digest": digest_of(secret),
        }
        token = TokenId.mint(now, secrets.token_bytes(_ID_BYTES))
        kept = Record(_shelf(principal.owner), token, values)
        # Listed before it works, so that there is never a token that can't be revoked.
        await self._records.put(kept)
        link = {"owner": principal.owner, "token": token}
        await self._records.put(Record(_BY_DIGEST, values["digest"], link))
        return _token(kept), secret

    async def _must_be_allowed(self, principal: Principal) -> None:
        if principal.token is not None:
            msg = "an API token can't make tokens; sign in for that"
            raise Forbidden(msg, code="token_cannot_make_tokens")
        if len(await self._records.list(_shelf(principal.owner))) >= MAX_TOKENS:
            msg = f"one owner has at most {MAX_TOKENS} tokens; revoke one first"
            raise Conflict(msg, code="too_many_tokens")

    async def revoke(self, owner: OwnerId, token: TokenId) -> None:
        """End a token. Raises `NotFound`."""
        kept = await self._records.get(_shelf(owner), token)
        if kept is None:
            raise NotFound("there is no such token")
        await self._records.take(_BY_DIGEST, kept.values["digest"])
        await self._records.take(kept.shelf, kept.name)


def _shelf(owner: str) -> str:
    return f"tokens.{owner}"


def _token(record: Record) -> ApiToken:
    values = record.values
    return ApiToken(
        TokenId(record.name),
        values["name"],
        frozenset(Scope(scope) for scope in values["scopes"].split()),
        datetime.fromisoformat(values["made"]),
        _time(values["until"]),
        _time(values["used"]),
    )


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
