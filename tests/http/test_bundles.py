"""Ordering bundles over HTTP."""

from typing import Any, Final

from tests.http.service import Service

KEY: Final = {"Idempotency-Key": "order-7"}
ORDER: Final[dict[str, Any]] = {"query": {"all": ["Nature"]}, "sidecars": True}


async def test_a_repeated_order_is_answered_though_its_photos_are_gone(
    service: Service, photo: bytes
) -> None:
    """The same key means the bundle made before, whatever matches by now."""
    photo_id = await service.upload(photo)
    await service.labelled(photo_id)
    _, first = await service.call("POST", "/api/bundles", json=ORDER, headers=KEY)
    await service.call("DELETE", f"/api/photos/{photo_id}")

    assert await service.call("POST", "/api/bundles", json=ORDER, headers=KEY) == (202, first)
    status, problem = await service.call("POST", "/api/bundles", json=ORDER)
    assert (status, problem["code"]) == (422, "nothing_matches")


async def test_a_key_stands_for_one_order(service: Service, photo: bytes) -> None:
    """Used for another order it is 409, also where that one would match nothing."""
    await service.labelled(await service.upload(photo))
    await service.call("POST", "/api/bundles", json=ORDER, headers=KEY)
    others = [
        ORDER | {"query": {"all": ["Lake"]}},
        ORDER | {"sidecars": False},
        ORDER | {"name": "Other"},
    ]
    for other in others:
        status, problem = await service.call("POST", "/api/bundles", json=other, headers=KEY)
        assert (status, problem["code"]) == (409, "idempotency_key_reused")
