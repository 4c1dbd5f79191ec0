"""The child process: answers questions about photos, one at a time, until its parent is gone.

Started by `imgtag.imaging.pool` through `imgtag.children`. Each question comes with an open
descriptor of the photo: the child opens no file.
"""

import json
import os
import resource
import signal
import socket
from io import BytesIO
from typing import Final

from PIL import Image

from imgtag.imaging.inspect import inspect, prepare
from imgtag.imaging.model import Inspection, Limits, Question, Refused
from imgtag.imaging.wire import MAX_QUESTION_BYTES, pack_answer, pack_ready, unpack_question

_PHOTO_FD: Final = 3
# stdin, stdout, stderr and one photo: a decoder that asks for a file or a socket gets none.
_MAX_DESCRIPTORS: Final = _PHOTO_FD + 1


def serve(parent: socket.socket, argument: str) -> None:
    """Run until the parent closes its end. *argument* is a `Limits` as JSON."""
    limits = Limits(**json.loads(argument))
    prepare(limits)
    _warm_up(limits)
    _confine(limits)
    parent.sendall(pack_ready())
    while (received := _receive(parent)) is not None:
        line, photo = received
        number, question = unpack_question(line)
        parent.sendall(pack_answer(number, _answer(photo, question, limits)))


def _receive(parent: socket.socket) -> tuple[bytes, int] | None:
    line, descriptors, _, _ = socket.recv_fds(parent, MAX_QUESTION_BYTES, 1)
    if not descriptors:
        return None
    while not line.endswith(b"\n"):
        if not (more := parent.recv(MAX_QUESTION_BYTES)):
            return None
        line += more
    return line, descriptors[0]


def _answer(photo: int, question: Question, limits: Limits) -> Inspection | Refused:
    # Left at its default action, the signal ends a decoder that Python could not interrupt.
    signal.setitimer(signal.ITIMER_PROF, limits.cpu_seconds)
    try:
        with os.fdopen(photo, "rb", buffering=0) as file:
            return inspect(file.readall(), question, limits)
    except Refused as refused:
        return refused
    except MemoryError:
        return Refused(
            "photo_too_expensive", "reading it takes more memory than one photo may have"
        )
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _warm_up(limits: Limits) -> None:
    """Decode each format once, so that whatever is loaded late is loaded before the limits."""
    for name in ("JPEG", "PNG", "WEBP"):
        buffer = BytesIO()
        Image.new("RGB", (8, 8)).save(buffer, name)
        inspect(buffer.getvalue(), Question(digest=True), limits)


def _confine(limits: Limits) -> None:
    """Give up what decoding a photo doesn't need. What a system doesn't know is left out."""
    quiet = os.open(os.devnull, os.O_RDWR)
    os.dup2(quiet, 2)
    os.closerange(_PHOTO_FD, 256)
    _limit_resources(limits)


def _limit_resources(limits: Limits) -> None:
    # No RLIMIT_NPROC: it counts all of a user's threads, and libheif can't decode without one more.
    bounds = {
        "RLIMIT_AS": limits.memory_bytes,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": _MAX_DESCRIPTORS,
    }
    for name, bound in bounds.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        try:
            resource.setrlimit(kind, (bound, bound))
        except (OSError, ValueError):
            continue
