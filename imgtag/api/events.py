"""Server-sent events: what changed, as it changes.

The format is https://html.spec.whatwg.org/multipage/server-sent-events.html. A connection begins
with a fresh state, so that a page which was away has missed nothing that it can still see.
"""

import asyncio
import json
from collections.abc import Mapping
from itertools import chain
from typing import Any, Final

import structlog
from aiohttp import hdrs, web

from imgtag.api.access import identify
from imgtag.api.keys import principal, services
from imgtag.api.messages import no_content
from imgtag.api.origin import origin
from imgtag.api.views import bundle_out, import_out, tally_out
from imgtag.domain.bundles import Bundle
from imgtag.domain.errors import NotFound, Unauthenticated, Unavailable
from imgtag.domain.ids import BundleId, ImportId, OwnerId
from imgtag.services.feed import Feed, Listener, News

# Between two bursts, so that labelling hundreds of photos a second doesn't drown a page.
BURST_SECONDS: Final = 0.25
# Silence is broken this often: proxies close what is silent, CloudFront after 30 s. It is also how
# long a stream may outlive its credential.
KEEP_ALIVE_SECONDS: Final = 5
_RECENT_BUNDLES: Final = 20
_RECENT_IMPORTS: Final = 5

log = structlog.get_logger(__name__)


async def stream_events(request: web.Request) -> web.StreamResponse:
    """Stream the owner's news until the page goes away."""
    if not services(request).settings.live_events:
        return no_content()  # this tells an EventSource not to come back
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }
    )
    owner = principal(request).owner
    feed = services(request).feed
    with feed.listen(owner) as listener:
        await response.prepare(request)
        if request.method == hdrs.METH_HEAD:
            return response
        try:
            await _send_state(request, response, owner)
            await _send_news(request, response, feed, listener)
        except (Unavailable, Unauthenticated) as error:
            # The head of the answer has gone out: what is left is to end it and be called again.
            log.info("events cut short", error=error.detail)
    return response


async def _send_news(
    request: web.Request, response: web.StreamResponse, feed: Feed, listener: Listener
) -> None:
    """Send what comes for as long as the credential holds, which is looked up now and then."""
    owner, look_again = principal(request).owner, 0.0
    while not feed.closed:
        now = asyncio.get_running_loop().time()
        if now >= look_again:
            await identify(request)
            look_again = now + KEEP_ALIVE_SECONDS
        await _send_burst(request, response, owner, listener)


async def _send_burst(
    request: web.Request, response: web.StreamResponse, owner: OwnerId, listener: Listener
) -> None:
    try:
        async with asyncio.timeout(KEEP_ALIVE_SECONDS):
            news = await listener.batch()
    except TimeoutError:
        await response.write(b": still here\n\n")
        return
    if listener.overran():
        await _send_state(request, response, owner)
    for each in _newest(news):
        try:
            data = await _as_it_stands(request, owner, each)
        except NotFound:
            continue  # it was forgotten since
        await _send(response, each.topic, data, each.id)
    if any(each.topic == "labels" for each in news):
        await _send_tally(request, response, owner)
    await asyncio.sleep(BURST_SECONDS)


async def _as_it_stands(request: web.Request, owner: OwnerId, news: News) -> Mapping[str, Any]:
    known = services(request)
    if news.topic == "bundle":
        return _shown(request, await known.bundles.get(owner, BundleId(news.data["id"])))
    if news.topic == "import":
        imported = await known.imports.get(owner, ImportId(news.data["id"]))
        return import_out(imported).model_dump(mode="json")
    return news.data


def _newest(news: list[News]) -> list[News]:
    """Keep the last word on each photo, bundle and import; labels are told by the tally."""
    last = {(each.topic, each.data.get("id")): each for each in news if each.topic != "labels"}
    return list(last.values())


async def _send_state(request: web.Request, response: web.StreamResponse, owner: OwnerId) -> None:
    await _send_tally(request, response, owner)
    bundles, _ = await services(request).bundles.page(owner, after=None, limit=_RECENT_BUNDLES)
    for bundle in bundles:
        await _send(response, "bundle", _shown(request, bundle))
    imports, _ = await services(request).imports.page(owner, after=None, limit=_RECENT_IMPORTS)
    for imported in imports:
        await _send(response, "import", import_out(imported).model_dump(mode="json"))


def _shown(request: web.Request, bundle: Bundle) -> Mapping[str, Any]:
    return bundle_out(bundle, origin(request)).model_dump(mode="json")


async def _send_tally(request: web.Request, response: web.StreamResponse, owner: OwnerId) -> None:
    tally = await services(request).photos.tally(owner)
    await _send(response, "labels", {"photos": tally_out(tally).model_dump()})


async def _send(
    response: web.StreamResponse, topic: str, data: Mapping[str, Any], number: int | None = None
) -> None:
    lines = chain(
        [f"id: {number}"] if number else [],
        [f"event: {topic}", f"data: {json.dumps(data, ensure_ascii=False)}", "", ""],
    )
    await response.write("\n".join(lines).encode())
