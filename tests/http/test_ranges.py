"""What a Range header means, by RFC 9110, section 14."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import ClientSession

from imgtag.settings import Settings
from imgtag.testing.photos import jpeg
from tests.http.service import Service, serving
from tests.http.site import Site, handing_out
from tests.unit.archives import Bodies

FILES = {"a.jpg": bytes(range(256))}


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A site with a very small archive."""
    async with handing_out(FILES, Bodies(list(FILES.values()))) as running:
        yield running


@pytest.fixture(params=["memory", "files"])
async def kept(
    request: pytest.FixtureRequest, settings: Callable[..., Settings]
) -> AsyncIterator[Service]:
    """A service that keeps photos in memory, and one that keeps them as files."""
    async with serving(settings(blobs=request.param)) as running:
        yield running


async def ask(site: Site, **headers: str) -> tuple[int, bytes, Any]:
    """Ask with some headers."""
    async with ClientSession() as client, client.get(site.url, headers=headers) as answer:
        return answer.status, await answer.read(), answer.headers


@pytest.mark.parametrize(
    ("text", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, None),
        ("Bytes=5-9", 5, 10),
        ("bytes=-1", -1, None),
        ("bytes=-99999", 0, None),
        ("bytes=10-" + "9" * 300, 10, None),
    ],
)
async def test_one_range_is_answered(site: Site, text: str, start: int, stop: int | None) -> None:
    """206 with exactly these bytes, and where they are in the whole."""
    status, body, headers = await ask(site, Range=text)
    wanted = site.archive[start:stop]
    first = len(site.archive) - 1 if start < 0 else start
    last = first + len(wanted) - 1
    assert (status, body) == (206, wanted)
    assert headers["Content-Range"] == f"bytes {first}-{last}/{len(site.archive)}"


@pytest.mark.parametrize(
    "text",
    [
        "bytes=5-4",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "lines=0-1",
        "bytes=0-1,3-4",
        "bytes=" + ",".join("0-" for _ in range(2500)),
        "bytes=" + "9" * 5000 + "-",
    ],
)
async def test_what_is_no_single_range_means_the_whole(site: Site, text: str) -> None:
    """200, and cheap whatever its length."""
    status, body, headers = await ask(site, Range=text)
    assert (status, body) == (200, site.archive)
    assert "Content-Range" not in headers


@pytest.mark.parametrize("text", ["bytes=99999-", "bytes=-0"])
async def test_a_range_beyond_the_end_has_no_bytes(site: Site, text: str) -> None:
    """416."""
    status, _, headers = await ask(site, Range=text)
    assert status == 416
    assert headers["Content-Range"] == f"bytes */{len(site.archive)}"


@pytest.mark.parametrize(
    ("condition", "status"),
    [('"mark"', 206), ('W/"mark"', 200), ('"other"', 200), ("Wed, 21 Oct 2015 07:28:00 GMT", 200)],
)
async def test_if_range_needs_the_very_bytes(site: Site, condition: str, status: int) -> None:
    """Only the same strong ETag continues a download; anything else begins anew."""
    headers = {"Range": "bytes=1-2", "If-Range": condition}
    assert (await ask(site, **headers))[0] == status


async def test_photos_have_ranges_too(kept: Service) -> None:
    """Originals and thumbnails come whole, in parts, and not again."""
    photo = jpeg(640, 480)
    photo_id = await kept.upload(photo)
    await kept.labelled(photo_id)
    url = f"{kept.url}/api/photos/{photo_id}/original"
    async with kept.client.get(url) as answer:
        assert await answer.read() == photo
        assert answer.content_length == len(photo)
        assert "lake.jpg" in answer.headers["Content-Disposition"]
        known = {"If-None-Match": answer.headers["ETag"]}
    async with kept.client.get(url, headers={"Range": "bytes=100-199"}) as answer:
        assert (answer.status, await answer.read()) == (206, photo[100:200])
    async with kept.client.get(url, headers=known) as answer:
        assert answer.status == 304
    async with kept.client.get(f"{kept.url}/api/photos/{photo_id}/thumbnail") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Disposition"].startswith("inline;")
        assert (await answer.read()).startswith(b"\xff\xd8")


async def test_a_bundle_goes_out_whole(kept: Service) -> None:
    """Its length is the one that was promised, wherever the photos are kept."""
    photo_id = await kept.upload(jpeg(300, 200))
    await kept.labelled(photo_id)
    order = {"query": {"photo_ids": [photo_id]}}
    _, bundle = await kept.call("POST", "/api/bundles", json=order)
    async with kept.client.get(bundle["link"]) as answer:
        assert len(await answer.read()) == answer.content_length == bundle["bytes"]
