"""Sessions, sign-ins under way and API tokens in the jobs' table; secrets only as digests.

=================  ====================  ==========  =======================================
what               pk                    sk          attributes
=================  ====================  ==========  =======================================
a session          ``S#digest``          ``-``       owner, name, refresh, good, until, ttl
a sign-in          ``F#digest``          ``-``       state, nonce, verifier, back, until, ttl
an API token       ``K#owner``           token       name, user, scopes, made, until, used, digest
its secret         ``KD#digest``         ``-``       owner, token
=================  ====================  ==========  =======================================
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from imgtag.backends.aws.table import THERE, Condition, Item, Table
from imgtag.domain.errors import Conflict, NotFound, Unauthenticated
from imgtag.domain.ids import OwnerId, TokenId
from imgtag.ports import ApiToken, Clock, Principal, Scope

_ONLY: Final = "-"
_ID_BYTES: Final = 10
_PREFIX: Final = "imgtag_"


def digest_of(secret: str) -> str:
    """Make what is kept of a secret: they are long and random, so that a plain hash is enough."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


class Secrets:
    """Keeps values under secrets until a time; *kind* sets one use apart from another."""

    def __init__(self, table: Table, clock: Clock, kind: str) -> None:
        self._table = table
        self._clock = clock
        self._kind = kind

    async def put(self, secret: str, values: Mapping[str, str | int], until: datetime) -> None:
        """Keep *values*, or replace those that are there."""
        pk, sk = self._key(secret)
        end = int(until.timestamp())
        await self._table.write({**values, "pk": pk, "sk": sk, "until": end, "ttl": end})

    async def get(self, secret: str) -> Item | None:
        """Fetch what is kept, if its time is not over."""
        item = await self._table.get(self._key(secret))
        if item is None or int(item["until"]) <= self._clock.now().timestamp():
            return None
        return item

    async def swap(self, old: Item, new: Mapping[str, str | int]) -> bool:
        """Replace *old* by *new*, unless somebody else has or it is gone; tell whether it was."""
        same = Condition("good = :good", {":good": old["good"]})
        try:
            await self._table.write({**old, **new}, same)
        except Conflict:
            return False
        return True

    async def take(self, secret: str) -> Item | None:
        """Fetch what is kept, and make sure that nobody else ever does."""
        item = await self.get(secret)
        if item is None:
            return None
        try:
            await self._table.delete(self._key(secret), THERE)
        except Conflict:
            return None
        return item

    async def end(self, secret: str) -> None:
        """Forget it; absent is fine."""
        await self._table.delete(self._key(secret))

    def _key(self, secret: str) -> tuple[str, str]:
        return f"{self._kind}#{digest_of(secret)}", _ONLY


class ApiTokens:
    """API tokens of all owners."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    @staticmethod
    def is_one(token: str) -> bool:
        """Tell an API token from a provider's."""
        return token.startswith(_PREFIX)

    async def speaker(self, secret: str) -> Principal:
        """Tell for whom a token speaks. Raises `Unauthenticated`."""
        link = await self._table.get((f"KD#{digest_of(secret)}", _ONLY))
        item = link and await self._table.get((f"K#{link['owner']}", str(link["token"])))
        now = self._clock.now()
        if not item or (item["until"] and str(item["until"]) <= now.isoformat()):
            raise Unauthenticated("this token is not valid, or no longer")
        used: Item = {**item, "used": now.isoformat()}
        try:
            await self._table.write(used, THERE)
        except Conflict:
            raise Unauthenticated("this token is not valid, or no longer") from None
        token = _token(used)
        return Principal(OwnerId(str(item["pk"])[2:]), str(item["user"]), token.scopes, token.id)

    async def list(self, owner: OwnerId) -> Sequence[ApiToken]:
        """List an owner's tokens, oldest first."""
        return [_token(item) async for item in self._table.partition(f"K#{owner}")]

    async def create(
        self,
        principal: Principal,
        name: str,
        scopes: frozenset[Scope],
        expires_at: datetime | None,
    ) -> tuple[ApiToken, str]:
        """Make a token and its secret."""
        now, secret = self._clock.now(), _PREFIX + secrets.token_urlsafe(32)
        item: Item = {
            "pk": f"K#{principal.owner}",
            "sk": TokenId.mint(now, secrets.token_bytes(_ID_BYTES)),
            "name": name,
            "user": principal.username,
            "scopes": " ".join(sorted(scopes)),
            "made": now.isoformat(),
            "until": expires_at.isoformat() if expires_at else "",
            "used": "",
            "digest": digest_of(secret),
        }
        link = {"pk": f"KD#{item['digest']}", "sk": _ONLY, "owner": principal.owner}
        await self._table.transact(
            [self._table.put(item), self._table.put({**link, "token": item["sk"]})]
        )
        return _token(item), secret

    async def revoke(self, owner: OwnerId, token: TokenId) -> None:
        """End a token. Raises `NotFound`."""
        item = await self._table.get((f"K#{owner}", token))
        if item is None:
            raise NotFound("there is no such token")
        keys = [(f"K#{owner}", str(token)), (f"KD#{item['digest']}", _ONLY)]
        await self._table.transact([self._table.remove(key) for key in keys])


def _token(item: Item) -> ApiToken:
    return ApiToken(
        TokenId(str(item["sk"])),
        str(item["name"]),
        frozenset(Scope(scope) for scope in str(item["scopes"]).split()),
        datetime.fromisoformat(str(item["made"])),
        _time(item["until"]),
        _time(item["used"]),
    )


def _time(text: str | int) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None
