"""Whether every backend answers."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from imgtag.domain.errors import ImgtagError, NotFound
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.ports import Backends, Clock, Reachable

_NOBODY: Final = OwnerId("doctor")


async def unreachable(backends: Backends, clock: Clock) -> Mapping[str, str]:
    """Ask each backend for something that changes nothing; tell which can't answer, and why."""
    found = {}
    for name, ask in _questions(backends, clock).items():
        try:
            await ask()
        except NotFound:
            continue  # that is an answer
        except ImgtagError as error:
            found[name] = error.detail
    return found


def _questions(backends: Backends, clock: Clock) -> Mapping[str, Callable[[], Awaitable[object]]]:
    absent = BlobKey(_NOBODY, BlobKind.ORIGINAL, PhotoId.mint(clock.now(), bytes(10)))
    questions: dict[str, Callable[[], Awaitable[object]]] = {
        "blobs": lambda: backends.blobs.stat(absent),
        "catalog": lambda: backends.catalog.tally(_NOBODY),
        "bundles": lambda: backends.bundles.page(_NOBODY, after=None, limit=1),
        "queue of photos": backends.photo_events.waiting,
        "queue of bundles": backends.bundle_events.waiting,
    }
    others = {
        "labeler": backends.labeler,
        "notifier": backends.notifier,
        "auth": backends.auth,
    }
    return questions | {
        name: port.reach for name, port in others.items() if isinstance(port, Reachable)
    }
