"""A moto server, and what one test has on it."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from imgtag.backends import Context
from imgtag.backends.aws import clients
from imgtag.settings import Settings
from tests.aws.tables import catalog_table, jobs_table

ROOT: Final = Path(__file__).parents[2]
ACCOUNT: Final = "123456789012"
REGION: Final = "eu-central-1"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; *url* is its endpoint for every service."""

    url: str

    def steer(
        self, *faults: Mapping[str, Any], archived: Mapping[str, str] | None = None, seed: int = 1
    ) -> dict[str, Any]:
        """Set faults and archived objects; tell what struck and was asked until now."""
        rules = {"faults": list(faults), "archived": dict(archived or {}), "seed": seed}
        return self._post(json.dumps(rules).encode())

    def advance(self, by: timedelta) -> None:
        """Let time pass for SQS."""
        self._post(json.dumps({"advance": by.total_seconds()}).encode())

    def messages(self, queue_url: str) -> Sequence[str]:
        """Read every message of a queue, leased or not."""
        found: list[str] = self._post(json.dumps({"messages": queue_url}).encode())["messages"]
        return found

    def confirm(self) -> None:
        """Agree to every subscription, as the holders of the addresses do."""
        self._post(json.dumps({"confirm": True}).encode())

    def told(self) -> dict[str, Any]:
        """Tell what struck and what was asked so far."""
        return self._post(b"")

    def _post(self, body: bytes) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.url}/_test", body, method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            told: dict[str, Any] = json.load(answer)
        return told


@dataclass(frozen=True, slots=True)
class Cloud:
    """What one test has on AWS, and how an adapter is opened on it."""

    server: Server
    settings: Settings
    context: Context


@contextmanager
def served() -> Iterator[Server]:
    """Start a server; it ends with its standard input, however the caller ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.aws.server"],
        cwd=ROOT,
        env={**os.environ, "MOTO_CALL_RESET_API": "false", "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        assert process.stdin
        yield Server(f"http://127.0.0.1:{process.stdout.readline().strip()}")
        process.stdin.close()
        process.wait(30)


def environment_of(server: Server) -> Mapping[str, str]:
    """What points every AWS client at *server*."""
    return {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": server.url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def settings_on(server: Server, number: int, **more: Any) -> Settings:
    """Name everything after *number*; nothing of it exists so far."""
    known = {
        "profile": "aws",
        "public_url": "https://imgtag.example",
        "dynamodb_shards": 2,
        "sqs_lease_seconds": 30,
        "oidc_issuer": "https://issuer.example",
        "oidc_client_id": "client",
        "s3_bucket": f"photos-{number}",
        "s3_working_bucket": f"working-{number}",
        "dynamodb_catalog": f"catalog-{number}",
        "dynamodb_jobs": f"jobs-{number}",
        "sqs_photos": f"{server.url}/{ACCOUNT}/photos-{number}",
        "sqs_bundles": f"{server.url}/{ACCOUNT}/bundles-{number}",
        "sns_topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:news-{number}",
    }
    return Settings(**{**known, **more})


async def make_buckets(cloud: Cloud) -> None:
    """Make the buckets."""
    s3 = await clients.s3(cloud.context)
    for bucket in (cloud.settings.s3_bucket, cloud.settings.s3_working_bucket):
        await s3.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )


async def make_tables(cloud: Cloud) -> None:
    """Make the tables."""
    dynamodb = await clients.dynamodb(cloud.context)
    await dynamodb.create_table(**catalog_table(cloud.settings.dynamodb_catalog))
    await dynamodb.create_table(**jobs_table(cloud.settings.dynamodb_jobs))


async def make_queues(cloud: Cloud) -> None:
    """Make the queues and their dead letters."""
    sqs = await clients.sqs(cloud.context)
    for url in (cloud.settings.sqs_photos, cloud.settings.sqs_bundles):
        name = url.rpartition("/")[2]
        await sqs.create_queue(QueueName=f"{name}-dead")
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}-dead"
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
        await sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": redrive})
