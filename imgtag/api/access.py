"""Who may call what: one policy for every route, checked before its handler runs."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler
from structlog.contextvars import bound_contextvars

from imgtag.api.keys import PRINCIPAL, services
from imgtag.api.origin import check_host, check_same_origin
from imgtag.domain.errors import Forbidden, Unauthenticated
from imgtag.ports import Principal, Scope

COOKIE: Final = "imgtag_session"


class Access(StrEnum):
    """What a route asks of its caller. LINK means that the URL itself is the credential."""

    OPEN = "open"
    LINK = "link"
    READ = "read"
    WRITE = "write"


# Filled from the route table; a handler without an entry can't be reached.
POLICIES: Final = web.AppKey("policies", Mapping[Handler, Access])


@web.middleware
async def authorise(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request through that its route's policy allows."""
    check_host(request.host, services(request).settings)
    if request.match_info.http_exception:
        return await handler(request)
    access = request.app[POLICIES][request.match_info.handler]
    if access in {Access.OPEN, Access.LINK}:
        check_same_origin(request, proof_required=False)
        return await handler(request)
    who = await identify(request)
    if Scope(access) not in who.scopes:
        msg = f"this token may not {access}"
        raise Forbidden(msg, code="scope_missing")
    request[PRINCIPAL] = who
    with bound_contextvars(owner=who.owner):
        return await handler(request)


async def identify(request: web.Request) -> Principal:
    """Say who is asking. Raises `Unauthenticated`, or `Forbidden` for a page of another site."""
    auth = services(request).auth
    bearer = _bearer(request)
    if bearer:
        return await auth.by_bearer(bearer)
    secret = request.cookies.get(COOKIE)
    anonymous = await auth.anonymous()
    if secret and anonymous is None:
        check_same_origin(request, proof_required=True)
        return await auth.by_session(secret)
    check_same_origin(request, proof_required=False)
    if anonymous is None:
        msg = "sign in first"
        raise Unauthenticated(msg)
    return anonymous


def _bearer(request: web.Request) -> str | None:
    given = request.headers.getall("Authorization", [])
    if not given:
        return None
    scheme, _, token = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer" or not token.strip():
        msg = "the Authorization header has to be one Bearer token"
        raise Unauthenticated(msg)
    return token.strip()
