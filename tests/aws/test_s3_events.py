"""What S3 tells by SQS or EventBridge, and what is made of it."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from imgtag.backends.aws import BACKENDS, clients
from imgtag.backends.aws.queue import SqsQueue
from imgtag.backends.aws.s3_events import Restored, Sequencers, Told, read
from imgtag.domain.errors import Invalid
from imgtag.domain.events import PhotoStored
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.testing.clock import FixedClock
from imgtag.testing.photos import ADA, Maker
from tests.aws.cloud import Cloud

PHOTO = PhotoId("01h0000000000000000000000a")


def record(key: str, name: str = "ObjectCreated:Put", sequencer: str = "") -> dict[str, Any]:
    """Make a record as S3 does, with fields that nobody here knows."""
    item = {"key": key, "size": 3, "eTag": "x", "sequencer": sequencer, "unheard": "of"}
    return {
        "eventVersion": "2.9",
        "eventSource": "aws:s3",
        "eventName": name,
        "s3": {"object": item},
    }


def message(*records: dict[str, Any]) -> str:
    """Make a message."""
    return json.dumps({"Records": list(records)})


@pytest.mark.parametrize("key", [f"originals/ada/{PHOTO}", f"originals%2Fada%2F{PHOTO}"])
@pytest.mark.parametrize("name", ["ObjectCreated:Put", "ObjectCreated:CompleteMultipartUpload"])
def test_a_stored_original_is_told(key: str, name: str) -> None:
    """However it was uploaded and however the key is written."""
    (told,) = read(message(record(key, name)))
    assert told.what == PhotoStored(ADA, PHOTO)


def test_every_record_counts() -> None:
    """A message may tell several things; what is not about originals is left out."""
    found = read(
        message(
            record(f"originals/ada/{PHOTO}"),
            record(f"thumbnails/ada/{PHOTO}"),
            record("somebody/elses+file.jpg"),
            record(f"originals/ada/{PHOTO}", "ObjectRemoved:Delete"),
            record(f"incoming/bob/{PHOTO}"),
        )
    )
    assert [told.what for told in found] == [
        PhotoStored(ADA, PHOTO),
        PhotoStored(OwnerId("bob"), PHOTO),
    ]


def test_a_test_of_s3_is_nothing() -> None:
    """S3 sends one when notifications are set up."""
    assert read('{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}') == []


def test_event_bridge_says_the_same() -> None:
    """There the key is not encoded."""
    detail = {"object": {"key": f"originals/ada/{PHOTO}", "sequencer": "01"}}
    body = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail, "version": "0"}
    (told,) = read(json.dumps(body))
    assert (told.what, told.sequencer) == (PhotoStored(ADA, PHOTO), "01")


def test_a_restored_original_is_told() -> None:
    """Of a restoring, only its end matters."""
    key = f"originals/ada/{PHOTO}"
    found = read(message(record(key, "ObjectRestore:Post"), record(key, "ObjectRestore:Completed")))
    assert [type(told.what) for told in found] == [Restored]


@pytest.mark.parametrize("body", ["", "{", "[]", '{"Records": 7}', '{"Records": [7]}', "{}"])
def test_what_is_no_event_is_invalid(body: str) -> None:
    """It belongs to the dead letters."""
    with pytest.raises(Invalid):
        read(body)


@pytest.mark.parametrize(
    ("known", "given", "stale"),
    [
        ("0055AED6DCD90281E5", "0055AED6DCD90281E5", True),
        ("0055AED6DCD90281E5", "0055AED6DCD90281E6", False),
        ("0055AED6DCD90281E6", "0055AED6DCD90281E5", True),
        ("0055AED6DC", "0055AED6DC000001", False),
        ("0055AED6DC000000", "0055AED6DC", True),
        ("0055AED6DC", "", False),
    ],
)
def test_sequencers_are_compared_padded(known: str, given: str, stale: bool) -> None:  # noqa: FBT001
    """They are hexadecimal numbers of different lengths, padded on the right."""
    sequencers = Sequencers()
    stored = PhotoStored(ADA, PHOTO)
    sequencers.remember(Told(stored, "key", known))
    assert sequencers.is_stale(Told(stored, "key", given)) is stale
    assert not sequencers.is_stale(Told(stored, "another key", given))


def test_only_so_many_keys_are_remembered() -> None:
    """The oldest is forgotten first."""
    sequencers, stored = Sequencers(keys=2), PhotoStored(ADA, PHOTO)
    for key in "abc":
        sequencers.remember(Told(stored, key, "01"))
    stale = [sequencers.is_stale(Told(stored, key, "01")) for key in "abc"]
    assert stale == [False, True, True]


@pytest.fixture
async def queue(queues: Cloud) -> AsyncIterator[SqsQueue]:
    """Give an empty queue."""
    async with BACKENDS["sqs"].queue(queues.context, "photos") as queue:
        yield queue


async def plant(queues: Cloud, body: str) -> None:
    """Send a message as S3 does."""
    sqs = await clients.sqs(queues.context)
    await sqs.send_message(QueueUrl=queues.settings.sqs_photos, MessageBody=body)


async def take(queue: SqsQueue) -> Any:
    """Receive what is there."""
    return await queue.receive(limit=10, wait=timedelta(seconds=2))


async def test_a_message_ends_with_its_last_event(
    queue: SqsQueue,
    queues: Cloud,
    clock: FixedClock,
) -> None:
    """Of several events in one message, one that is not done brings them all back."""
    make = Maker(clock)
    keys = [f"originals/ada/{make.photo_id()}" for _ in range(3)]
    await plant(queues, message(*map(record, keys)))
    first, second, third = await take(queue)
    await first.acknowledge()
    await second.acknowledge()
    await third.release()
    again = await take(queue)
    assert len(again) == 3
    for delivery in again:
        await delivery.acknowledge()
    assert await queue.waiting() == 0


async def test_foreign_messages_end_at_once(
    queue: SqsQueue,
    queues: Cloud,
) -> None:
    """S3's tests and news of other objects are removed without anybody being bothered."""
    await plant(queues, '{"Event": "s3:TestEvent"}')
    await plant(queues, message(record("other/file.jpg")))
    assert await queue.receive(limit=10, wait=timedelta(0)) == []
    assert await queue.receive(limit=10, wait=timedelta(0)) == []
    assert await queue.waiting() == 0


async def test_stale_news_end_at_once(queue: SqsQueue, queues: Cloud) -> None:
    """After a later state of a key was dealt with, an earlier one is no news."""
    key = f"originals/ada/{PHOTO}"
    await plant(queues, message(record(key, sequencer="0A")))
    (latest,) = await take(queue)
    await latest.acknowledge()
    for sequencer in ("0A", "09"):
        await plant(queues, message(record(key, sequencer=sequencer)))
    assert await queue.receive(limit=10, wait=timedelta(0)) == []
    assert await queue.receive(limit=10, wait=timedelta(0)) == []
    assert await queue.waiting() == 0
    await plant(queues, message(record(key, sequencer="0B")))
    assert len(await take(queue)) == 1
