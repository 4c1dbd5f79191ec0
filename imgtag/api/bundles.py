"""Bundles: preview, order, follow, download."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from aiohttp import web

from imgtag.api.cursors import Cursors
from imgtag.api.delivery import send_archive
from imgtag.api.keys import principal, services
from imgtag.api.messages import body, no_content, query, reply, see_other
from imgtag.api.origin import origin
from imgtag.api.schemas import (
    BundleRequest,
    BundlesPage,
    DownloadRequest,
    PageQuery,
    Preview,
    PreviewRequest,
)
from imgtag.api.views import bundle_out
from imgtag.domain.bundles import Bundle
from imgtag.domain.errors import Invalid
from imgtag.domain.ids import BundleId
from imgtag.domain.labels import LabelName
from imgtag.domain.queries import Query

SIGNED_FOR: Final = timedelta(minutes=5)
MAX_KEY_CHARACTERS: Final = 255


def _bundle_id(request: web.Request) -> BundleId:
    return BundleId(request.match_info["id"])


async def preview_bundle(request: web.Request) -> web.Response:
    """Say how many photos a bundle would hold, and the exact size of its archive."""
    asked = await body(request, PreviewRequest)
    size = await services(request).bundles.preview(
        principal(request).owner, asked.query.query(), sidecars=asked.sidecars
    )
    return reply(Preview(photos=size.photos, bytes=size.bytes))


async def create_bundle(request: web.Request) -> web.Response:
    """Order a bundle."""
    asked = await body(request, BundleRequest)
    bundle = await services(request).bundles.create(
        principal(request).owner,
        asked.query.query(),
        name=asked.name,
        sidecars=asked.sidecars,
        idempotency_key=_idempotency_key(request),
    )
    return _accepted(request, bundle)


async def reference_download(request: web.Request) -> web.Response:
    """Order a bundle of the photos that have any of some labels."""
    asked = await body(request, DownloadRequest)
    bundle = await services(request).bundles.create(
        principal(request).owner,
        Query(any=tuple(map(LabelName, asked.labels))),
        idempotency_key=_idempotency_key(request),
    )
    return _accepted(request, bundle)


def _idempotency_key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    fits = key is None or (1 <= len(key) <= MAX_KEY_CHARACTERS and key.isascii())
    if not fits:
        msg = f"an Idempotency-Key has 1 to {MAX_KEY_CHARACTERS} ASCII characters"
        raise Invalid(msg, code="invalid_idempotency_key")
    return key


def _accepted(request: web.Request, bundle: Bundle) -> web.Response:
    headers = {"Location": f"/api/bundles/{bundle.id}"}
    return reply(bundle_out(bundle, origin(request)), status=202, headers=headers)


async def list_bundles(request: web.Request) -> web.Response:
    """List bundles, newest first."""
    asked = query(request, PageQuery)
    known, owner = services(request), principal(request).owner
    cursors = Cursors(known.signer, owner, "bundles")
    place: Mapping[str, str] = cursors.read(asked.cursor) if asked.cursor else {}
    after = BundleId(place["i"]) if place else None
    bundles, last = await known.bundles.page(owner, after=after, limit=asked.limit)
    page = BundlesPage(
        bundles=[bundle_out(bundle, origin(request)) for bundle in bundles],
        next_cursor=cursors.write(i=last) if last else None,
    )
    return reply(page)


async def get_bundle(request: web.Request) -> web.Response:
    """Show one bundle."""
    bundle = await services(request).bundles.get(principal(request).owner, _bundle_id(request))
    return reply(bundle_out(bundle, origin(request)))


async def cancel_bundle(request: web.Request) -> web.Response:
    """Cancel a bundle, or revoke its link."""
    await services(request).bundles.cancel(principal(request).owner, _bundle_id(request))
    return no_content()


async def download_bundle(request: web.Request) -> web.StreamResponse:
    """Hand out the archive."""
    bundle = await services(request).bundles.get(principal(request).owner, _bundle_id(request))
    return await _hand_out(request, bundle)


async def follow_link(request: web.Request) -> web.StreamResponse:
    """Hand out the archive to whoever has the short link."""
    return await _hand_out(
        request, await services(request).bundles.by_token(request.match_info["token"])
    )


async def _hand_out(request: web.Request, bundle: Bundle) -> web.StreamResponse:
    bundles = services(request).bundles
    url = await bundles.download_url(bundle, expires_in=SIGNED_FOR)
    if url:
        return see_other(url)
    return await send_archive(request, await bundles.open(bundle))
