"""Stands in front of everything: notes who called what, and is a Rekognition that sees a dog.

``GET /_calls`` tells the calls so far; what starts there is forgotten by ``DELETE /_calls``.
"""

import io
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from tests.aws.rekognition import LABELS
from tests.infra.server.calls import Call, calls_in

App = Callable[..., Iterable[bytes]]
JSON = "application/x-amz-json-1.1"


class Recorder:
    """A WSGI app around the server's."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._calls: Counter[Call] = Counter()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"] == "/_calls":
            return self._told(environ["REQUEST_METHOD"], start)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        with self._lock:
            self._calls.update(calls_in(environ, body))
        if environ.get("HTTP_X_AMZ_TARGET") == "RekognitionService.DetectLabels":
            return _answer(start, {"Labels": LABELS, "LabelModelVersion": "3.0"})
        return self._app(environ, start)

    def _told(self, method: str, start: Callable[..., Any]) -> Iterable[bytes]:
        with self._lock:
            if method == "DELETE":
                self._calls.clear()
            calls = [[call.key, call.action, call.resource] for call in self._calls]
        return _answer(start, {"calls": calls})


def _answer(start: Callable[..., Any], told: Any) -> Iterable[bytes]:
    body = json.dumps(told).encode()
    start("200 OK", [("Content-Type", JSON), ("Content-Length", str(len(body)))])
    return [body]
