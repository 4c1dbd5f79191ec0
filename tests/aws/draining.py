"""Emptying a queue of thousands of events while one call in twenty goes wrong."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from imgtag.backends.aws import BACKENDS, clients
from imgtag.backends.aws.catalog import DynamoCatalog
from imgtag.backends.aws.queue import SqsQueue
from imgtag.backends.memory import MemoryBlobStore, MemoryLabeler
from imgtag.domain.ids import OwnerId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.labels import LabelLimits
from imgtag.domain.photos import Photo
from imgtag.metrics import Metrics
from imgtag.services.feed import Feed
from imgtag.services.labelling import Labelling
from imgtag.testing.photos import ADA, Maker, hit, jpeg
from imgtag.worker import Consumer, Work
from tests.aws.cloud import Cloud, Server
from tests.unit.services import MAX_PHOTO_BYTES, PlainInspector

BATCH: Final = 10
# Every call of moto's SQS takes as long as the queue is.
MOST_QUEUED: Final = 500
AT_ONCE: Final = 8
WORKERS: Final = 2
DYNAMODB: Final = "DynamoDB_20120810."
# Which calls, what becomes of them, and how often.
FAULTS: Final = (
    ("AmazonSQS.ReceiveMessage", "duplicate", 0.2),
    ("AmazonSQS.ReceiveMessage", "throttle", 0.1),
    ("AmazonSQS.DeleteMessage", "lost", 0.1),
    (f"{DYNAMODB}TransactWriteItems", "conflict", 0.05),
    (f"{DYNAMODB}TransactWriteItems", "lost", 0.05),
    (f"{DYNAMODB}GetItem", "throttle", 0.05),
    (f"{DYNAMODB}BatchGetItem", "throttle", 0.05),
)


@dataclass(frozen=True, slots=True)
class Drained:
    """What came of it: times in seconds, *struck* and *asked* in calls of AWS."""

    events: int
    photos: int
    labelled: int
    counted: int
    recounted: int
    dead: int
    left: int
    asked: int
    struck: int
    labeler_calls: int
    seconds: float

    @property
    def nothing_was_lost(self) -> bool:
        """Whether every event was dealt with, every photo labelled, and every count is true."""
        true = self.labelled == self.counted == self.recounted == self.photos
        return true and self.dead == self.left == 0


async def drain(cloud: Cloud, number: int, *, told: int = 1) -> Drained:
    """Tell the queue of each of *number* photos *told* times, let workers empty it, and count."""
    async with opened(cloud) as (queue, catalog):
        blobs, labeler = MemoryBlobStore(cloud.context.clock), MemoryLabeler(default=[hit("Lake")])
        photos = await uploaded(cloud, catalog, blobs, number)
        _disturb(cloud.server)
        started = time.perf_counter()
        async with _working(queue, catalog, blobs, labeler):
            for _ in range(told):
                await tell(cloud, queue, photos)
            await _until_empty(catalog, queue, number)
        seconds = time.perf_counter() - started
        faults = cloud.server.steer()
        [count] = await catalog.counts(ADA)
        return Drained(
            events=told * number,
            photos=number,
            labelled=(await catalog.tally(ADA)).labelled,
            counted=count.photos,
            recounted=(await catalog.recount(ADA))[count.name.folded],
            dead=await queue.dead_letters(),
            left=await queue.waiting(),
            asked=sum(faults["asked"].values()),
            struck=sum(faults["struck"].values()),
            labeler_calls=len(labeler.asked),
            seconds=seconds,
        )


@asynccontextmanager
async def opened(cloud: Cloud) -> AsyncIterator[tuple[SqsQueue, DynamoCatalog]]:
    """Open the queue and the catalog."""
    async with (
        BACKENDS["sqs"].queue(cloud.context, "photos") as queue,
        BACKENDS["dynamodb"].catalog(cloud.context, queue) as catalog,
    ):
        yield queue, catalog


async def uploaded(
    cloud: Cloud, catalog: DynamoCatalog, blobs: MemoryBlobStore, number: int
) -> Sequence[Photo]:
    """Have photos whose bytes have arrived, and of which nobody has been told."""
    make = Maker(cloud.context.clock)
    photos = [make.photo() for _ in range(number)]
    await catalog.reserve(ADA, photos)
    for position, photo in enumerate(photos):
        content = jpeg() + position.to_bytes(4, "big")
        blobs.put(BlobKey(photo.owner, BlobKind.ORIGINAL, photo.id), content, "image/jpeg")
    return photos


async def tell(cloud: Cloud, queue: SqsQueue, photos: Sequence[Photo]) -> None:
    """Put the news on the queue, as S3 writes it, and keep up with those who empty it."""
    sqs = await clients.sqs(cloud.context)
    for start in range(0, len(photos), BATCH):
        if start % (MOST_QUEUED // 5) == 0:
            await _until_fewer(queue, MOST_QUEUED)
        await sqs.send_message_batch(
            QueueUrl=cloud.settings.sqs_photos,
            Entries=[
                {"Id": photo.id, "MessageBody": news_of(photo.owner, photo)}
                for photo in photos[start : start + BATCH]
            ],
        )


async def _until_fewer(queue: SqsQueue, number: int) -> None:
    while True:
        if await queue.waiting() <= number:
            return
        await asyncio.sleep(0.2)


def news_of(owner: OwnerId, photo: Photo) -> str:
    """Write what S3 says of an upload."""
    key = f"{BlobKind.ORIGINAL}/{owner}/{photo.id}"
    record = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": key}}}
    return json.dumps({"Records": [record]})


def _disturb(server: Server) -> None:
    server.steer(*({"operation": name, "kind": kind, "rate": rate} for name, kind, rate in FAULTS))


@asynccontextmanager
async def _working(
    queue: SqsQueue, catalog: DynamoCatalog, blobs: MemoryBlobStore, labeler: MemoryLabeler
) -> AsyncIterator[None]:
    labelling = Labelling(
        blobs,
        catalog,
        labeler,
        PlainInspector(),
        feed=Feed(),
        limits=LabelLimits(min_confidence=70, max_labels=25),
        max_photo_bytes=MAX_PHOTO_BYTES,
    )
    work = Work(
        name="photos",
        queue=queue,
        handle=labelling.handle,
        give_up=labelling.give_up,
        concurrency=AT_ONCE,
        wait=timedelta(seconds=1),
    )
    consumers = [Consumer(work, Metrics()) for _ in range(WORKERS)]
    async with asyncio.TaskGroup() as tasks:
        for consumer in consumers:
            tasks.create_task(consumer.run())
        yield
        for consumer in consumers:
            consumer.stop()


async def _until_empty(catalog: DynamoCatalog, queue: SqsQueue, photos: int) -> None:
    """Wait until every photo has its labels and no message is left, duplicates included."""
    while True:
        done = (await catalog.tally(ADA)).labelled == photos
        if done and not await queue.waiting():
            return
        await asyncio.sleep(0.2)
