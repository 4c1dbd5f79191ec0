"""Labels by Amazon Rekognition.

Limits: docs.aws.amazon.com/rekognition/latest/dg/limits.html. What it was paid for once is kept by
the photo's SHA-256, for its owner alone.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from imgtag.backends import Context, find
from imgtag.backends.aws import clients
from imgtag.backends.aws.errors import code_of, translated
from imgtag.backends.aws.places import Places
from imgtag.backends.aws.table import Condition, Item, Key, Table
from imgtag.backends.aws.throttle import TokenBucket
from imgtag.domain.errors import Conflict, Invalid, Unavailable
from imgtag.domain.ids import OwnerId
from imgtag.domain.labels import Box, LabelHit, LabelName
from imgtag.ports import Clock, Labeler, Subject

if TYPE_CHECKING:
    from types_aiobotocore_rekognition import RekognitionClient
    from types_aiobotocore_rekognition.type_defs import LabelTypeDef

MODEL: Final = "rekognition-3"
RENDITION_SIDE: Final = 1600
# Below, nothing is asked for: what is kept is a setting of imgtag, and it can be lowered later.
MIN_CONFIDENCE: Final = 55.0
MAX_OBJECT_BYTES: Final = 15 * 1024 * 1024
MAX_RENDITION_BYTES: Final = 5 * 1024 * 1024
MIN_SIDE: Final = 80
MAX_SIDE: Final = 10_000
READABLE: Final = frozenset({"image/jpeg", "image/png"})
# The first tier in us-east-1; the others are cheaper. aws.amazon.com/rekognition/pricing, 2026-10.
DOLLARS_PER_CALL: Final = 0.001
_KEPT_FOR: Final = timedelta(days=400)
_UNREADABLE: Final = frozenset({"InvalidImageFormatException", "ImageTooLargeException"})
# It may be that S3 or a permission has not caught up; the rendition is at hand either way.
_UNREACHABLE: Final = frozenset({"InvalidS3ObjectException", "AccessDeniedException"})


@dataclass(slots=True)
class Usage:
    """What this process has asked for since it began."""

    calls: int = 0
    from_cache: int = 0
    refused: int = 0

    @property
    def dollars(self) -> float:
        """What the calls have cost, estimated."""
        return self.calls * DOLLARS_PER_CALL


class RekognitionLabeler:
    """Asks Rekognition, not faster than *bucket* and not more often in a month than *limit*.

    Beyond the limit photos wait, or *fallback* answers in its place. Without *places* the originals
    don't lie on S3, and it is shown renditions only.
    """

    model = MODEL
    rendition_side = RENDITION_SIDE
    raster = None
    dollars_per_photo = DOLLARS_PER_CALL

    def __init__(
        self,
        rekognition: "RekognitionClient",
        answers: "Answers",
        places: Places | None,
        bucket: TokenBucket,
        *,
        limit: int | None = None,
        fallback: Labeler | None = None,
    ) -> None:
        self.usage = Usage()
        self._rekognition = rekognition
        self._answers = answers
        self._places = places
        self._bucket = bucket
        self._limit = limit
        self._fallback = fallback

    async def detect(self, subject: Subject) -> Sequence[LabelHit]:
        owner = subject.key.owner
        async with self._answers.alone(owner, subject.sha256):
            known = await self._answers.get(owner, subject.sha256)
            if known is not None:
                self.usage.from_cache += 1
                return known
            if not await self._answers.may_ask(self._limit):
                return await self._without(subject)
            hits = await self._ask(subject)
            await self._answers.keep(owner, subject.sha256, hits)
            return hits

    async def reach(self) -> None:
        """Ask about something that is no photo: the right answer is that it can't be read."""
        with translated("labels"):
            try:
                await self._rekognition.detect_labels(Image={"Bytes": b"no photo"})
            except ClientError as error:
                if code_of(error) not in _UNREADABLE:
                    raise

    async def _without(self, subject: Subject) -> Sequence[LabelHit]:
        self.usage.refused += 1
        if self._fallback:
            return await self._fallback.detect(subject)
        raise Unavailable(
            "this month's limit of calls to Rekognition is reached",
            code="monthly_limit",
            retry_after_seconds=3600,
        )

    async def _ask(self, subject: Subject) -> Sequence[LabelHit]:
        if self._places and _fits(subject):
            place = self._places.of_blob(subject.key)
            where = {"S3Object": {"Bucket": place.bucket, "Name": place.key}}
            try:
                return await self._detect(where)
            except _OriginalUnreadable:
                pass
        jpeg = subject.rendition.jpeg
        if len(jpeg) > MAX_RENDITION_BYTES:
            raise Invalid("the photo is too large for Rekognition", code="unreadable_photo")
        try:
            return await self._detect({"Bytes": jpeg})
        except _OriginalUnreadable as error:
            raise Invalid("Rekognition can't read this photo", code="unreadable_photo") from error

    async def _detect(self, image: Any) -> Sequence[LabelHit]:
        await self._bucket.take()
        self.usage.calls += 1
        with translated("labels"):
            try:
                told = await self._rekognition.detect_labels(
                    Image=image, MinConfidence=MIN_CONFIDENCE
                )
            except ClientError as error:
                if code_of(error) in _UNREADABLE | _UNREACHABLE:
                    raise _OriginalUnreadable from error
                raise
        return _hits(told["Labels"])


