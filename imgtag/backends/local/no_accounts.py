"""Mode ``none``: no accounts at all, for a server that only its own machine reaches."""

from collections.abc import Sequence
from datetime import datetime

from imgtag.backends.local.tokens import ApiTokens
from imgtag.backends.local.users import FIRST_OWNER
from imgtag.domain.errors import Conflict, Unauthenticated
from imgtag.domain.ids import OwnerId, TokenId
from imgtag.ports import ApiToken, Principal, Scope, SignedIn


class NoAccounts:
    """Mode ``none``: whoever reaches the server is its one owner, and tokens are for programs."""

    mode = "none"
    code_flow = None

    def __init__(self, tokens: ApiTokens) -> None:
        self._tokens = tokens

    async def anonymous(self) -> Principal | None:
        return Principal(FIRST_OWNER, "local")

    async def by_session(self, secret: str) -> Principal:  # noqa: ARG002
        raise _nobody_signs_in()

    async def by_bearer(self, token: str) -> Principal:
        bearer = await self._tokens.find(token)
        if bearer.owner != FIRST_OWNER:
            msg = "this token is not valid, or not any more"
            raise Unauthenticated(msg)
        return Principal(bearer.owner, "local", bearer.token.scopes, bearer.token.id)

    async def sign_in(self, username: str, password: str) -> SignedIn:  # noqa: ARG002
        raise _nobody_signs_in()

    async def sign_out(self, secret: str) -> None:
        pass

    async def setup_code(self) -> str | None:
        return None

    async def set_up(self, code: str, username: str, password: str) -> SignedIn:  # noqa: ARG002
        msg = "this server has no accounts"
        raise Conflict(msg, code="no_accounts")

    async def tokens(self, owner: OwnerId) -> Sequence[ApiToken]:
        return await self._tokens.of(owner)

    async def create_token(
        self,
        principal: Principal,
        name: str,
        scopes: frozenset[Scope],
        expires_at: datetime | None,
    ) -> tuple[ApiToken, str]:
        return await self._tokens.create(principal, name, scopes, expires_at)

    async def revoke_token(self, owner: OwnerId, token: TokenId) -> None:
        await self._tokens.revoke(owner, token)


def _nobody_signs_in() -> Unauthenticated:
    msg = "this server has no accounts, so nobody can sign in"
    return Unauthenticated(msg)
