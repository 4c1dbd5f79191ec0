"""What stands in front of moto: S3's strictness, archive tiers, and faults on demand.

Tests steer it with ``POST /_test``. ``{"faults": [...], "archived": {...}, "seed": 1}`` replaces
what was set before, ``{"advance": 30}`` lets 30 seconds pass for SQS, ``{"messages": url}`` looks
into a queue, and ``{"confirm": true}`` agrees to every subscription; the answer tells what struck
and what was asked so far.

A fault strikes calls of an *operation* with a *rate*, from the *after*th on, *times* at most; its
*kind* is ``throttle``, ``conflict``, ``lost``, ``truncate``, ``duplicate``, or ``hold``: until the
next set of faults.
"""

import base64
import hashlib
import io
import json
import random
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote
from xml.sax.saxutils import escape

from tests.aws.server import sns, sqs
from tests.aws.server.sigv4 import Refused, Request, check

Environ = dict[str, Any]
Start = Callable[..., Any]
Answer = tuple[str, list[tuple[str, str]], bytes]
App = Callable[[Environ, Start], Iterable[bytes]]

# Key, day, region, service, and what ends it.
SCOPE_PARTS: Final = 5
JSON: Final = [("Content-Type", "application/x-amz-json-1.0")]
CONFLICT: Final = {
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "Message": "Transaction cancelled [TransactionConflict]",
    "CancellationReasons": [{"Code": "TransactionConflict", "Message": "ongoing"}],
}
# What sets calls of S3 with the same method apart, such as ``s3.PUT.partNumber``.
S3_CALLS: Final = ("partNumber", "uploadId", "uploads", "restore", "delete")
HOLD_SECONDS: Final = 120
THROTTLED: Final = {"__type": "ThrottlingException", "message": "Rate exceeded"}


