"""People, sessions and API tokens in dictionaries; secrets only as digests."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from imgtag.domain.errors import Conflict, Forbidden, NotFound, Unauthenticated
from imgtag.domain.ids import OwnerId, TokenId
from imgtag.ports import ApiToken, Clock, Principal, Scope, SignedIn

SESSION_LIFETIME: Final = timedelta(days=14)
_ID_BYTES: Final = 10
_NOBODY: Final = "nobody is signed in"


@dataclass(frozen=True, slots=True)
class _Session:
    principal: Principal
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class _Token:
    principal: Principal
    token: ApiToken


class MemoryAuthenticator:
    """Knows *users*, given as name to password; a set-up code makes the first if there is none.

    With *anonymous*, everybody is the one person of that name and nobody has to sign in.
    """

    code_flow = None

    def __init__(
        self,
        clock: Clock,
        *,
        users: Mapping[str, str] | None = None,
        anonymous: str | None = None,
    ) -> None:
        self._clock = clock
        # Passwords live as long as this process does, so a key of its own stands in for slow salts.
        self._key = secrets.token_bytes(32)
        self._passwords: dict[str, str] = {}
        self._owners: dict[str, OwnerId] = {}
        self._sessions: dict[str, _Session] = {}
        self._tokens: dict[str, _Token] = {}
        self._setup_code = secrets.token_urlsafe(12)
        self._anonymous = anonymous
        for username, password in (users or {}).items():
            self.add(username, password)

    @property
    def mode(self) -> str:
        return "local" if self._anonymous is None else "none"

    def add(self, username: str, password: str) -> OwnerId:
        """Make an account, or give the one of that name a new password."""
        self._passwords[username] = self._digest(password)
        return self._owner_of(username)

    async def anonymous(self) -> Principal | None:
        if self._anonymous is None:
            return None
        return Principal(self._owner_of(self._anonymous), self._anonymous)

    async def by_session(self, secret: str) -> Principal:
        session = self._sessions.get(self._digest(secret))
        if session is None or session.expires_at <= self._clock.now():
            raise Unauthenticated(_NOBODY)
        return session.principal

    async def by_bearer(self, token: str) -> Principal:
        known = self._tokens.get(self._digest(token))
        now = self._clock.now()
        if known is None or (known.token.expires_at and known.token.expires_at <= now):
            msg = "this token is not valid, or no longer"
            raise Unauthenticated(msg)
        used = replace(known, token=replace(known.token, last_used_at=now))
        self._tokens[self._digest(token)] = used
        return used.principal

    async def sign_in(self, username: str, password: str) -> SignedIn:
        if not hmac.compare_digest(self._passwords.get(username, ""), self._digest(password)):
            msg = "wrong name or wrong password"
            raise Unauthenticated(msg, code="wrong_credentials")
        return self._begin(Principal(self._owner_of(username), username))

    async def sign_out(self, secret: str) -> None:
        self._sessions.pop(self._digest(secret), None)

    async def setup_code(self) -> str | None:
        return None if self._passwords or self._anonymous is not None else self._setup_code

    async def set_up(self, code: str, username: str, password: str) -> SignedIn:
        if await self.setup_code() is None:
            msg = "there is an account already"
            raise Conflict(msg, code="already_set_up")
        if not hmac.compare_digest(code.encode(), self._setup_code.encode()):
            msg = "this is not the set-up code"
            raise Forbidden(msg, code="wrong_setup_code")
        return self._begin(Principal(self.add(username, password), username))

    async def tokens(self, owner: OwnerId) -> Sequence[ApiToken]:
        return [known.token for known in self._tokens.values() if known.principal.owner == owner]

    async def create_token(
        self,
        principal: Principal,
        name: str,
        scopes: frozenset[Scope],
        expires_at: datetime | None,
    ) -> tuple[ApiToken, str]:
        now = self._clock.now()
        token_id = TokenId.mint(now, secrets.token_bytes(_ID_BYTES))
        token = ApiToken(token_id, name, scopes, now, expires_at)
        secret = f"imgtag_{secrets.token_urlsafe(32)}"
        speaker = Principal(principal.owner, principal.username, scopes, token_id)
        self._tokens[self._digest(secret)] = _Token(speaker, token)
        return token, secret

    async def revoke_token(self, owner: OwnerId, token: TokenId) -> None:
        for digest, known in self._tokens.items():
            if (known.principal.owner, known.token.id) == (owner, token):
                del self._tokens[digest]
                return
        msg = "there is no such token"
        raise NotFound(msg)

    def _begin(self, principal: Principal) -> SignedIn:
        secret = secrets.token_urlsafe(32)
        expires_at = self._clock.now() + SESSION_LIFETIME
        self._sessions[self._digest(secret)] = _Session(principal, expires_at)
        return SignedIn(principal, secret, expires_at)

    def _owner_of(self, username: str) -> OwnerId:
        if username not in self._owners:
            entropy = secrets.token_bytes(_ID_BYTES)
            self._owners[username] = OwnerId.mint(self._clock.now(), entropy)
        return self._owners[username]

    def _digest(self, secret: str) -> str:
        return hashlib.blake2b(secret.encode(), key=self._key).hexdigest()
