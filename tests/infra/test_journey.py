"""imgtag, used as Terraform has set it up: photos become a ZIP, and no call is out of bounds."""

import io
import zipfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import boto3
import pytest

from tests.infra.conftest import EMAIL, Installation
from tests.infra.policies import Policy
from tests.infra.server.calls import ACCOUNT, Call
from tests.infra.stage import API, WORKER, Stage, staged
from tests.infra.terraform import REGION
from tests.unit.imaging.pictures import encoded, noise

pytestmark = pytest.mark.timeout(900)

# What the policies allow, and this journey need not come by.
_BOTH: Final = {
    "s3:ListBucket": "S3 says 404 of what is not there, and not 403",
    "s3:AbortMultipartUpload": "ends an archive that is being built: tests/aws/test_building.py",
    "s3:ListMultipartUploadParts": "carries on where another has died: the same",
}
UNUSED: Final[Mapping[str, Mapping[str, str]]] = {
    API: _BOTH,
    WORKER: {
        **_BOTH,
        "s3:RestoreObject": "brings archived originals back: the same",
        "sqs:ChangeMessageVisibility": "extends what takes long: tests/aws/test_draining.py",
    },
}


@pytest.fixture(scope="module")
def photos() -> Mapping[str, bytes]:
    """Photos of every format, one with a name that is hard on file systems."""
    return {
        "lake.jpg": encoded(noise((640, 480), seed=1)),
        "Lake.JPG": encoded(noise((640, 480), seed=2)),
        "Straße (1).heic": encoded(noise((400, 300), seed=3), "HEIF"),
        "größe.png": encoded(noise((300, 200), seed=4), "PNG"),
    }


@pytest.fixture
async def stage(installation: Installation, tmp_path: Path) -> AsyncIterator[Stage]:
    """Start everything."""
    async with staged(installation, tmp_path) as running:
        yield running


async def uploaded(stage: Stage, photos: Mapping[str, bytes]) -> None:
    """Send photos, each in the way of either API."""
    types = {"heic": "image/heic", "png": "image/png"}
    files = [
        {
            "file_name": name,
            "size": len(content),
            "content_type": types.get(name.rpartition(".")[2], "image/jpeg"),
        }
        for name, content in photos.items()
    ]
    told = await stage.call("POST", "/api/uploads", json={"files": files})
    for ticket, content in zip(told["uploads"], photos.values(), strict=True):
        await stage.upload(ticket, content)
    ticket = await stage.call("PUT", "/api/upload", json={"file_name": "reference.jpg"})
    await stage.upload(ticket, encoded(noise((320, 240), seed=9)))


async def sent_twice(stage: Stage, content: bytes) -> None:
    """Send a photo that is there already, under another name."""
    ticket = await stage.call("PUT", "/api/upload", json={"file_name": "again.jpg"})
    await stage.upload(ticket, content)
    path = f"/api/photos/{ticket['photo_id']}"
    await stage.until(path, lambda told: told["id"] != ticket["photo_id"])


async def bundled(stage: Stage, photos: Mapping[str, bytes]) -> Any:
    """Order a ZIP, wait for it, follow its link, and compare every photo."""
    ordered = await stage.call("POST", "/api/bundles", json={"query": {"any": ["Dog"]}})
    path = f"/api/bundles/{ordered['id']}"
    ready = await stage.until(path, lambda told: told["state"] not in {"queued", "building"})
    assert ready["state"] == "ready", ready
    archive = await stage.follow(ready["link"])
    assert len(archive) == ready["bytes"]
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.testzip() is None
        held = {opened.read(name) for name in opened.namelist()}
    assert set(photos.values()) <= held
    return ready


def client(installation: Installation, service: str) -> Any:
    """Open a client of its own."""
    return boto3.client(
        service,
        endpoint_url=installation.aws.url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="testing",
    )


def listened(installation: Installation) -> str:
    """Have a queue hear all that is published, and give its URL."""
    url = client(installation, "sqs").create_queue(QueueName="heard")["QueueUrl"]
    client(installation, "sns").subscribe(
        TopicArn=installation.outputs["settings"]["IMGTAG_SNS_TOPIC"],
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT}:heard",
    )
    return str(url)


def heard(installation: Installation, queue: str) -> str:
    """Wait for a message, and give it."""
    told = client(installation, "sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=20)
    (message,) = told["Messages"]
    return str(message["Body"])


def workers(installation: Installation) -> int:
    """Tell how many workers ECS is to run."""
    ecs = client(installation, "ecs")
    (service,) = ecs.describe_services(cluster="imgtag", services=["worker"])["services"]
    return int(service["desiredCount"])


async def test_photos_become_a_zip(
    stage: Stage, installation: Installation, photos: Mapping[str, bytes]
) -> None:
    """Through the gateway, S3, SQS, Rekognition, DynamoDB and SNS, with the leave of each role."""
    assert workers(installation) == 0
    queue = listened(installation)
    for address in ("mistyped@example.com", EMAIL):
        await stage.call("PUT", "/api/notifications", json={"email": address})
    await uploaded(stage, photos)
    assert workers(installation) == 1

    await stage.until("/api/status", lambda told: told["photos"]["labelled"] == len(photos) + 1)
    await sent_twice(stage, photos["lake.jpg"])
    labels = await stage.call("GET", "/api/labels")
    assert labels["labels"]["Dog"] == {"count": len(photos) + 1}
    listed = await stage.call("GET", "/api/photos", params={"all": "Dog"})
    shown = listed["photos"][0]["thumbnail_url"]
    assert (await stage.follow(stage.public_url + shown)).startswith(b"\xff\xd8")

    ready = await bundled(stage, photos)
    assert ready["link"] in heard(installation, queue)

    await stage.call("DELETE", f"/api/bundles/{ready['id']}")
    await changed(stage, listed["photos"][0]["id"])
    installation.aws.confirm()
    await stage.call("PUT", "/api/notifications", json={"email": None})
    status, said = await stage.imgtag("doctor")
    assert status == 0, said
    must_be_allowed(installation)


async def changed(stage: Stage, photo: str) -> None:
    """Edit a photo, label it again, and throw it away for good."""
    path = f"/api/photos/{photo}"
    await stage.call("PATCH", path, json={"labels": {"add": ["Rex"], "remove": ["Pet"]}})
    await stage.call("POST", f"{path}/relabel")
    await stage.until(path, lambda told: told["state"] == "labelled")
    before = await stage.call("GET", "/api/status")
    await stage.call("DELETE", path)
    await stage.call("DELETE", "/api/trash")
    await stage.until("/api/status", lambda told: told["photos"]["trashed"] == 0)
    after = await stage.call("GET", "/api/status")
    assert after["photos"]["labelled"] == before["photos"]["labelled"] - 1


def must_be_allowed(installation: Installation) -> None:
    """Compare what was called with what may be, either way."""
    calls = installation.aws.calls()
    policies = {
        API: Policy(installation.one("module.api_function[0].aws_iam_role_policy.this")["policy"]),
        WORKER: Policy(installation.one("module.worker.aws_iam_role_policy.this")["policy"]),
    }
    for role, policy in policies.items():
        assert not policy.allows(Call(role, "s3:GetObject", "arn:aws:s3:::somebody-elses/lake"))
        made = [call for call in calls if call.key == role]
        assert made
        assert [call for call in made if not policy.allows(call)] == []
        assert policy.actions() - {call.action for call in made} - set(UNUSED[role]) == set()
