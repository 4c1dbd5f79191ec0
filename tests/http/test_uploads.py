"""Uploads hold the client to what it announced."""

import hashlib
from collections.abc import Callable

from imgtag.settings import Settings
from imgtag.testing.photos import jpeg
from tests.http.service import Service, serving


async def ticket(service: Service, **file: object) -> dict[str, object]:
    """Ask for one ticket."""
    known = {"file_name": "a.jpg", "size": 5, "content_type": "image/jpeg", **file}
    _, answer = await service.call("POST", "/api/uploads", json={"files": [known]})
    return dict(answer["uploads"][0])


async def put(service: Service, given: dict[str, object], data: bytes) -> tuple[int, str]:
    """Use a ticket; answer with the status and the code."""
    headers = {"Content-Type": "image/jpeg"}
    async with service.client.put(str(given["url"]), data=data, headers=headers) as answer:
        return answer.status, (await answer.json(content_type=None)).get("code", "")


async def test_other_bytes_than_announced_are_refused(service: Service) -> None:
    """A wrong size or a wrong SHA-256 is 422, and the photo goes on awaiting its bytes."""
    wrong_size = await ticket(service, size=4)
    wrong_hash = await ticket(service, sha256=hashlib.sha256(b"other").hexdigest())

    assert await put(service, wrong_size, b"hello") == (422, "size_mismatch")
    assert await put(service, wrong_hash, b"hello") == (422, "sha256_mismatch")
    for given in (wrong_size, wrong_hash):
        _, shown = await service.call("GET", f"/api/photos/{given['photo_id']}")
        assert shown["state"] == "awaiting"


async def test_too_many_bytes_are_refused_by_the_ticket_and_by_the_url(
    settings: Callable[..., Settings],
) -> None:
    """The limit is told for a file at a time, and holds while the bytes come."""
    async with serving(settings(max_photo_bytes=2000)) as service:
        refused = await ticket(service, size=2001)
        _, open_ended = await service.call("PUT", "/api/upload", json={"file_name": "b.jpg"})

        assert (refused["status"], refused["code"]) == ("rejected", "photo_too_large")
        assert await put(service, open_ended, b"x" * 2001) == (413, "photo_too_large")


async def test_a_known_photo_needs_no_bytes(service: Service) -> None:
    """The same bytes are a duplicate: announced by hash, within a batch, or after the fact."""
    data = jpeg()
    sha256 = hashlib.sha256(data).hexdigest()
    photo_id = await service.upload(data)
    file = {"file_name": "b.jpg", "size": len(data), "content_type": "image/jpeg"}

    known = await ticket(service, size=len(data), sha256=sha256)
    assert (known["status"], known["photo_id"]) == ("duplicate", photo_id)
    assert await service.upload(data, "c.jpg") == photo_id
    fresh = jpeg(17, 12)
    twice = {**file, "size": len(fresh), "sha256": hashlib.sha256(fresh).hexdigest()}
    _, answer = await service.call("POST", "/api/uploads", json={"files": [twice, twice]})
    assert [each["status"] for each in answer["uploads"]] == ["new", "duplicate"]
    assert len({each["photo_id"] for each in answer["uploads"]}) == 1


async def test_a_refused_file_stops_no_other(service: Service) -> None:
    """Each file of a batch gets an answer of its own, in order."""
    files = [
        {"file_name": "a.txt", "size": 5, "content_type": "text/plain"},
        {"file_name": "b.jpg", "size": 5, "content_type": "image/jpeg"},
        {"file_name": "c.jpg", "size": 0, "content_type": "image/jpeg"},
        {"file_name": "\ud800.jpg", "size": 5, "content_type": "image/jpeg"},
    ]
    status, answer = await service.call("POST", "/api/uploads", json={"files": files})

    assert status == 200
    assert answer["uploads"][3]["file_name"] == "?.jpg"
    told = [(each["status"], each.get("code")) for each in answer["uploads"]]
    assert told == [
        ("rejected", "unsupported_format"),
        ("new", None),
        ("rejected", "empty_file"),
        ("rejected", "invalid_file_name"),
    ]


async def test_a_media_type_is_the_same_in_any_case(service: Service) -> None:
    """What was announced as ``IMAGE/JPEG`` is a JPEG."""
    given = await ticket(service, content_type="IMAGE/JPEG")

    assert given["headers"] == {"Content-Type": "image/jpeg"}


async def test_sending_the_same_bytes_again_is_fine(service: Service) -> None:
    """A PUT may be repeated; other bytes under the same ticket are refused."""
    data = jpeg()
    given = await ticket(service, size=len(data))

    assert (await put(service, given, data))[0] == 200
    assert (await put(service, given, data))[0] == 200
    other = data[:-1] + b"\0"
    assert await put(service, given, other) == (409, "already_uploaded")


async def test_what_is_no_photo_fails_with_a_reason(service: Service) -> None:
    """Text that calls itself a JPEG becomes a failed photo, and the service goes on."""
    photo_id = await service.upload(b"this is no photo at all" * 10)
    shown = await service.labelled(photo_id)

    assert shown["state"] == "failed"
    assert shown["failure"]["code"] == "unsupported_format"
    assert (await service.labelled(await service.upload(jpeg())))["state"] == "labelled"
