"""Signing in on the pages of an identity provider, and coming back from there.

What a sign-in under way has to remember lies in a signed cookie in the browser that began it, so
that strangers can make this server write nothing, and any instance can end it.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from aiohttp import web

from imgtag.api.access import COOKIE
from imgtag.api.keys import services
from imgtag.api.messages import query
from imgtag.api.origin import origin
from imgtag.api.schemas import SignInQuery
from imgtag.domain.errors import (
    Forbidden,
    ImgtagError,
    Invalid,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from imgtag.ports import CodeFlow, SignedIn

CALLBACK: Final = "/api/auth/callback"
HOME: Final = "/"
MAX_PARAMETER_CHARACTERS: Final = 4096
_PURPOSE: Final = "sign-in"
_COOKIE: Final = "imgtag_sign_in"
# A path of this site, as every browser reads it: some drop tabs and breaks, some take \\ for /.
_PATH: Final = re.compile(r"/(?![/\\])[^\x00-\x20\x7f\\]{0,999}")
_NO_PAGES: Final = ("/api/", "/b/")

log = structlog.get_logger(__name__)


async def begin_sign_in(request: web.Request) -> web.StreamResponse:
    """Send the browser to the provider."""
    asked, flow = query(request, SignInQuery), _flow(request)

    async def begin() -> web.StreamResponse:
        begun = await flow.begin(redirect_uri=origin(request) + CALLBACK)
        kept = {**begun.kept, "back_to": page_of(asked.back_to)}
        response = _redirect(begun.url)
        _set_cookie(
            request,
            response,
            _cookie_of(request, begun.state),
            services(request).signer.sign(_PURPOSE, kept),
            begun.expires_at,
        )
        return response

    return await _told_to_people(request, begin)


async def finish_sign_in(request: web.Request) -> web.StreamResponse:
    """Begin a session for whom the provider has sent back, and show the page that was asked for."""
    flow = _flow(request)
    parameters = _parameters(request)
    cookie = _cookie_of(request, parameters.get("state", ""))

    async def finish() -> web.StreamResponse:
        kept = _kept(request, cookie)
        back_to = kept.pop("back_to")
        signed_in = await flow.finish(parameters, kept)
        await _end_earlier(request)
        response = _redirect(back_to)
        set_session(request, response, signed_in)
        return response

    response = await _told_to_people(request, finish)
    response.del_cookie(cookie, path="/", secure=_is_secure(request), httponly=True)
    return response


async def leave_provider(request: web.Request) -> web.StreamResponse:
    """Send the browser to where one signs out of the provider too, once the session here is over.

    It ends nothing itself, since any page can send a browser here.
    """
    home = origin(request) + HOME
    try:
        url = await _flow(request).sign_out_url(home)
    except Unavailable as error:
        log.warning("signed out here only", error=error.detail)
        url = None
    return _redirect(url or HOME)


def set_session(request: web.Request, response: web.StreamResponse, signed_in: SignedIn) -> None:
    """Give the browser the secret of its session."""
    _set_cookie(request, response, COOKIE, signed_in.secret, signed_in.expires_at)


def page_of(back_to: str) -> str:
    """Give *back_to* if it is a page of this site, else the first one."""
    if not _PATH.fullmatch(back_to) or back_to.startswith(_NO_PAGES):
        return HOME
    return back_to


def _flow(request: web.Request) -> CodeFlow:
    flow = services(request).auth.code_flow
    if flow is None:
        msg = "nobody signs in elsewhere here"
        raise NotFound(msg, code="no_provider")
    return flow


def _parameters(request: web.Request) -> Mapping[str, str]:
    """Read what the provider sends: whatever it adds is fine, what comes twice is not."""
    given = request.query
    if len(set(given)) != len(given) or any(
        len(text) > MAX_PARAMETER_CHARACTERS for text in given.values()
    ):
        msg = "the query is not valid"
        raise Invalid(msg)
    return dict(given)


def _kept(request: web.Request, cookie: str) -> dict[str, Any]:
    try:
        return services(request).signer.open(_PURPOSE, request.cookies.get(cookie, ""))
    except Forbidden:
        msg = "this sign-in was not begun in this browser, or took too long"
        raise Unauthenticated(msg, code="sign_in_stale") from None


async def _end_earlier(request: web.Request) -> None:
    earlier = request.cookies.get(COOKIE)
    if earlier:
        await services(request).auth.sign_out(earlier)


async def _told_to_people(
    request: web.Request, answer: Callable[[], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Bring a browser back to the page, which says what went wrong; programs get the problem."""
    try:
        return await answer()
    except (Unauthenticated, Unavailable) as error:
        if "text/html" not in request.headers.get("Accept", ""):
            raise
        _note(error)
        return _redirect(f"{HOME}?{urlencode({'sign_in': error.code})}")


def _note(error: ImgtagError) -> None:
    cause = error.__cause__
    log.warning("not signed in", code=error.code, cause=str(cause) if cause else error.detail)


def _redirect(url: str) -> web.Response:
    headers = {"Location": url, "Cache-Control": "no-store"}
    return web.Response(status=303, headers=headers)


def _cookie_of(request: web.Request, state: str) -> str:
    """Name the cookie of one sign-in: others may be under way in the same browser.

    The prefix keeps sites beside this one from planting a cookie: RFC 6265bis, 4.1.3.2.
    """
    prefix = "__Host-" if _is_secure(request) else ""
    return f"{prefix}{_COOKIE}_{re.sub('[^A-Za-z0-9_-]', '', state)[:8]}"


def _is_secure(request: web.Request) -> bool:
    return origin(request).startswith("https:")


def _set_cookie(
    request: web.Request, response: web.StreamResponse, name: str, value: str, until: datetime
) -> None:
    response.set_cookie(
        name,
        value,
        path="/",
        expires=until.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"),
        httponly=True,
        samesite="Lax",
        secure=_is_secure(request),
    )
