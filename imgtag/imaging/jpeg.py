"""Walking the segments of a JPEG before any decoder does (ITU-T T.81, annex B).

A progressive JPEG may repeat its scans: 1,000 of them in 270 kB cost a decoder 14 seconds, under
any cap on pixels. So the scans are counted first; photographs have about ten.
"""

import re
from dataclasses import dataclass
from typing import Final

from imgtag.imaging.model import Limits, Refused

_SOS: Final = 0xDA
_EOI: Final = 0xD9
_STANDALONE: Final = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
# In the compressed data of a scan, 0xFF is followed by 0x00 or by a restart marker.
_NEXT_MARKER: Final = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")


@dataclass(frozen=True, slots=True)
class Frame:
    """What the frame header says; *sampling* holds each component's horizontal and vertical."""

    width: int
    height: int
    sampling: tuple[tuple[int, int], ...]
    progressive: bool

    def coefficient_bytes(self) -> int:
        """Bytes that all coefficients take: what a decoder keeps when there are several scans."""
        widest = max(h for h, _ in self.sampling)
        tallest = max(v for _, v in self.sampling)
        pixels = self.width * self.height
        return sum(2 * pixels * h * v // (widest * tallest) for h, v in self.sampling)


@dataclass(frozen=True, slots=True)
class JpegPlan:
    """How a JPEG is going to be decoded; *buffered* where it comes in several scans."""

    frame: Frame
    buffered: bool


def plan_jpeg(data: bytes, limits: Limits) -> JpegPlan:
    """Read the headers of *data*, and refuse too many segments or scans."""
    frame, at = None, 2
    for _ in range(limits.max_segments):
        marker, at = _marker(data, at)
        if marker in _STANDALONE:
            continue
        stop = at + _length(data, at)
        if marker == _SOS:
            return _plan(data, at, frame, limits)
        if marker in _FRAMES:
            if frame:
                raise _damaged("it has two frame headers")
            frame = _frame(data[at + 2 : stop], progressive=marker in _PROGRESSIVE)
        at = stop
    raise _bomb("too many segments precede its picture")


def _plan(data: bytes, at: int, frame: Frame | None, limits: Limits) -> JpegPlan:
    if frame is None:
        raise _damaged("it has no frame header")
    in_first_scan = data[at + 2] if at + 2 < len(data) else 0
    buffered = frame.progressive or in_first_scan < len(frame.sampling)
    # A decoder stops after the one scan of a plain JPEG, so there is nothing to count.
    if buffered:
        _limit_scans(data, at, limits)
    return JpegPlan(frame, buffered)


def _limit_scans(data: bytes, first: int, limits: Limits) -> None:
    if _at_most(data, b"\xff\xda", first, limits.max_scans - 1):
        return
    scans, segments, at = 1, 0, first + _length(data, first)
    while match := _NEXT_MARKER.search(data, at):
        at, marker = match.end(), match[1][0]
        if marker == _EOI:
            return
        if marker in _STANDALONE:
            continue
        scans += marker == _SOS
        segments += 1
        if scans > limits.max_scans or segments > limits.max_segments:
            raise _bomb("it has too many scans")
        at += _length(data, at) if at + 2 <= len(data) else 2


def _at_most(data: bytes, needle: bytes, at: int, most: int) -> bool:
    for _ in range(most + 1):
        at = data.find(needle, at) + 1
        if not at:
            return True
    return False


def _marker(data: bytes, at: int) -> tuple[int, int]:
    at = data.find(b"\xff", at)
    while 0 <= at < len(data) and data[at] == 0xFF:  # noqa: PLR2004 - fill bytes precede a marker
        at += 1
    if not 0 <= at < len(data) or data[at] == _EOI:
        raise _damaged("it ends before its picture")
    return data[at], at + 1


def _length(data: bytes, at: int) -> int:
    length = int.from_bytes(data[at : at + 2], "big")
    if length < 2:  # noqa: PLR2004 - the length counts its own two bytes
        raise _damaged("a segment is cut off")
    return length


def _frame(body: bytes, *, progressive: bool) -> Frame:
    components = body[6:]
    if len(body) < 9 or len(components) != 3 * body[5]:  # noqa: PLR2004 - T.81, B.2.2
        raise _damaged("its frame header is malformed")
    sampling = tuple((byte >> 4, byte & 15) for byte in components[1::3])
    if not all(1 <= h <= 4 and 1 <= v <= 4 for h, v in sampling):  # noqa: PLR2004 - T.81, B.2.2
        raise _damaged("its frame header is malformed")
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    return Frame(width, height, sampling, progressive)


def _damaged(what: str) -> Refused:
    return Refused("damaged_photo", f"this JPEG can't be decoded: {what}")


def _bomb(what: str) -> Refused:
    return Refused("photo_bomb", f"this JPEG is built to be expensive: {what}")
