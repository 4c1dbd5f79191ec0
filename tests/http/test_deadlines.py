"""Nobody holds a connection by saying nothing, or little."""

import asyncio

import pytest

from imgtag.api import messages, uploads
from imgtag.runtime import KEEP_ALIVE_SECONDS
from tests.http.service import Service

PATIENCE_SECONDS = 15


async def closed_after(service: Service, opening: bytes) -> bytes:
    """Say *opening* and nothing more; give what comes until the server hangs up."""
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(opening)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await reader.read()
    finally:
        writer.close()


async def test_half_a_header_is_not_waited_for(service: Service) -> None:
    """A silent connection, and one that never ends its header, are closed."""
    assert KEEP_ALIVE_SECONDS <= PATIENCE_SECONDS
    async with asyncio.TaskGroup() as tasks:
        silent = tasks.create_task(closed_after(service, b""))
        partial = tasks.create_task(closed_after(service, b"GET / HTTP/1.1\r\nHost: a\r\nX: "))

    assert silent.result() == b""
    assert b"HTTP/1.1 2" not in partial.result()


async def test_half_a_body_is_not_waited_for(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body that stops coming is answered with 408, and the connection ends."""
    monkeypatch.setattr(messages, "BODY_SECONDS", 0.5)
    head = (
        b"POST /api/download HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\n\r\n{"
    )
    answer = await closed_after(service, head)

    assert answer.startswith(b"HTTP/1.1 408")
    assert b"request_timeout" in answer


async def test_half_a_photo_is_not_waited_for(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload that stops coming ends, and keeps nothing."""
    monkeypatch.setattr(uploads, "STALL_SECONDS", 0.5)
    _, ticket = await service.call("PUT", "/api/upload", json={"file_name": "a.jpg"})
    path = ticket["url"].removeprefix(service.url).encode()
    head = (
        b"PUT " + path + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
        b"Content-Length: 100\r\n\r\nabc"
    )
    answer = await closed_after(service, head)

    assert answer.startswith(b"HTTP/1.1 408")
    _, photo = await service.call("GET", f"/api/photos/{ticket['photo_id']}")
    assert photo["state"] == "awaiting"
