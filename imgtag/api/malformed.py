"""What aiohttp refuses by itself, before there is a request to route: told as problems too.

A request line that can't be read, a header that is too long, chunks that are none. There is no
public way to say how these are answered, so the protocol is subclassed; `tests/http/test_malformed`
fails where a new aiohttp does it otherwise.
"""

import secrets
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11
from aiohttp.http_exceptions import InvalidURLError

from imgtag.api.headers import harden
from imgtag.api.problems import CODES, REQUEST_ID, problem

log = structlog.get_logger(__name__)


class _Protocol(web.RequestHandler):
    """One connection."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what no handler has answered, and end the connection."""
        if request.writer.output_size > 0:
            msg = "an answer was under way already"
            raise ConnectionError(msg)
        request[REQUEST_ID] = secrets.token_hex(8)
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("unforeseen error", request=request[REQUEST_ID], exc_info=exc)
            detail = "something went wrong here; the log has it under this request's id"
        else:
            detail = _fault(exc, message)
            log.info("malformed request", request=request[REQUEST_ID], status=status)
        answer = HTTPStatus(status)
        response = problem(request, answer, CODES.get(answer, "bad_request"), detail)
        harden(response, request[REQUEST_ID])
        response.force_close()
        return response


def _fault(error: BaseException | None, message: str | None) -> str:
    """Say what is wrong without quoting what came, which may be a secret or a mile long."""
    if isinstance(error, InvalidURLError) or not message:
        return "the address of this request can't be read"
    return message.partition("\n")[0].partition(": b")[0].rstrip(":")


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Protocol(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Runs an application whose every answer is ours."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **made._kwargs,  # noqa: SLF001 - they were given to the runner as they are
        )


async def answer_expectation(request: web.Request) -> None:
    """Say that the body may come; any other expectation may be ignored (RFC 9110, 10.1.1)."""
    asked = request.headers[hdrs.EXPECT].lower() == "100-continue"
    if asked and request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # That was not the answer yet.
        request.writer.output_size = 0
