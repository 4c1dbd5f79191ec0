"""The service itself: configuration, status, health, metrics and its own description."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from imgtag import __version__
from imgtag.api.keys import principal, services
from imgtag.api.messages import reply
from imgtag.api.schemas import (
    MAX_BATCH,
    AuthConfig,
    Config,
    FeaturesConfig,
    Health,
    LimitsConfig,
    Status,
)
from imgtag.api.views import tally_out
from imgtag.domain.errors import ImgtagError
from imgtag.domain.photos import CONTENT_TYPES, MAX_FILE_NAME_CHARACTERS

PROBE_SECONDS: Final = 5
_PORTS: Final = ("blobs", "catalog", "queue", "labeler", "notifier", "auth", "bundles")

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Readiness:
    """Whether traffic should come here."""

    draining: bool = field(default=False)


READINESS: Final = web.AppKey("readiness", Readiness)
DOCUMENT: Final = web.AppKey("openapi", Mapping[str, Any])


async def get_config(request: web.Request) -> web.Response:
    """Tell the page what it needs to start."""
    known = services(request)
    return reply(
        Config(
            version=__version__,
            auth=AuthConfig(
                mode=known.auth.mode,
                setup_due=await known.auth.setup_code() is not None,
                login_url="/api/auth/login" if known.auth.code_flow else None,
                logout_url="/api/auth/logout" if known.auth.code_flow else None,
            ),
            limits=LimitsConfig(
                max_photo_bytes=known.settings.max_photo_bytes,
                max_batch=MAX_BATCH,
                max_name=MAX_FILE_NAME_CHARACTERS,
            ),
            formats=list(CONTENT_TYPES),
            features=FeaturesConfig(
                imports=bool(known.settings.import_sources),
                notifications=bool(known.notifications.channels),
            ),
        )
    )


async def get_status(request: web.Request) -> web.Response:
    """Say how many photos are in which state, and what this service runs on."""
    known = services(request)
    tally = await known.photos.tally(principal(request).owner)
    backends = {port: getattr(known.settings, port) for port in _PORTS}
    return reply(Status(photos=tally_out(tally), version=__version__, backends=backends))


async def is_alive(_request: web.Request) -> web.Response:
    """Say that the process answers."""
    return reply(Health(status="ok"))


async def is_ready(request: web.Request) -> web.Response:
    """Say whether it can serve, and name what fails."""
    if request.app[READINESS].draining:
        return reply(Health(status="draining"), status=HTTPStatus.SERVICE_UNAVAILABLE)
    failing = await _failing(request)
    if failing:
        health = Health(status="failing", failing=failing)
        return reply(health, status=HTTPStatus.SERVICE_UNAVAILABLE)
    return reply(Health(status="ok"))


async def _failing(request: web.Request) -> list[str]:
    failing = []
    for name, probe in services(request).probes.items():
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await probe()
        except (ImgtagError, TimeoutError) as error:
            log.warning("not ready", part=name, error=str(error))
            failing.append(name)
    return failing


async def get_metrics(request: web.Request) -> web.Response:
    """Give all metrics in Prometheus' text format."""
    known = services(request)
    for name, queue in known.queues.items():
        known.metrics.waiting.labels(name).set(await queue.waiting())
        known.metrics.dead_letters.labels(name).set(await queue.dead_letters())
    return web.Response(
        body=generate_latest(known.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )


async def get_openapi(request: web.Request) -> web.Response:
    """Describe this API."""
    return web.json_response(request.app[DOCUMENT])
