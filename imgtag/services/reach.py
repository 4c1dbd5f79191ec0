"""Whether every backend answers."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

from imgtag.domain.errors import ImgtagError, NotFound
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.ports import Backends, BlobStore, Clock, Reachable

_NOBODY: Final = OwnerId("doctor")


async def reach_blobs(blobs: BlobStore, clock: Clock) -> None:
    """See whether a store answers, which changes nothing. Raises `ImgtagError`."""
    # No original: looking for one may bring it from where it was sent to.
    absent = BlobKey(_NOBODY, BlobKind.THUMBNAIL, PhotoId.mint(clock.now(), bytes(10)))
    with suppress(NotFound):
        await (blobs.reach() if isinstance(blobs, Reachable) else blobs.stat(absent))


async def unreachable(backends: Backends, clock: Clock) -> Mapping[str, str]:
    """Ask each backend for something that changes nothing; tell which can't answer, and why."""
    found = {}
    for name, ask in _questions(backends, clock).items():
        try:
            await ask()
        except ImgtagError as error:
            found[name] = error.detail
    return found


def _questions(backends: Backends, clock: Clock) -> Mapping[str, Callable[[], Awaitable[object]]]:
    questions: dict[str, Callable[[], Awaitable[object]]] = {
        "blobs": lambda: reach_blobs(backends.blobs, clock),
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
