"""A bundle as one JSON text, and what is too large for it in pieces beside it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from imgtag.domain.bundles import Bundle, BundleState, Progress
from imgtag.domain.ids import BundleId, OwnerId, PhotoId
from imgtag.domain.labels import LabelName
from imgtag.domain.photos import Failure, PhotoState
from imgtag.domain.queries import Query

_ID_CHARACTERS: Final = 26
# Of 400 KB that an item may have, most is left to the rest of the bundle.
_IDS_INSIDE: Final = 4_000
_IDS_PER_PIECE: Final = 12_000


def dump(bundle: Bundle) -> tuple[str, Sequence[str]]:
    """Write *bundle*, and the ids that it names in pieces where they are many."""
    many = len(bundle.query.photo_ids) > _IDS_INSIDE
    document = {
        "id": bundle.id,
        "name": bundle.name,
        "query": _dump_query(bundle.query, with_ids=not many),
        "sidecars": bundle.sidecars,
        "photos": bundle.photos,
        "bytes": bundle.bytes,
        "token": bundle.token,
        "created": bundle.created_at.isoformat(),
        "state": bundle.state,
        "progress": [bundle.progress.photos, bundle.progress.bytes],
        "failure": bundle.failure and [bundle.failure.code, bundle.failure.detail],
        "ready": _text(bundle.ready_at),
        "expires": _text(bundle.expires_at),
        "leased": _text(bundle.lease_until),
        "checkpoint": bundle.checkpoint,
        "cleared": bundle.cleared,
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text, _pieces(bundle.query.photo_ids) if many else ()


def load(owner: OwnerId, text: str, revision: int, pieces: Sequence[str] = ()) -> Bundle:
    """Read what `dump` wrote."""
    data = json.loads(text)
    return Bundle(
        owner=owner,
        id=BundleId(data["id"]),
        name=data["name"],
        query=_load_query(data["query"], pieces),
        sidecars=data["sidecars"],
        photos=data["photos"],
        bytes=data["bytes"],
        token=data["token"],
        created_at=datetime.fromisoformat(data["created"]),
        state=BundleState(data["state"]),
        progress=Progress(*data["progress"]),
        failure=data["failure"] and Failure(*data["failure"]),
        ready_at=_time(data["ready"]),
        expires_at=_time(data["expires"]),
        revision=revision,
        lease_until=_time(data["leased"]),
        checkpoint=data["checkpoint"],
        cleared=data.get("cleared", False),
    )


def _text(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _pieces(ids: Sequence[PhotoId]) -> Sequence[str]:
    return [
        "".join(ids[start : start + _IDS_PER_PIECE]) for start in range(0, len(ids), _IDS_PER_PIECE)
    ]


def _ids(pieces: Sequence[str]) -> Sequence[PhotoId]:
    return [
        PhotoId(piece[start : start + _ID_CHARACTERS])
        for piece in pieces
        for start in range(0, len(piece), _ID_CHARACTERS)
    ]


def _dump_query(query: Query, *, with_ids: bool) -> Mapping[str, Any]:
    return {
        "all": query.all,
        "any": query.any,
        "none": query.none,
        "unlabelled": query.unlabelled,
        "state": query.state,
        "text": query.text,
        "photo_ids": query.photo_ids if with_ids else (),
        "trashed": query.trashed,
    }


def _load_query(data: Mapping[str, Any], pieces: Sequence[str]) -> Query:
    return Query(
        all=tuple(LabelName(name) for name in data["all"]),
        any=tuple(LabelName(name) for name in data["any"]),
        none=tuple(LabelName(name) for name in data["none"]),
        unlabelled=data["unlabelled"],
        state=PhotoState(data["state"]) if data["state"] else None,
        text=data["text"],
        photo_ids=tuple(PhotoId(photo) for photo in data["photo_ids"]) or tuple(_ids(pieces)),
        trashed=data["trashed"],
    )
