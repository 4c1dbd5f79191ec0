"""Ranges and validators of RFC 9110: which bytes a request wants, if any."""

import re
from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web

# One range. A list of several is answered with the whole, as section 14.2 allows.
_RANGE: Final = re.compile(r"bytes=(?:(\d{1,19})-(\d{0,19})|-(\d{1,19}))", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes *start* up to *stop* of *size*."""

    start: int
    stop: int
    size: int

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return self.stop - self.start == self.size

    @property
    def content_range(self) -> str:
        """What the Content-Range header says."""
        return f"bytes {self.start}-{self.stop - 1}/{self.size}"


def wanted(request: web.Request, size: int, etag: str) -> Part | None:
    """Say which bytes *request* wants; None when there are none in its range (416).

    A range that isn't one, and a range whose If-Range names other bytes, mean the whole.
    """
    whole = Part(0, size, size)
    text = request.headers.get(hdrs.RANGE)
    if text is None or request.method not in {hdrs.METH_GET, hdrs.METH_HEAD}:
        return whole
    condition = request.headers.get(hdrs.IF_RANGE)
    if condition is not None and condition != f'"{etag}"':
        return whole
    found = _RANGE.fullmatch(text.strip())
    return _part(found, size) if found else whole


def _part(found: re.Match[str], size: int) -> Part | None:
    first, last, suffix = found.groups()
    if suffix is not None:
        start, stop = max(0, size - int(suffix)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return Part(0, size, size)  # not a range at all, by section 14.1.1
    return Part(start, stop, size) if start < stop else None


def has_already(request: web.Request, etag: str) -> bool:
    """Tell whether the client has these bytes (If-None-Match)."""
    known = request.if_none_match or ()
    return any(each.value in {etag, "*"} for each in known)
