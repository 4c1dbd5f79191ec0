"""What SQS messages say: imgtag's own events, and S3's, direct or by way of EventBridge.

Forms: docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html and
ev-events.html. Unknown fields and kinds of events are ignored, as both pages ask.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus

from imgtag.backends.aws.places import original_of
from imgtag.domain.errors import Invalid, NotFound
from imgtag.domain.events import Event, PhotoStored, from_dict
from imgtag.domain.ids import PhotoId
from imgtag.domain.keys import BlobKey

_CREATED: Final = "ObjectCreated:"
_RESTORED: Final = "ObjectRestore:Completed"
_BRIDGED: Final = {"Object Created": _CREATED, "Object Restore Completed": _RESTORED}


@dataclass(frozen=True, slots=True)
class Restored:
    """An original was brought back from an archive tier."""

    key: BlobKey


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that a message tells.

    *s3_key* and *sequencer* are set where S3 tells it: of two tellings about one key, the one with
    the greater sequencer is about the later state.
    """

    what: Event | Restored
    s3_key: str | None = None
    sequencer: str = ""


def read(body: str) -> Sequence[Told]:
    """Read a message. What S3 tells of anything but originals is left out, and so are its tests.

    Raises `Invalid`, code ``unknown_event``, for a message that is none of the three forms.
    """
    data = _json(body)
    if "Records" in data:
        return [told for record in data["Records"] for told in _of_record(record)]
    if data.get("Event") == "s3:TestEvent":
        return []
    if data.get("source") == "aws.s3":
        return list(_of_bridge(data))
    return [Told(from_dict(data))]


def _json(body: str) -> Mapping[str, Any]:
    try:
        data = json.loads(body)
    except ValueError as error:
        raise Invalid("not JSON", code="unknown_event") from error
    if not isinstance(data, dict) or not isinstance(data.get("Records", []), list):
        raise Invalid("not an event", code="unknown_event")
    return data


def _of_record(record: Any) -> Iterator[Told]:
    try:
        item, name = record["s3"]["object"], str(record["eventName"])
        key, sequencer = unquote_plus(item["key"]), str(item.get("sequencer", ""))
    except (KeyError, TypeError) as error:
        raise Invalid("not a record of S3", code="unknown_event") from error
    yield from _of_object(name.removeprefix("s3:"), key, sequencer)


def _of_bridge(data: Mapping[str, Any]) -> Iterator[Told]:
    try:
        item, name = data["detail"]["object"], data["detail-type"]
        # Unlike a notification, EventBridge gives the key as it is.
        key, sequencer = str(item["key"]), str(item.get("sequencer", ""))
    except (KeyError, TypeError) as error:
        raise Invalid("not an event of S3", code="unknown_event") from error
    yield from _of_object(_BRIDGED.get(name, ""), key, sequencer)


def _of_object(name: str, s3_key: str, sequencer: str) -> Iterator[Told]:
    try:
        key = original_of(s3_key)
        stored = PhotoStored(key.owner, PhotoId(key.name))
    except NotFound:
        return
    if name.startswith(_CREATED):
        yield Told(stored, s3_key, sequencer)
    elif name == _RESTORED:
        yield Told(Restored(key), s3_key, sequencer)


class Sequencers:
    """Remembers the latest that was dealt with of each key, for a bounded number of keys."""

    def __init__(self, keys: int = 10_000) -> None:
        self._keys = keys
        self._latest: dict[str, str] = {}

    def is_stale(self, told: Told) -> bool:
        """Tell whether something at least as late about the same key was dealt with here."""
        known = self._latest.get(told.s3_key or "")
        if not known or not told.sequencer:
            return False
        width = max(len(known), len(told.sequencer))
        return told.sequencer.ljust(width, "0") <= known.ljust(width, "0")

    def remember(self, told: Told) -> None:
        """Note that *told* was dealt with."""
        if not told.s3_key or not told.sequencer or self.is_stale(told):
            return
        self._latest.pop(told.s3_key, None)
        self._latest[told.s3_key] = told.sequencer
        if len(self._latest) > self._keys:
            del self._latest[next(iter(self._latest))]
