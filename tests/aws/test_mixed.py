"""Backends may be mixed: each combination does the whole way from a photo to its archive."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from imgtag.settings import Settings
from imgtag.testing.photos import jpeg
from tests.aws import rekognition
from tests.aws.cloud import Cloud
from tests.http.service import MEMORY, Service, serving


def mixed(cloud: Cloud, **chosen: Any) -> Settings:
    """Choose some of the AWS backends; the others are of this machine, or of this process."""
    names = {"catalog": "sqlite", "queue": "sqlite", "bundles": "sqlite", "blobs": "files"}
    known = cloud.settings.model_dump() | MEMORY | names
    return Settings(
        **{
            **known,
            "auth": "none",
            "public_url": "",
            "imaging_workers": 1,
            "poll_seconds": 0.2,
            **chosen,
        }
    )


async def archive_of(service: Service) -> tuple[int, bytes]:
    """Take a photo in, order a bundle of everything, and fetch it as its link says.

    Answers with how often it was redirected, and the archive.
    """
    photo = jpeg()
    await service.labelled(await service.upload(photo))
    _, bundle = await service.call("POST", "/api/bundles", json={"query": {}})
    while bundle["state"] != "ready":
        assert bundle["state"] in {"queued", "building"}
        _, bundle = await service.call("GET", f"/api/bundles/{bundle['id']}")
    async with ClientSession() as http, http.get(bundle["link"]) as answer:
        archive = await answer.read()
    assert len(archive) == bundle["bytes"]
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.read(opened.namelist()[0]) == photo
    return len(answer.history), archive


async def test_photos_on_s3_and_everything_else_here(buckets: Cloud) -> None:
    """Archives are built on S3 by the queue of this machine, and nobody waits for news of S3."""
    async with serving(mixed(buckets, blobs="s3")) as service:
        redirected, _ = await archive_of(service)
    assert redirected == 1


async def test_photos_here_and_everything_else_on_aws(
    tables: Cloud, queues: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Archives are streamed from files, and Rekognition is shown renditions."""
    fake = rekognition.FakeRekognition()
    everything = {"catalog": "dynamodb", "bundles": "dynamodb", "queue": "sqs"}
    async with rekognition.serving(fake) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", url)
        chosen = mixed(tables, **everything, labeler="rekognition", s3_bucket="", data_dir=tmp_path)
        assert chosen.sqs_photos == queues.settings.sqs_photos
        async with serving(chosen) as service:
            redirected, _ = await archive_of(service)
    assert redirected == 0
    assert ["Bytes" in asked["Image"] for asked in fake.asked] == [True]
