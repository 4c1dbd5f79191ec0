"""Signing in and out, the first account, and API tokens."""

from http import HTTPStatus

from aiohttp import web

from imgtag.api.access import COOKIE, identify
from imgtag.api.cursors import Cursors
from imgtag.api.keys import principal, services
from imgtag.api.messages import body, no_content, query, reply
from imgtag.api.origin import check_same_origin
from imgtag.api.schemas import (
    PageQuery,
    Session,
    SetUp,
    SignIn,
    TokenMade,
    TokenRequest,
    TokensPage,
)
from imgtag.api.sign_in import set_session
from imgtag.api.views import token_out
from imgtag.domain.errors import Invalid
from imgtag.domain.ids import TokenId
from imgtag.ports import Principal, SignedIn


async def who_am_i(request: web.Request) -> web.Response:
    """Say who is asking."""
    return reply(_session(request, await identify(request)))


async def sign_in(request: web.Request) -> web.Response:
    """Begin a session with name and password."""
    asked = await body(request, SignIn)
    signed_in = await services(request).auth.sign_in(asked.username, asked.password)
    return _welcome(request, signed_in, HTTPStatus.OK)


async def set_up(request: web.Request) -> web.Response:
    """Make the first account and sign in to it."""
    asked = await body(request, SetUp)
    signed_in = await services(request).auth.set_up(asked.code, asked.username, asked.password)
    return _welcome(request, signed_in, HTTPStatus.CREATED)


async def sign_out(request: web.Request) -> web.Response:
    """End the session, if there is one."""
    secret = request.cookies.get(COOKIE)
    if secret:
        check_same_origin(request, proof_required=True)
        await services(request).auth.sign_out(secret)
    response = no_content()
    response.del_cookie(COOKIE, path="/")
    return response


def _welcome(request: web.Request, signed_in: SignedIn, status: HTTPStatus) -> web.Response:
    response = reply(_session(request, signed_in.principal), status=status)
    set_session(request, response, signed_in)
    return response


def _session(request: web.Request, who: Principal) -> Session:
    return Session(
        username=who.username,
        owner=who.owner,
        mode=services(request).auth.mode,
        scopes=sorted(who.scopes),
    )


async def list_tokens(request: web.Request) -> web.Response:
    """List API tokens, without their secrets; oldest first, as their ids tell."""
    asked = query(request, PageQuery)
    known, owner = services(request), principal(request).owner
    cursors = Cursors(known.signer, owner, "tokens")
    after = cursors.read(asked.cursor)["i"] if asked.cursor else ""
    tokens = sorted(await known.auth.tokens(owner), key=lambda token: token.id)
    rest = [token_out(token) for token in tokens if token.id > after]
    shown = rest[: asked.limit]
    more = len(rest) > len(shown)
    return reply(
        TokensPage(tokens=shown, next_cursor=cursors.write(i=shown[-1].id) if more else None)
    )


async def create_token(request: web.Request) -> web.Response:
    """Make an API token; its secret is in this answer only."""
    asked = await body(request, TokenRequest)
    known = services(request)
    expires_at = asked.expires_at
    if expires_at and expires_at <= known.clock.now():
        msg = "the token would have expired already"
        raise Invalid(msg, pointer="/expires_at")
    token, secret = await known.auth.create_token(
        principal(request), asked.name, frozenset(asked.scopes), expires_at
    )
    made = TokenMade(**token_out(token).model_dump(), token=secret)
    return reply(made, status=HTTPStatus.CREATED)


async def revoke_token(request: web.Request) -> web.Response:
    """End an API token at once."""
    token = TokenId(request.match_info["id"])
    await services(request).auth.revoke_token(principal(request).owner, token)
    return no_content()
