"""The lean way to read objects: plain HTTP requests, signed by botocore's own signer.

A call of the SDK costs more CPU than the 270 kB of a photo; see benchmarks/s3_read.py.
"""

import asyncio
import random
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from yarl import URL

from imgtag.backends.aws.clients import ATTEMPTS
from imgtag.backends.aws.errors import BUSY, domain_error
from imgtag.domain.errors import Unavailable

BACK_OFF_SECONDS: Final = 0.2
_LOST: Final = (aiohttp.ClientError, asyncio.TimeoutError, ConnectionError)
_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9.]+)</Code>")
_BEYOND_THE_END: Final = 416


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads objects. A permit is held until its stream ends."""

    http: aiohttp.ClientSession
    credentials: Any
    region: str
    permits: asyncio.Semaphore

    @asynccontextmanager
    async def open(
        self, url: str, start: int, stop: int | None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Stream the bytes from *start* up to *stop*; what lies past the end is empty."""
        async with self.permits:
            download = _Download(self, url, start, stop)
            try:
                await download.connect()
                async with aclosing(download.chunks()) as chunks:
                    yield chunks
            finally:
                download.close()

    async def signed(self, url: str, headers: dict[str, str]) -> dict[str, str]:
        """Sign a GET with whatever credentials are valid now."""
        request = AWSRequest("GET", url, headers=headers)
        current = await self.credentials.get_frozen_credentials()
        S3SigV4Auth(current, "s3", self.region).add_auth(request)
        return dict(request.headers.items())


class _Download:
    """One range, asked for again from where it broke off, and only of the same version."""

    def __init__(self, reader: Reader, url: str, start: int, stop: int | None) -> None:
        self._reader, self._url = reader, url
        self._position, self._stop = start, stop
        self._etag: str | None = None
        self._response: aiohttp.ClientResponse | None = None
        self._attempts = 0

    async def connect(self) -> None:
        while True:
            try:
                if await self._get():
                    return
            except _LOST:
                self.close()
            await self._back_off()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        while self._response and self._response.status != _BEYOND_THE_END:
            try:
                async for chunk in self._response.content.iter_any():
                    self._position, self._attempts = self._position + len(chunk), 0
                    yield chunk
            except _LOST:
                self.close()
                await self._back_off()
                await self.connect()
            else:
                return

    def close(self) -> None:
        if self._response:
            self._response.close()
            self._response = None

    async def _get(self) -> bool:
        headers = await self._reader.signed(self._url, self._conditions())
        answer = await self._reader.http.get(URL(self._url, encoded=True), headers=headers)
        if answer.ok or answer.status == _BEYOND_THE_END:
            self._response, self._etag = answer, answer.headers.get("ETag")
            return True
        async with answer:
            found = _CODE.search(await answer.content.read(4096))
        code = found[1].decode() if found else str(answer.status)
        if code in BUSY or answer.status >= 500:  # noqa: PLR2004
            return False
        raise domain_error("blob", code, answer.status)

    def _conditions(self) -> dict[str, str]:
        last = "" if self._stop is None else self._stop - 1
        ranged = self._position or self._stop is not None
        headers = {"Range": f"bytes={self._position}-{last}"} if ranged else {}
        return headers | ({"If-Match": self._etag} if self._etag else {})

    async def _back_off(self) -> None:
        self._attempts += 1
        if self._attempts >= ATTEMPTS:
            raise Unavailable("S3 does not answer", code="aws_unreachable")
        ceiling = BACK_OFF_SECONDS * 2**self._attempts
        await asyncio.sleep(random.uniform(0, ceiling))  # noqa: S311