class _OriginalUnreadable(Exception):
    pass


def _fits(subject: Subject) -> bool:
    sides = (subject.facts.width, subject.facts.height)
    return (
        subject.facts.content_type in READABLE
        and subject.size <= MAX_OBJECT_BYTES
        and min(sides) >= MIN_SIDE
        and max(sides) <= MAX_SIDE
    )


def _hits(labels: Sequence["LabelTypeDef"]) -> Sequence[LabelHit]:
    """Read an answer; one label may come twice under names that are the same to imgtag."""
    found: dict[str, LabelHit] = {}
    for label in labels:
        hit = _hit(label)
        known = found.get(hit.name.folded)
        if known is None or known.confidence < hit.confidence:
            found[hit.name.folded] = hit
    return list(found.values())


def _hit(label: "LabelTypeDef") -> LabelHit:
    boxes = [item["BoundingBox"] for item in label.get("Instances", ()) if "BoundingBox" in item]
    return LabelHit(
        LabelName(label["Name"]),
        # It tells seven digits or more; they would go into every list of photos.
        round(float(label["Confidence"]), 2),
        tuple(LabelName(parent["Name"]) for parent in label.get("Parents", ())),
        tuple(
            Box(float(b["Left"]), float(b["Top"]), float(b["Width"]), float(b["Height"]))
            for b in boxes
        ),
    )


class Answers:
    """What Rekognition has said, and how often it was asked this month, in the jobs' table."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def alone(self, owner: OwnerId, sha256: str) -> AsyncIterator[None]:
        """Let one at a time in this process ask about the same content."""
        name = f"{owner}#{sha256}"
        lock, users = self._locks.get(name, (asyncio.Lock(), 0))
        self._locks[name] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(name)
            if users > 1:
                self._locks[name] = (lock, users - 1)

    async def get(self, owner: OwnerId, sha256: str) -> Sequence[LabelHit] | None:
        """Find an answer to the same content of the same owner."""
        item = await self._table.get(_answer_key(owner, sha256))
        if item is None or int(item["ttl"]) <= self._clock.now().timestamp():
            return None
        return [_load(data) for data in json.loads(str(item["hits"]))]

    async def keep(self, owner: OwnerId, sha256: str, hits: Sequence[LabelHit]) -> None:
        """Keep an answer."""
        pk, sk = _answer_key(owner, sha256)
        until = self._clock.now() + _KEPT_FOR
        text = json.dumps([_dump(hit) for hit in hits], ensure_ascii=False)
        item: Item = {"pk": pk, "sk": sk, "hits": text, "ttl": int(until.timestamp())}
        await self._table.write(item)

    async def may_ask(self, limit: int | None) -> bool:
        """Count one more call in this month, unless that is more than *limit*."""
        key = _month_key(self._clock.now())
        allowed = None
        if limit is not None:
            free = "attribute_not_exists(n) OR n < :limit"
            allowed = Condition(free, {":limit": limit})
        if limit == 0:
            return False
        try:
            await self._table.count(key, allowed)
        except Conflict:
            return False
        return True


def _answer_key(owner: OwnerId, sha256: str) -> Key:
    return f"R#{owner}#{sha256}", MODEL


def _month_key(now: datetime) -> Key:
    return "REKOGNITION", f"{now:%Y-%m}"


def _dump(hit: LabelHit) -> Sequence[Any]:
    boxes = [[box.left, box.top, box.width, box.height] for box in hit.boxes]
    return [hit.name, hit.confidence, hit.parents, boxes]


def _load(data: Sequence[Any]) -> LabelHit:
    name, confidence, parents, boxes = data
    return LabelHit(
        LabelName(name),
        confidence,
        tuple(LabelName(parent) for parent in parents),
        tuple(Box(*box) for box in boxes),
    )


@asynccontextmanager
async def open_labeler(context: Context) -> AsyncIterator[RekognitionLabeler]:
    """Open the labeler; it reads originals where the store of the settings keeps them."""
    settings = context.settings
    on_s3 = settings.blobs == "s3" and settings.s3_bucket
    table = Table(await clients.dynamodb(context), settings.dynamodb_jobs)
    fallback = None
    if settings.rekognition_fallback:
        opener = find("labeler", settings.rekognition_fallback)(context)
        fallback = await context.stack.enter_async_context(opener)
    yield RekognitionLabeler(
        await clients.rekognition(context),
        Answers(table, context.clock),
        Places.of(settings) if on_s3 else None,
        TokenBucket(settings.rekognition_rate),
        limit=settings.rekognition_monthly_limit,
        fallback=fallback,
    )
