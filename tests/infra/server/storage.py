"""S3: conditions in bucket policies, configurations of Intelligent-Tiering, and old versions."""

import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

App = Callable[..., Iterable[bytes]]
NOT_THERE = b"<Error><Code>NoSuchConfiguration</Code><Message>none</Message></Error>"


def _permission(self: FakeBucket, action: str, resource: str) -> PermissionResult:
    """Judge by the bucket's policy. moto would apply what is denied on a condition always."""
    if self.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(self.policy)
    policy["Statement"] = [each for each in policy["Statement"] if "Condition" not in each]
    if not policy["Statement"]:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)


def _has_versions(self: FakeBucket) -> bool:
    """Tell whether versions may be there: also where no new ones are kept any more."""
    return self.versioning_status in {"Enabled", "Suspended"}


class Tiering:
    """Keeps configurations of Intelligent-Tiering as they come; moto answers with a list."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._kept: dict[tuple[str, str], bytes] = {}

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        if "intelligent-tiering" not in query:
            return self._app(environ, start)
        place = environ["PATH_INFO"], query.get("id", [""])[0]
        status, body = self._answer(environ, place)
        start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, environ: dict[str, Any], place: tuple[str, str]) -> tuple[str, bytes]:
        match environ["REQUEST_METHOD"]:
            case "PUT":
                self._kept[place] = environ["wsgi.input"].read()
                return "200 OK", b""
            case "DELETE":
                self._kept.pop(place, None)
                return "204 No Content", b""
        if place in self._kept:
            return "200 OK", self._kept[place]
        return "404 Not Found", NOT_THERE


def install() -> None:
    """Install what concerns buckets themselves."""
    FakeBucket.get_permission = _permission  # type: ignore[method-assign]
    FakeBucket.is_versioned = property(_has_versions)  # type: ignore[assignment,method-assign]
