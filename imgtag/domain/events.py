"""What is said between the parts: small, versioned, and safe to hear twice or late."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from imgtag.domain.errors import ImgtagError, Invalid
from imgtag.domain.ids import BundleId, ImportId, OwnerId, PhotoId
from imgtag.domain.photos import Content, sha256_of


@dataclass(frozen=True, slots=True)
class PhotoStored:
    """A photo's bytes are there, and it wants labels.

    *content* is what they measured, where whoever says so has just taken them in.
    """

    owner: OwnerId
    photo: PhotoId
    content: Content | None = None


@dataclass(frozen=True, slots=True)
class PhotoDiscarded:
    """A photo's row is gone, and its bytes may go too."""

    owner: OwnerId
    photo: PhotoId


@dataclass(frozen=True, slots=True)
class BundleRequested:
    """A bundle waits to be built."""

    owner: OwnerId
    bundle: BundleId


@dataclass(frozen=True, slots=True)
class BundleEnded:
    """A bundle became ready or failed, and its owner has to hear of it."""

    owner: OwnerId
    bundle: BundleId


@dataclass(frozen=True, slots=True)
class ImportRequested:
    """An import waits for its next page."""

    owner: OwnerId
    imported: ImportId


Event = PhotoStored | PhotoDiscarded | BundleRequested | BundleEnded | ImportRequested

_VERSION = 1


def to_dict(event: Event) -> dict[str, Any]:
    """Write *event* as plain JSON values."""
    return {"v": _VERSION, "owner": event.owner, **_body(event)}


def _body(event: Event) -> dict[str, Any]:
    match event:
        case PhotoStored():
            content = {"content": asdict(event.content)} if event.content else {}
            return {"type": "photo_stored", "photo": event.photo, **content}
        case PhotoDiscarded():
            return {"type": "photo_discarded", "photo": event.photo}
        case BundleRequested():
            return {"type": "bundle_requested", "bundle": event.bundle}
        case BundleEnded():
            return {"type": "bundle_ended", "bundle": event.bundle}
        case ImportRequested():
            return {"type": "import_requested", "import": event.imported}


def from_dict(data: Mapping[str, Any]) -> Event:
    """Read what `to_dict` wrote. Anything else raises `Invalid`, code ``unknown_event``."""
    try:
        return _read(data)
    except (ImgtagError, KeyError, TypeError, ValueError) as error:
        msg = "not an event that this version knows"
        raise Invalid(msg, code="unknown_event") from error


def _content(data: Mapping[str, Any] | None) -> Content | None:
    if data is None:
        return None
    size, crc32 = data["size"], data["crc32"]
    if type(size) is not int or type(crc32) is not int or size < 1 or not 0 <= crc32 < 2**32:
        msg = "not the measure of a photo"
        raise ValueError(msg)
    return Content(size, sha256_of(data["sha256"]), crc32)


def _read(data: Mapping[str, Any]) -> Event:
    owner = OwnerId(data["owner"])
    match data["v"], data["type"]:
        case 1, "photo_stored":
            return PhotoStored(owner, PhotoId(data["photo"]), _content(data.get("content")))
        case 1, "photo_discarded":
            return PhotoDiscarded(owner, PhotoId(data["photo"]))
        case 1, "bundle_requested":
            return BundleRequested(owner, BundleId(data["bundle"]))
        case 1, "bundle_ended":
            return BundleEnded(owner, BundleId(data["bundle"]))
        case 1, "import_requested":
            return ImportRequested(owner, ImportId(data["import"]))
        case _:
            raise KeyError(data["type"])
