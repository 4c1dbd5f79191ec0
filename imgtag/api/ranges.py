"""Ranges and validators of RFC 9110: which bytes a request wants, if any."""

import re
from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web

# One range. A list of several is answered with the whole, as section 14.2 allows. The digits are
# bounded because Python refuses to make a number of more than 4,300.
_RANGE: Final = re.compile(
    r"bytes=(?:(\d{1,4000})-(\d{0,4000})|-(\d{1,4000}))", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes *start* up to *stop* of *size*; *asked* when they are the range of a request."""

    start: int
    stop: int
    size: int
    asked: bool = False

    @property
    def content_range(self) -> str:
        """What the Content-Range header says."""
        return f"bytes {self.start}-{self.stop - 1}/{self.size}"


def wanted(request: web.Request, size: int, etag: str) -> Part | None:
    """Say which bytes *request* wants; None when there are none in its range (416).

    A range that isn't one, and a range whose If-Range names other bytes, mean the whole. Only GET
    knows ranges (section 14.2).
    """
    whole = Part(0, size, size)
    text = request.headers.get(hdrs.RANGE)
    if text is None or request.method != hdrs.METH_GET:
        return whole
    condition = request.headers.get(hdrs.IF_RANGE)
    if condition is not None and condition != f'"{etag}"':
        return whole
    found = _RANGE.fullmatch(text.strip())
    return _part(found, whole) if found else whole


def _part(found: re.Match[str], whole: Part) -> Part | None:
    first, last, suffix = found.groups()
    size = whole.size
    if suffix is not None:
        start, stop = max(0, size - int(suffix)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return whole  # not a range at all, by section 14.1.1
    return Part(start, stop, size, asked=True) if start < stop else None


def has_already(request: web.Request, etag: str) -> bool:
    """Tell whether the client has these bytes (If-None-Match)."""
    known = request.if_none_match or ()
    return any(each.value in {etag, "*"} for each in known)
