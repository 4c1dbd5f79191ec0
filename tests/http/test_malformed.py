"""What is no proper HTTP is told as a problem as well."""

import asyncio
import json
from email.parser import BytesParser

import pytest

from tests.http.service import DEADLINE_SECONDS, Service

POST = b"POST /api/download HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

MALFORMED = {
    "TLS to a plain port": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "an endless header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"secret" * 2000,
    "an endless path": b"GET /" + b"secret" * 2000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an impossible address": b"GET http://[::secret HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no Host": b"GET /secret HTTP/1.1\r\n\r\n",
    "a control character": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: secret\x01\r\n\r\n",
    "two lengths": CHUNKED[:-2] + b"Content-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a chunk without a size": CHUNKED + b"secret\r\n",
}


async def answer_to(service: Service, request: bytes) -> bytes:
    """Send *request* and read to the end."""
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize("request_", MALFORMED.values(), ids=MALFORMED)
async def test_malformed_http_is_a_problem(service: Service, request_: bytes) -> None:
    """It is answered with 400, a problem with an id, and tells nothing of what was sent."""
    head, _, body = (await answer_to(service, request_)).partition(b"\r\n\r\n")
    status, _, headers = head.partition(b"\r\n")
    known = BytesParser().parsebytes(headers)

    assert status.split()[1] == b"400"
    assert known["Content-Type"].startswith("application/problem+json")
    assert known["X-Content-Type-Options"] == "nosniff"
    assert known["Server"] == "imgtag"
    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (400, "bad_request")
    assert problem["instance"].endswith(known["X-Request-Id"])
    assert "secret" not in problem["detail"]


async def test_an_unknown_expectation_is_ignored(service: Service) -> None:
    """Only 100-continue means something, and it is honoured."""
    body = b'{"labels": []}'
    for expectation, first in ((b"100-continue", b"100"), (b"the impossible", b"422")):
        request = POST + b"Connection: close\r\nExpect: " + expectation
        request += b"\r\nContent-Length: %d\r\n\r\n" % len(body)
        answer = await answer_to(service, request + body)
        assert answer.split()[1] == first
        assert b'"status":422' in answer
