"""The HTTP application: typed keys, middlewares in order, and the route table."""

import secrets
import time
from types import MappingProxyType
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from structlog.contextvars import bound_contextvars

from imgtag.api.access import POLICIES, authorise
from imgtag.api.delivery import DELIVERY, Delivery
from imgtag.api.headers import add_headers, answer_preflight
from imgtag.api.keys import SERVICES, Services, services
from imgtag.api.malformed import answer_expectation
from imgtag.api.messages import JSON_BODY_BYTES
from imgtag.api.openapi import document
from imgtag.api.page import PAGE, Page
from imgtag.api.problems import REQUEST_ID, answer_errors
from imgtag.api.routes import ROUTES
from imgtag.api.system import DOCUMENT, READINESS, Readiness
from imgtag.api.waking import MAKES_WORK, wake_workers
from imgtag.pipeline.budget import ByteBudget
from imgtag.pipeline.files import FileChecker
from imgtag.pipeline.threads import Threads

DELIVERY_THREADS: Final = 4
_QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})
# What stands where an id would, as in `/api/photos/edit`.
_NO_IDS: Final = "|".join(
    sorted({route.path.rpartition("/")[2] for route in ROUTES if "{" not in route.path} - {""})
)

log = structlog.get_logger(__name__)


def create_app(known: Services) -> web.Application:
    """Build the application on *known* services. Uploads are bounded by their tickets."""
    app = web.Application(
        client_max_size=JSON_BODY_BYTES,
        middlewares=[observe, answer_preflight, answer_errors, authorise, wake_workers],
    )
    app[SERVICES] = known
    app[READINESS] = Readiness()
    app[PAGE] = Page()
    app[DELIVERY] = Delivery(
        ByteBudget(known.settings.bundle_memory),
        FileChecker(),
        photos=Threads(DELIVERY_THREADS, "photos"),
        archives=Threads(DELIVERY_THREADS, "archives"),
    )
    app.on_cleanup.append(close_delivery)
    app[DOCUMENT] = document(ROUTES)
    app[POLICIES] = MappingProxyType({route.handler: route.access for route in ROUTES})
    app[MAKES_WORK] = frozenset(route.handler for route in ROUTES if route.makes_work)
    for route in ROUTES:
        path = route.path.replace("{id}", f"{{id:(?!(?:{_NO_IDS})$)[^/]+}}")
        for method in (route.method, "HEAD") if route.method == "GET" else (route.method,):
            add = app.router.add_route
            add(method, path, route.handler, expect_handler=answer_expectation)
    app.on_response_prepare.append(add_headers)
    return app


async def close_delivery(app: web.Application) -> None:
    """Let go of the threads."""
    app[DELIVERY].photos.close()
    app[DELIVERY].archives.close()


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request an id, log it and measure it."""
    request[REQUEST_ID] = secrets.token_hex(8)
    started = time.perf_counter()
    with bound_contextvars(request=request[REQUEST_ID]):
        response = await handler(request)
        _measure(request, response.status, time.perf_counter() - started)
    return response


def _measure(request: web.Request, status: int, seconds: float) -> None:
    resource = request.match_info.route.resource
    route = resource.canonical if resource else "none"
    requests = services(request).metrics.requests
    requests.labels(request.method, route, status).observe(seconds)
    if request.path not in _QUIET:
        log.info(
            "request", method=request.method, route=route, status=status, seconds=round(seconds, 4)
        )
