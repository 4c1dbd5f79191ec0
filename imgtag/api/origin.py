"""Where this service is reached, who may call it, and from which pages."""

from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from imgtag.api.keys import services
from imgtag.domain.errors import Forbidden
from imgtag.settings import Settings, is_loopback

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def origin(request: web.Request) -> str:
    """Say where this service is reached: as set, else as this request reached it."""
    return services(request).settings.public_url or f"{request.scheme}://{request.host}"


def check_host(host: str, settings: Settings) -> None:
    """Refuse a request that was meant for another name: a page that rebinds its DNS to us.

    Where nobody signs in, only this machine's own names will do.
    """
    if settings.auth != "none":
        return
    name = _name_of(host)
    if not is_loopback(name) and name not in settings.trusted_hosts:
        msg = "this service answers to this machine's own name only"
        raise Forbidden(msg, code="host_not_allowed")


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def check_same_origin(request: web.Request, *, proof_required: bool) -> None:
    """Refuse a state-changing request that another site's page sends on our user's behalf.

    Browsers tell in ``Sec-Fetch-Site``, older ones in ``Origin`` at least; scripts tell neither,
    and pass unless *proof_required*. See the OWASP cheat sheet on Cross-Site Request Forgery.
    """
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site")
    source = request.headers.get("Origin")
    if site == "same-origin" and source != "null":
        return  # the browser's own word, which no page can forge
    if site is None and source is None and not proof_required:
        return
    ours = {origin(request), f"{request.scheme}://{request.host}"}
    if source in ours or source in services(request).settings.cors_origins:
        return
    msg = "this request did not come from a page of this service"
    raise Forbidden(msg, code="cross_site")