class Layer:
    """A WSGI app around moto's."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._dynamodb = threading.RLock()
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._set({})

    def _set(self, rules: Mapping[str, Any]) -> None:
        self._faults: list[dict[str, Any]] = list(rules.get("faults", ()))
        self._archived: dict[str, str] = dict(rules.get("archived", {}))
        self._restoring: set[str] = set()
        self._random = random.Random(rules.get("seed", 1))
        self._struck: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()
        self._again: list[dict[str, Any]] = []
        self._released.set()
        self._released = threading.Event()

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answer one request."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        status, headers, content = self._answer(environ, body)
        kept = [pair for pair in headers if pair[0].lower() != "connection"]
        if not any(name.lower() == "content-length" for name, _ in kept):
            kept.append(("Content-Length", str(len(content))))
        start(status, kept)
        return [content] if environ["REQUEST_METHOD"] != "HEAD" else []

    def _answer(self, environ: Environ, body: bytes) -> Answer:
        if environ["PATH_INFO"] == "/_test":
            return self._steer(body)
        operation = _operation(environ, body)
        with self._lock:
            self._asked[operation] += 1
        fault = self._draw(operation)
        if fault == "hold":
            self._released.wait(HOLD_SECONDS)
        if fault == "throttle":
            return _throttled(operation)
        if fault == "conflict":
            return "400 Bad Request", JSON, json.dumps(CONFLICT).encode()
        answer = self._pass_on(environ, body, operation)
        return self._spoil(fault, operation, answer)

    def _steer(self, body: bytes) -> Answer:
        rules = json.loads(body or b"{}")
        with self._lock:
            told: dict[str, Any] = {"struck": self._struck, "asked": self._asked}
            match rules:
                case {"messages": url}:
                    told["messages"] = sqs.bodies(url)
                case {"advance": seconds}:
                    sqs.advance(seconds)
                case {"confirm": _}:
                    sns.confirm()
                case {"faults": _}:
                    self._set(rules)
        return "200 OK", JSON, json.dumps(told).encode()

    def _draw(self, operation: str) -> str | None:
        with self._lock:
            for fault in self._faults:
                if (
                    operation.startswith(fault["operation"])
                    and self._asked[operation] > fault.get("after", 0)
                    and self._random.random() < fault["rate"]
                ):
                    if self._struck[fault["kind"]] >= fault.get("times", 1 << 60):
                        continue
                    self._struck[fault["kind"]] += 1
                    return str(fault["kind"])
        return None

    def _pass_on(self, environ: Environ, body: bytes, operation: str) -> Answer:
        if operation.startswith("s3."):
            return self._s3(environ, body)
        if operation.startswith("DynamoDB"):
            with self._dynamodb:
                return self._moto(environ)
        if operation in {"query.Subscribe", "query.Unsubscribe"}:
            return self._sns(environ, body)
        return self._moto(environ)

    def _sns(self, environ: Environ, body: bytes) -> Answer:
        with self._lock:
            reason = sns.refusal(body)
            if reason:
                return _query_error("InvalidParameter", reason)
            answer = self._moto(environ)
            sns.note(body)
        return answer

    def _spoil(self, fault: str | None, operation: str, answer: Answer) -> Answer:
        status, headers, content = answer
        if fault == "lost":
            return "500 Internal Server Error", JSON, b'{"__type":"InternalServerError"}'
        if fault == "truncate":
            length = [("Content-Length", str(len(content)))]
            kept = [pair for pair in headers if pair[0].lower() != "content-length"]
            return status, kept + length, content[: len(content) // 2]
        if operation == "AmazonSQS.ReceiveMessage":
            return status, headers, self._shuffle(fault, content)
        return answer

    def _shuffle(self, fault: str | None, content: bytes) -> bytes:
        """Deliver some messages once more later on, and none in order."""
        told = json.loads(content or b"{}")
        messages = told.get("Messages", [])
        with self._lock:
            if fault == "duplicate":
                self._again += messages
            elif self._again and not messages:
                messages = [self._again.pop()]
            self._random.shuffle(messages)
        return json.dumps({**told, "Messages": messages} if messages else told).encode()

    def _moto(self, environ: Environ) -> Answer:
        told: list[Any] = []

        def start(
            status: str, headers: list[tuple[str, str]], _: Any = None
        ) -> Callable[[bytes], None]:
            told.extend((status, headers))
            return lambda _: None

        content = b"".join(self._app(environ, start))
        return told[0], told[1], content

    def _s3(self, environ: Environ, body: bytes) -> Answer:
        headers = _headers(environ)
        path = unquote(environ.get("RAW_URI", environ["PATH_INFO"]).split("?")[0])
        query = environ.get("QUERY_STRING", "")
        try:
            check(Request(environ["REQUEST_METHOD"], path, query, headers))
            _must_be_intact(headers, body)
            restored = self._archive(environ["REQUEST_METHOD"], path, query, headers, body)
            self._may_be_copied(environ, path, headers)
        except Refused as refused:
            return _refusal(refused)
        if restored:
            return restored
        status, told, content = self._moto(environ)
        if environ["REQUEST_METHOD"] == "HEAD" and path in self._archived:
            told = [*told, *self._archive_headers(path)]
        return status, told, content

    def _archive(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Answer | None:
        source = unquote(headers.get("x-amz-copy-source", ""))
        read = path if method == "GET" else f"/{source.lstrip('/')}" if source else None
        if read in self._archived:
            tier = f"<AccessTier>{self._archived[read]}</AccessTier>"
            storage = "<StorageClass>INTELLIGENT_TIERING</StorageClass>"
            raise Refused(403, "InvalidObjectState", extra=storage + tier)
        if method == "POST" and "restore" in parse_qs(query, keep_blank_values=True):
            return self._restore(path, body)
        return None

    def _may_be_copied(self, environ: Environ, path: str, headers: Mapping[str, str]) -> None:
        """Hold a copy to its conditions, which moto takes no notice of."""
        source = unquote(headers.get("x-amz-copy-source", "")).lstrip("/")
        wanted = headers.get("x-amz-copy-source-if-match", "").strip('"')
        if source and wanted and self._etag(environ, f"/{source}") not in {wanted, None}:
            raise Refused(412, "PreconditionFailed")
        if source and headers.get("if-none-match") == "*" and self._etag(environ, path):
            raise Refused(412, "PreconditionFailed")

    def _etag(self, environ: Environ, path: str) -> str | None:
        """Ask moto with what is left of the request when its conditions are taken away."""
        kept = {
            name: value
            for name, value in environ.items()
            if not name.startswith(("HTTP_IF_", "HTTP_X_AMZ_COPY"))
        }
        raw = quote(path)
        asked = {
            "REQUEST_METHOD": "HEAD",
            "PATH_INFO": path.encode().decode("latin-1"),
            "RAW_URI": raw,
            "REQUEST_URI": raw,
            "QUERY_STRING": "",
            "CONTENT_LENGTH": "0",
            "wsgi.input": io.BytesIO(),
        }
        _, headers, _ = self._moto({**kept, **asked})
        return next((value.strip('"') for name, value in headers if name.lower() == "etag"), None)

    def _restore(self, path: str, body: bytes) -> Answer:
        if path not in self._archived:
            raise Refused(403, "InvalidObjectState")
        if b"<Days>" in body:
            raise Refused(400, "InvalidArgument", "Days with INTELLIGENT_TIERING")
        if path in self._restoring:
            raise Refused(409, "RestoreAlreadyInProgress")
        self._restoring.add(path)
        return "202 Accepted", [], b""

    def _archive_headers(self, path: str) -> list[tuple[str, str]]:
        found = [("x-amz-archive-status", self._archived[path])]
        if path in self._restoring:
            found.append(("x-amz-restore", 'ongoing-request="true"'))
        return found


def _operation(environ: Environ, body: bytes) -> str:
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return str(target)
    if body.startswith((b"Action=", b"Version=")) or b"Action=" in body[:200]:
        return "query." + parse_qs(body.decode())["Action"][0]
    if environ["PATH_INFO"].startswith("/moto-api"):
        return "moto"
    service, method = _signed_for(environ), environ["REQUEST_METHOD"]
    if service != "s3":
        return f"{service}.{method}"
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    what = next((f".{name}" for name in S3_CALLS if name in query), "")
    return f"s3.{method}{what}"


def _signed_for(environ: Environ) -> str:
    """Tell which service a request was signed for, among those that differ by path alone."""
    _, _, scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")
    parts = scope.partition(",")[0].split("/")
    return parts[3] if len(parts) == SCOPE_PARTS else "s3"


def _headers(environ: Environ) -> dict[str, str]:
    found = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            found[name.replace("_", "-").lower()] = environ[name]
    return found


def _must_be_intact(headers: Mapping[str, str], body: bytes) -> None:
    sums = {
        "content-md5": lambda: hashlib.md5(body, usedforsecurity=False).digest(),
        "x-amz-checksum-sha256": lambda: hashlib.sha256(body).digest(),
        "x-amz-checksum-crc32": lambda: zlib.crc32(body).to_bytes(4, "big"),
    }
    for name, measure in sums.items():
        if name in headers and base64.b64decode(headers[name]) != measure():
            raise Refused(400, "BadDigest", name)
    claimed = headers.get("x-amz-content-sha256", "")
    if len(claimed) == 64 and claimed != hashlib.sha256(body).hexdigest():
        raise Refused(400, "XAmzContentSHA256Mismatch")


def _refusal(refused: Refused) -> Answer:
    text = f"<Error><Code>{refused.code}</Code><Message>{escape(str(refused))}</Message>"
    body = f'<?xml version="1.0"?>{text}{refused.extra}</Error>'.encode()
    return f"{refused.status} Refused", [("Content-Type", "application/xml")], body


def _query_error(code: str, message: str) -> Answer:
    error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    body = f"<ErrorResponse>{error}</ErrorResponse>".encode()
    return "400 Bad Request", [("Content-Type", "text/xml")], body


def _throttled(operation: str) -> Answer:
    if operation.startswith("s3."):
        return _refusal(Refused(503, "SlowDown"))
    if operation.startswith("query."):
        return _query_error("Throttling", "Rate exceeded")
    return "400 Bad Request", JSON, json.dumps(THROTTLED).encode()
