"""Errors: problem details with a stable code, everywhere."""

import asyncio
import io
from typing import Any

from tests.http.service import Service

PHOTO = "0" * 26
GZIP = {"Content-Encoding": "gzip"}


MISTAKES: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("GET", "/api/nothing", {}, 404, "not_found"),
    ("GET", "/api/photos/nonsense", {}, 404, "not_found"),
    ("GET", f"/api/photos/{PHOTO}", {}, 404, "not_found"),
    ("GET", "/b/unknown-token", {}, 404, "not_found"),
    ("DELETE", "/api/labels", {}, 405, "method_not_allowed"),
    ("GET", "/api/upload", {}, 405, "method_not_allowed"),
    ("GET", "/api/photos/edit", {}, 405, "method_not_allowed"),
    ("DELETE", "/api/photos/layout", {}, 405, "method_not_allowed"),
    ("GET", "/api/bundles/preview", {}, 405, "method_not_allowed"),
    ("POST", "/api/bundles", {"data": "x"}, 415, "unsupported_media_type"),
    ("POST", "/api/bundles", {"json": {"query": {}, "x": 1}}, 422, "invalid_request"),
    ("POST", "/api/bundles", {"json": {"query": {"all": [" "]}}}, 422, "invalid_request"),
    ("POST", "/api/bundles", {"json": {"query": {"unlabelled": 1}}}, 422, "invalid_request"),
    ("POST", "/api/bundles", {"json": {"query": {"all": ["A"]}}}, 422, "nothing_matches"),
    ("POST", "/api/download", {"json": {"labels": []}}, 422, "invalid_request"),
    ("POST", "/api/uploads", {"json": {"files": []}}, 422, "invalid_request"),
    (
        "POST",
        "/api/tokens",
        {"json": {"name": "a", "expires_at": 1893456000}},
        422,
        "invalid_request",
    ),
    (
        "POST",
        "/api/tokens",
        {"json": {"name": "a", "expires_at": "1893456000"}},
        422,
        "invalid_request",
    ),
    ("GET", "/api/photos?limit=501", {}, 422, "invalid_request"),
    ("GET", "/api/tokens?limit=501", {}, 422, "invalid_request"),
    ("GET", "/api/photos?wat=1", {}, 422, "invalid_request"),
    ("GET", "/api/photos?all=" + "a," * 51, {}, 422, "invalid_request"),
    ("GET", "/api/photos?sort=size", {}, 422, "invalid_request"),
    ("GET", "/api/photos?cursor=abc", {}, 422, "invalid_cursor"),
    ("PUT", "/api/uploads/forged", {"data": b"x"}, 403, "bad_signature"),
    ("PUT", "/api/uploads/forged", {"data": b"x", "headers": GZIP}, 415, "unsupported_media_type"),
    ("POST", "/api/download", {"json": {}, "headers": GZIP}, 415, "unsupported_media_type"),
    ("PUT", "/api/upload", {"json": {"file_name": "../x.jpg"}}, 422, "invalid_file_name"),
]


async def test_a_mistake_is_told_by_code(service: Service) -> None:
    """Every mistake is a problem document with its status and a code."""
    for method, path, more, status, code in MISTAKES:
        async with service.client.request(method, service.url + path, **more) as answer:
            problem = await answer.json(content_type="application/problem+json")

            assert (answer.status, problem["code"]) == (status, code), path
            assert problem["status"] == status
            assert ("errors" in problem) == (status == 422)
            assert {"type", "title", "detail", "instance"} <= problem.keys()
            assert answer.headers["X-Request-Id"] in problem["instance"]
            assert answer.headers["Server"] == "imgtag"


async def test_an_invalid_body_names_the_parts_at_fault(service: Service) -> None:
    """Each part of a body that is wrong is named by a JSON pointer."""
    body = {"query": {"all": "A", "surprise": 1}}
    _, problem = await service.call("POST", "/api/bundles/preview", json=body)

    assert {"/query/all", "/query/surprise"} == {each["pointer"] for each in problem["errors"]}


async def test_a_body_over_the_limit_is_refused(service: Service) -> None:
    """A JSON body of more than a mebibyte is 413."""
    body = io.BytesIO(b'{"labels": ["' + b"x" * (1024 * 1024) + b'"]}')
    headers = {"Content-Type": "application/json"}
    status, problem = await service.call("POST", "/api/download", data=body, headers=headers)

    assert (status, problem["code"]) == (413, "body_too_large")


async def test_a_body_over_the_limit_need_not_be_sent(service: Service) -> None:
    """What is announced as too large is refused before it comes."""
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        b"POST /api/download HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: 1048577\r\n\r\n"
    )
    assert await reader.readline() == b"HTTP/1.1 413 Request Entity Too Large\r\n"
    writer.close()


async def test_a_wrong_method_names_the_right_ones(service: Service) -> None:
    """405 carries Allow."""
    async with service.client.delete(service.url + "/api/upload") as answer:
        assert answer.headers["Allow"] == "PUT"


async def test_what_is_unforeseen_is_told_by_id_only(service: Service) -> None:
    """A fault of ours is a 500 that tells nothing of the inside."""
    service.system.services.metrics.requests.clear()
    object.__setattr__(service.system.services, "photos", None)
    status, problem = await service.call("GET", "/api/labels")

    assert (status, problem["code"]) == (500, "internal_error")
    assert "NoneType" not in str(problem)
