"""A photo as one JSON text: DynamoDB's own nested values cost more CPU than all the rest of a page.

Measured in docs/decisions/0021-dynamodb-catalog.md.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.labels import Box, Label, LabelName, LabelSet, Source
from imgtag.domain.photos import Failure, Photo, PhotoState


def dump(photo: Photo) -> str:
    """Write *photo*."""
    return json.dumps(
        {
            "id": photo.id,
            "name": photo.file_name,
            "created": photo.created_at.isoformat(),
            "state": photo.state,
            "type": photo.content_type,
            "size": photo.size,
            "sha256": photo.sha256,
            "crc32": photo.crc32,
            "side": [photo.width, photo.height],
            "taken": photo.taken_at and photo.taken_at.isoformat(),
            "failure": photo.failure and [photo.failure.code, photo.failure.detail],
            "labels": [_dump_label(label) for label in photo.labels.labels.values()],
            "removed": list(photo.labels.removed.values()),
            "trashed": photo.trashed_at and photo.trashed_at.isoformat(),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def load(owner: OwnerId, text: str) -> Photo:
    """Read what `dump` wrote."""
    data = json.loads(text)
    width, height = data["side"]
    return Photo(
        owner=owner,
        id=PhotoId(data["id"]),
        file_name=data["name"],
        created_at=datetime.fromisoformat(data["created"]),
        state=PhotoState(data["state"]),
        content_type=data["type"],
        size=data["size"],
        sha256=data["sha256"],
        crc32=data["crc32"],
        width=width,
        height=height,
        taken_at=_time(data["taken"]),
        failure=data["failure"] and Failure(*data["failure"]),
        labels=LabelSet.of(
            [_load_label(label) for label in data["labels"]],
            [LabelName(name) for name in data["removed"]],
        ),
        trashed_at=_time(data["trashed"]),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _dump_label(label: Label) -> Sequence[Any]:
    return [
        label.name,
        label.confidence,
        label.source,
        label.model,
        label.parents,
        [[box.left, box.top, box.width, box.height] for box in label.boxes],
    ]


def _load_label(data: Sequence[Any]) -> Label:
    name, confidence, source, model, parents, boxes = data
    return Label(
        LabelName(name),
        confidence,
        Source(source),
        model,
        tuple(LabelName(parent) for parent in parents),
        tuple(Box(*box) for box in boxes),
    )
