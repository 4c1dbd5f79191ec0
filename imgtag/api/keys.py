"""What handlers find on the application and on the request, each under a typed key."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from imgtag.metrics import Metrics
from imgtag.ports import Authenticator, BlobStore, Clock, EventQueue, Principal, Waker
from imgtag.services.bundles import Bundles
from imgtag.services.feed import Feed
from imgtag.services.imports import Imports
from imgtag.services.notifications import Notifications
from imgtag.services.photos import Photos
from imgtag.services.signing import Signer
from imgtag.services.uploads import Uploads
from imgtag.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that a handler may call."""

    settings: Settings
    clock: Clock
    signer: Signer
    feed: Feed
    auth: Authenticator
    blobs: BlobStore
    uploads: Uploads
    photos: Photos
    bundles: Bundles
    notifications: Notifications
    imports: Imports
    metrics: Metrics
    queues: Mapping[str, EventQueue]
    waker: Waker | None = None
    probes: Mapping[str, Callable[[], Awaitable[object]]]


SERVICES: Final = web.AppKey("services", Services)
PRINCIPAL: Final = web.RequestKey("principal", Principal)


def services(request: web.Request) -> Services:
    """Fetch the services."""
    return request.app[SERVICES]


def principal(request: web.Request) -> Principal:
    """Say who is asking; routes that ask for nobody don't call this."""
    return request[PRINCIPAL]
