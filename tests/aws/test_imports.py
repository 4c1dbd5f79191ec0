"""Imports from a bucket on AWS, over HTTP, with the news of S3 on their way."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from imgtag.backends.aws import clients
from imgtag.settings import Settings
from imgtag.testing.photos import jpeg
from tests.aws.cloud import ACCOUNT, REGION, Cloud
from tests.aws.test_mixed import mixed
from tests.http.service import DEADLINE_SECONDS, Service, serving

PHOTOS = 12
EVERYTHING = {"blobs": "s3", "catalog": "dynamodb", "bundles": "dynamodb", "queue": "sqs"}


@pytest.fixture
async def bucket(buckets: Cloud, tables: Cloud, queues: Cloud) -> str:
    """Fill a bucket with photos, one of them twice; ours tells of what comes in."""
    s3 = await clients.s3(buckets.context)
    name = f"{buckets.settings.s3_bucket}-theirs"
    await s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    for number in range(PHOTOS):
        await s3.put_object(Bucket=name, Key=f"2024/é {number}.jpg", Body=jpeg(32 + number))
    await s3.put_object(Bucket=name, Key="2024/twin.jpg", Body=jpeg(32))
    await s3.put_object(Bucket=name, Key="2024/notes.jpg", Body=b"no photo")
    queue = queues.settings.sqs_photos.rpartition("/")[2]
    told: Any = {
        "QueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "originals/"}]}},
    }
    await s3.put_bucket_notification_configuration(
        Bucket=tables.settings.s3_bucket,
        NotificationConfiguration={"QueueConfigurations": [told]},
    )
    return name


async def imported(service: Service, source: str) -> dict[str, Any]:
    """Import a place, and wait until it is done and everything is labelled."""
    status, shown = await service.call("PUT", "/api/s3_copy", json={"source": source})
    assert status == 202
    async with asyncio.timeout(DEADLINE_SECONDS):
        while shown["state"] in {"queued", "running"}:
            await asyncio.sleep(0.05)
            _, shown = await service.call("GET", f"/api/imports/{shown['id']}")
        while True:
            _, status = await service.call("GET", "/api/status")
            if not status["photos"]["awaiting"] + status["photos"]["stored"]:
                return dict(shown)
            await asyncio.sleep(0.05)


async def check(settings: Settings, source: str, *, known_at_once: int) -> None:
    """Import, and see that each photo is there once, with its labels."""
    async with serving(settings) as service:
        done = await imported(service, source)
        counts = [done[name] for name in ("state", "copied", "duplicates", "skipped")]
        assert counts == ["done", PHOTOS + 1 - known_at_once, known_at_once, 1]
        _, page = await service.call("GET", "/api/photos?state=labelled")
        found = {each["file_name"] for each in page["photos"]}
        assert len(page["photos"]) == PHOTOS
        assert {f"é {number}.jpg" for number in range(1, PHOTOS)} < found
        again = await imported(service, source)
        assert (again["copied"], again["duplicates"]) == (0, PHOTOS + 1)
        _, page = await service.call("GET", "/api/photos")
        assert len(page["photos"]) == PHOTOS


async def test_a_bucket_is_imported_on_aws(cloud: Cloud, bucket: str, tmp_path: Path) -> None:
    """S3 copies, S3 tells, the worker labels; what is there twice is one photo once it was read."""
    allowed = f"s3://{bucket}/2024"
    settings = mixed(cloud, **EVERYTHING, import_sources=allowed, data_dir=tmp_path)
    await check(settings, f"{bucket}/2024", known_at_once=0)


async def test_a_bucket_is_imported_without_news_of_s3(
    cloud: Cloud, bucket: str, tmp_path: Path
) -> None:
    """With the queue of this machine the bytes come by, and are known at once."""
    settings = mixed(cloud, blobs="s3", import_sources=f"s3://{bucket}", data_dir=tmp_path)
    await check(settings, f"s3://{bucket}/2024/", known_at_once=1)
