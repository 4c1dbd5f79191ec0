"""Check signatures as S3 does, written from the specification and not from an SDK.

Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, quote

SECRET: Final = "testing"
ALGORITHM: Final = "AWS4-HMAC-SHA256"
CLOCK_SKEW: Final = timedelta(minutes=15)


class Refused(Exception):
    """The request is answered with an error: *status*, and a *code* of S3."""

    def __init__(self, status: int, code: str, message: str = "", extra: str = "") -> None:
        super().__init__(message or code)
        self.status = status
        self.code = code
        self.extra = extra


@dataclass(frozen=True, slots=True)
class Request:
    """What is signed. *headers* have lower-case names."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Claim:
    scope: str
    signed_headers: str
    signature: str
    time: str
    payload: str


def check(request: Request) -> None:
    """Raise `Refused` unless the request is signed by the one key there is, and in time."""
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    claim = _from_query(query) if "X-Amz-Signature" in query else _from_header(request.headers)
    _must_be_in_time(claim, query)
    _must_sign_enough(request, claim)
    if not hmac.compare_digest(_signature(request, claim), claim.signature):
        raise Refused(403, "SignatureDoesNotMatch")


def _from_query(query: Mapping[str, str]) -> _Claim:
    _, scope = query["X-Amz-Credential"].split("/", 1)
    return _Claim(
        scope,
        query["X-Amz-SignedHeaders"],
        query["X-Amz-Signature"],
        query["X-Amz-Date"],
        "UNSIGNED-PAYLOAD",
    )


def _from_header(headers: Mapping[str, str]) -> _Claim:
    text = headers.get("authorization", "")
    if not text.startswith(ALGORITHM):
        raise Refused(403, "AccessDenied", "anonymous")
    parts = dict(part.strip().split("=", 1) for part in text[len(ALGORITHM) :].split(","))
    _, scope = parts["Credential"].split("/", 1)
    return _Claim(
        scope,
        parts["SignedHeaders"],
        parts["Signature"],
        headers["x-amz-date"],
        headers["x-amz-content-sha256"],
    )


def _must_be_in_time(claim: _Claim, query: Mapping[str, str]) -> None:
    signed_at = datetime.strptime(claim.time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    age = datetime.now(UTC) - signed_at
    if "X-Amz-Expires" in query and age > timedelta(seconds=int(query["X-Amz-Expires"])):
        raise Refused(403, "AccessDenied", "Request has expired")
    if "X-Amz-Expires" not in query and abs(age) > CLOCK_SKEW:
        raise Refused(403, "RequestTimeTooSkewed")


def _must_sign_enough(request: Request, claim: _Claim) -> None:
    signed = set(claim.signed_headers.split(";"))
    sent = {name for name in request.headers if name.startswith("x-amz-")}
    if sent - signed:
        raise Refused(403, "AccessDenied", "There were headers present which were not signed")
    if signed - set(request.headers):
        raise Refused(403, "SignatureDoesNotMatch", "a signed header is missing")


def _signature(request: Request, claim: _Claim) -> str:
    canonical = "\n".join(
        (
            request.method,
            quote(request.path, safe="/-_.~"),
            _canonical_query(request.query),
            *(
                f"{name}:{request.headers[name].strip()}"
                for name in claim.signed_headers.split(";")
            ),
            "",
            claim.signed_headers,
            claim.payload,
        )
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{ALGORITHM}\n{claim.time}\n{claim.scope}\n{digest}"
    key = f"AWS4{SECRET}".encode()
    for part in claim.scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def _canonical_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    kept = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in pairs
        if name != "X-Amz-Signature"
    )
    return "&".join(f"{name}={value}" for name, value in kept)
