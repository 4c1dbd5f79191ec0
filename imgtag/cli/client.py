"""The API as commands call it: retried where that is safe, problems told in a line."""

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urljoin, urlsplit

import aiohttp
import click
from aiohttp import hdrs

from imgtag import __version__
from imgtag.cli.running import Failed

DEFAULT_SERVER: Final = "http://127.0.0.1:8080"
CONNECT_SECONDS: Final = 10
# A server that says nothing for so long, in the middle of an answer, has gone.
SILENCE_SECONDS: Final = 60
LONGEST_PAUSE_SECONDS: Final = 30.0
PAGE: Final = 500

_WORTH_RETRYING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS: Final = 5
_ERRORS: Final = 400

T = TypeVar("T")


class Problem(Failed):
    """The server's own words for why it refused."""

    def __init__(self, status: int, code: str, detail: str, retry_after: float | None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after_seconds = retry_after

    @property
    def worth_retrying(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in _WORTH_RETRYING


class Unreachable(Failed):
    """The connection could not be made, or broke."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often to try in all, and how long to wait before the second time; then twice that."""

    attempts: int = 5
    pause_seconds: float = 0.5

    def pause(self, attempt: int, error: Failed) -> float:
        """Say how many seconds to wait after *attempt* (0 is the first) has failed with *error*."""
        asked = error.retry_after_seconds if isinstance(error, Problem) else None
        backoff = self.pause_seconds * 2**attempt * random.uniform(0.5, 1.0)  # noqa: S311
        return float(min(max(backoff, asked or 0.0), LONGEST_PAUSE_SECONDS))


@dataclass(frozen=True, slots=True)
class Server:
    """Where the service is, and who is calling."""

    url: str
    token: str | None = None

    def at(self, path: str) -> str:
        """Give the address of *path*."""
        return self.url + path

    def credentials(self, url: str) -> Mapping[str, str]:
        """Give the headers that prove who is calling: for this server, and for no other."""
        if self.token and _origin(url) == _origin(self.url):
            return {hdrs.AUTHORIZATION: f"Bearer {self.token}"}
        return {}


class Client:
    """One server's API over one pool of connections."""

    def __init__(
        self, session: aiohttp.ClientSession, server: Server, retries: Retries | None = None
    ) -> None:
        self._session = session
        self._retries = retries or Retries()
        self._answered = False
        self.server = server

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: list[tuple[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Call the API and give its JSON, or None without content.

        Use it for what may safely be asked twice. Raises `Problem` or `Unreachable`.
        """

        async def once() -> Any:
            url = self.server.at(path)
            asked = {**self.server.credentials(url), **(headers or {})}
            async with self.request(method, url, json=body, params=params, headers=asked) as answer:
                return await _json(answer)

        return await self.persist(once)

    async def pages(
        self, path: str, what: str, params: list[tuple[str, str]], *, size: int = PAGE
    ) -> AsyncIterator[Any]:
        """Give the items of a list, in pages of *size*."""
        cursor: str | None = None
        while True:
            place = [("cursor", cursor)] if cursor else []
            page = await self.call("GET", path, params=[*params, ("limit", str(size)), *place])
            for item in page[what]:
                yield item
            cursor = page["next_cursor"]
            if not cursor:
                return

    async def persist(self, once: Callable[[], Awaitable[T]]) -> T:
        """Try *once* again while that is worth it; a server that never answered gets one try."""
        for attempt in range(self._retries.attempts - 1):
            try:
                return await once()
            except (Problem, Unreachable) as error:
                if not self.may_pass(error):
                    raise
                await self.pause(attempt, error)
        return await once()

    def may_pass(self, error: Failed) -> bool:
        """Tell whether *error* may be gone in a moment."""
        return error.worth_retrying if isinstance(error, Problem) else self._answered

    async def pause(self, attempt: int, error: Failed) -> None:
        """Wait before the next try."""
        await asyncio.sleep(self._retries.pause(attempt, error))

    @property
    def attempts(self) -> int:
        """How often something is tried in all."""
        return self._retries.attempts

    @asynccontextmanager
    async def request(
        self, method: str, url: str, **options: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one request to any address; an error status is a `Problem`."""
        try:
            async with self._session.request(
                method, url, allow_redirects=False, **options
            ) as answer:
                self._answered = True
                if answer.status >= _ERRORS:
                    raise await _problem(answer)
                yield answer
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise Unreachable(_unreachable(url, error)) from error

    @asynccontextmanager
    async def download(
        self, path: str, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Get bytes as they are, wherever the server sends us for them."""
        url = self.server.at(path)
        for _ in range(_MAX_REDIRECTS):
            asked = {
                hdrs.ACCEPT_ENCODING: "identity",
                **headers,
                **self.server.credentials(url),
            }
            async with self.request("GET", url, headers=asked) as answer:
                if answer.status not in _REDIRECTS:
                    yield answer
                    return
                url = urljoin(url, answer.headers.get(hdrs.LOCATION, ""))
        raise Failed("the server sends us round in circles")


@asynccontextmanager
async def connect(server: Server, retries: Retries | None = None) -> AsyncIterator[Client]:
    """Open a client of *server*."""
    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS
    )
    async with aiohttp.ClientSession(
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={hdrs.USER_AGENT: f"imgtag/{__version__}"},
    ) as session:
        yield Client(session, server, retries)


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--server`` and ``--token`` to a command."""
    at = click.option(
        "--server",
        metavar="URL",
        callback=_checked_url,
        default=lambda: os.environ.get("IMGTAG_SERVER") or DEFAULT_SERVER,
        show_default=f"IMGTAG_SERVER, else {DEFAULT_SERVER}",
        help="Where the service is.",
    )
    who = click.option(
        "--token",
        metavar="TOKEN",
        callback=_checked_token,
        default=lambda: os.environ.get("IMGTAG_TOKEN"),
        show_default="IMGTAG_TOKEN",
        help="An API token, made by `imgtag token create` or on the page.",
    )
    return at(who(command))


def _checked_url(_: click.Context, __: click.Parameter, value: str) -> str:
    try:
        parts = urlsplit(value)
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        msg = f"{value!r} is no address; it looks like {DEFAULT_SERVER}"
        raise click.BadParameter(msg)
    return value.rstrip("/")


def _checked_token(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    token = (value or "").strip()
    if not (token.isascii() and token.isprintable()):
        msg = "a token is printable ASCII"
        raise click.BadParameter(msg)
    return token or None


async def _json(answer: aiohttp.ClientResponse) -> Any:
    raw = await answer.read()
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError as error:
        msg = f"{_origin(str(answer.url))} did not answer as imgtag does; is it imgtag?"
        raise Failed(msg) from error


async def _problem(answer: aiohttp.ClientResponse) -> Problem:
    raw = await answer.read()
    try:
        told = json.loads(raw)
        code, detail = str(told["code"]), str(told["detail"])
        parts = [
            f"{each['pointer']}: {each['detail']}"
            for each in told.get("errors", [])
            if each["detail"] != detail
        ]
    except (ValueError, TypeError, KeyError):
        code, detail, parts = "unknown", f"the server answered {answer.status}", []
    if answer.status == 401:  # noqa: PLR2004
        detail += " (give a token with --token or IMGTAG_TOKEN)"
    text = f"{detail} ({'; '.join(parts)})" if parts else detail
    return Problem(answer.status, code, text, _seconds(answer.headers.get(hdrs.RETRY_AFTER)))


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() else None


def _unreachable(url: str, error: Exception) -> str:
    what = "it did not answer in time" if isinstance(error, TimeoutError) else str(error)
    if isinstance(error, aiohttp.ClientSSLError):
        what = "it does not speak TLS as it should; is it http:// perhaps?"
    elif isinstance(error, aiohttp.ClientConnectorError):
        what = os.strerror(error.os_error.errno) if error.os_error.errno else str(error)
    return f"can't reach {_origin(url)}: {what or type(error).__name__}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
