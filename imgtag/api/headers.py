"""Headers that every answer carries: request id, what browsers must not do, and CORS."""

from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from imgtag.api.keys import services
from imgtag.api.problems import REQUEST_ID, STARTED
from imgtag.settings import Settings

ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
# What is not a page needs nothing, and a photo that pretends to be one gets nothing.
_NO_PAGE: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"
_CORS_METHODS: Final = "GET, HEAD, PUT, POST, PATCH, DELETE"
_CORS_HEADERS: Final = "Authorization, Content-Type, Idempotency-Key, Range, If-Range"
_CORS_EXPOSED: Final = "Location, ETag, Content-Range, Content-Disposition, X-Request-Id"


def page_policy(settings: Settings) -> str:
    """Say what the page may do: everything from here, photos and uploads from the stores too."""
    stores = "".join(f" {source}" for source in settings.page_sources)
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
        f"img-src 'self' blob: data:{stores}; connect-src 'self'{stores}; worker-src 'self'; "
        "manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add what every answer carries; what a handler has set stays."""
    request[STARTED] = True
    settings = services(request).settings
    if response.content_type == "text/html":
        response.headers.setdefault("Content-Security-Policy", page_policy(settings))
    harden(response, request.get(REQUEST_ID, "unknown"))
    if settings.public_url.startswith("https:"):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    _add_cors(request, response, settings)


def harden(response: web.StreamResponse, request_id: str) -> None:
    """Add the id, and what no browser may do with an answer that is no page.

    Which versions answer is nobody's business: it would tell which of their holes to try.
    """
    response.headers["X-Request-Id"] = request_id
    response.headers["Server"] = "imgtag"
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    # A browser takes the headers of a 304 over into what it has: the page would lose its policy.
    if response.status != HTTPStatus.NOT_MODIFIED:
        response.headers.setdefault("Content-Security-Policy", _NO_PAGE)


def _add_cors(request: web.Request, response: web.StreamResponse, settings: Settings) -> None:
    if not settings.cors_origins:
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return
    response.headers.add(hdrs.VARY, "Origin")
    if request.headers.get(hdrs.ORIGIN) in settings.cors_origins:
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = request.headers[hdrs.ORIGIN]
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _CORS_EXPOSED


@web.middleware
async def answer_preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a browser that asks whether a page of another origin may call the API."""
    asks = (
        request.method == hdrs.METH_OPTIONS
        and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
    )
    if not asks or request.headers.get(hdrs.ORIGIN) not in services(request).settings.cors_origins:
        return await handler(request)
    allowed = {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: _CORS_METHODS,
        hdrs.ACCESS_CONTROL_ALLOW_HEADERS: _CORS_HEADERS,
        hdrs.ACCESS_CONTROL_MAX_AGE: "600",
    }
    return web.Response(status=204, headers=allowed)
