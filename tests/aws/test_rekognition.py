"""Rekognition is asked once for a photo, with what it can read, and no more than is allowed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from imgtag.backends import Context
from imgtag.backends.aws import BACKENDS
from imgtag.backends.aws.rekognition import RekognitionLabeler
from imgtag.backends.aws.throttle import TokenBucket
from imgtag.domain.errors import Invalid, Unavailable
from imgtag.domain.ids import OwnerId
from imgtag.domain.keys import BlobKey
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.base import at_once
from imgtag.testing.contracts.labeler import subject_of
from imgtag.testing.photos import Maker, jpeg
from tests.aws.cloud import Cloud
from tests.aws.rekognition import FakeRekognition, serving

PICTURE = jpeg(320, 240)


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeRekognition]:
    """Serve a Rekognition."""
    fake = FakeRekognition()
    async with serving(fake) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", url)
        yield fake


@asynccontextmanager
async def opened(tables: Cloud, **settings: Any) -> AsyncIterator[RekognitionLabeler]:
    """Open a labeler with *settings*."""
    changed = tables.settings.model_copy(update={"rekognition_rate": 1000.0, **settings})
    context = Context(changed, tables.context.clock, tables.context.stack)
    async with BACKENDS["rekognition"].labeler(context) as labeler:
        yield labeler


async def test_an_original_is_read_from_s3(
    fake: FakeRekognition,
    tables: Cloud,
    clock: FixedClock,
) -> None:
    """A JPEG within the limits needs no bytes to be sent; boxes and parents are kept."""
    subject = subject_of(Maker(clock), PICTURE)
    fake.objects[str(subject.key)] = PICTURE
    async with opened(tables) as labeler:
        hits = {str(hit.name): hit for hit in await labeler.detect(subject)}
    (asked,) = fake.asked
    assert asked["Image"]["S3Object"]["Name"] == str(subject.key)
    assert hits["Dog"].confidence == 97.5
    assert [str(name) for name in hits["Dog"].parents] == ["Animal", "Pet"]
    assert hits["Dog"].boxes[0].left == 0.1


@pytest.mark.parametrize(
    "facts",
    [
        {"content_type": "image/heic"},
        {"content_type": "image/webp"},
        {"width": 79},
        {"height": 10_001},
        {"size": 15 * 1024 * 1024 + 1},
    ],
)
async def test_what_rekognition_cannot_read_is_sent_as_a_rendition(
    fake: FakeRekognition,
    tables: Cloud,
    clock: FixedClock,
    facts: dict[str, Any],
) -> None:
    """Other formats, too large and too small ones."""
    subject = subject_of(Maker(clock), PICTURE)
    size = facts.pop("size", subject.size)
    subject = replace(subject, size=size, facts=replace(subject.facts, **facts))
    async with opened(tables) as labeler:
        await labeler.detect(subject)
    assert list(fake.asked[0]["Image"]) == ["Bytes"]


async def test_the_same_content_is_paid_for_once(
    fake: FakeRekognition,
    tables: Cloud,
    clock: FixedClock,
) -> None:
    """At once, later, and by another process; but another owner's answer is not used."""
    subject = subject_of(Maker(clock), PICTURE)
    fake.objects[str(subject.key)] = PICTURE
    async with opened(tables) as labeler:
        answers = await at_once([labeler.detect(subject) for _ in range(10)])
        assert (labeler.usage.calls, labeler.usage.from_cache) == (1, 9)
        assert labeler.usage.dollars == labeler.dollars_per_photo == 0.001
    async with opened(tables) as labeler:
        assert await labeler.detect(subject) == answers[0]
    assert len(fake.asked) == 1
    theirs = BlobKey(OwnerId("bob"), subject.key.kind, subject.key.name)
    fake.objects[str(theirs)] = PICTURE
    async with opened(tables) as labeler:
        await labeler.detect(replace(subject, key=theirs))
    assert len(fake.asked) == 2


async def test_beyond_the_months_limit_photos_wait(
    fake: FakeRekognition,
    tables: Cloud,
    clock: FixedClock,
) -> None:
    """All processes count together."""
    make = Maker(clock)
    refused = 0
    for number in range(3):
        async with opened(tables, rekognition_monthly_limit=2) as labeler:
            try:
                await labeler.detect(subject_of(make, jpeg(100 + number, 100)))
            except Unavailable as error:
                refused += error.code == "monthly_limit"
    assert (refused, len(fake.asked) > 0) == (1, True)
    async with opened(tables, rekognition_monthly_limit=0) as labeler:
        with pytest.raises(Unavailable):
            await labeler.detect(subject_of(make, jpeg(200, 100)))


async def test_beyond_the_limit_another_labeler_may_answer(
    fake: FakeRekognition,
    tables: Cloud,
    clock: FixedClock,
) -> None:
    """The one that the settings name, and Rekognition is not asked."""
    settings = {"rekognition_monthly_limit": 0, "rekognition_fallback": "memory"}
    async with opened(tables, **settings) as labeler:
        assert await labeler.detect(subject_of(Maker(clock), PICTURE))
        assert labeler.usage.refused == 1
    assert fake.asked == []


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException"])
async def test_throttling_is_waited_out(
    fake: FakeRekognition,
    tables: Cloud,
    clock: FixedClock,
    code: str,
) -> None:
    """A call that comes too soon is made again."""
    fake.errors.append(code)
    async with opened(tables) as labeler:
        assert await labeler.detect(subject_of(Maker(clock), PICTURE))


async def test_a_photo_that_nobody_can_read_is_invalid(
    fake: FakeRekognition,
    tables: Cloud,
    clock: FixedClock,
) -> None:
    """Neither the original nor the rendition: asking again would only cost money."""
    fake.errors += ["InvalidS3ObjectException", "InvalidImageFormatException"]
    async with opened(tables) as labeler:
        with pytest.raises(Invalid):
            await labeler.detect(subject_of(Maker(clock), PICTURE))


async def test_the_bucket_keeps_the_rate() -> None:
    """A burst of one second's worth, and then one after the other."""
    now, waits = 100.0, list[float]()

    async def sleep(seconds: float) -> None:
        waits.append(round(seconds, 3))

    bucket = TokenBucket(5, now=lambda: now, sleep=sleep)
    for _ in range(8):
        await bucket.take()
    assert waits == [0.2, 0.4, 0.6]
    now += 10
    await bucket.take()
    assert waits == [0.2, 0.4, 0.6]
