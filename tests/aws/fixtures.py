"""A moto server for each test process, and AWS resources of its own for each test."""

import itertools
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from imgtag.backends import Context
from imgtag.backends.aws import clients
from imgtag.ports import Clock
from imgtag.settings import Settings
from tests.aws.tables import catalog_table, jobs_table

ROOT: Final = Path(__file__).parents[2]
_numbers = itertools.count(1)


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
    names: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="session")
def aws_server() -> Iterator[Server]:
    """Start a server; it ends with its standard input, however the tests end."""
    environment = {**os.environ, "MOTO_CALL_RESET_API": "false", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.aws.server"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout and process.stdin
        yield Server(f"http://127.0.0.1:{process.stdout.readline().strip()}")
        process.stdin.close()
        process.wait(30)


@pytest.fixture
def aws_environment(aws_server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Point every AWS client at the server, which has no faults yet."""
    values = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": aws_server.url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    aws_server.steer()
    return aws_server


@pytest.fixture
async def cloud(aws_environment: Server, clock: Clock, tmp_path: Path) -> AsyncIterator[Cloud]:
    """Give buckets, tables, queues and a topic that no other test has."""
    number = next(_numbers)
    async with AsyncExitStack() as stack:
        bare = Context(Settings(data_dir=tmp_path), clock, stack)
        names = await _make(bare, number)
        settings = Settings(
            profile="aws",
            data_dir=tmp_path,
            dynamodb_shards=2,
            sqs_lease_seconds=30,
            oidc_issuer="https://issuer.example",
            oidc_client_id="client",
            **names,  # type: ignore[arg-type]
        )
        yield Cloud(aws_environment, settings, Context(settings, clock, stack), names)


async def _make(context: Context, number: int) -> dict[str, str]:
    names = {
        "s3_bucket": f"photos-{number}",
        "s3_working_bucket": f"working-{number}",
        "dynamodb_catalog": f"catalog-{number}",
        "dynamodb_jobs": f"jobs-{number}",
    }
    s3, dynamodb = await clients.s3(context), await clients.dynamodb(context)
    for bucket in (names["s3_bucket"], names["s3_working_bucket"]):
        await s3.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
    await dynamodb.create_table(**catalog_table(names["dynamodb_catalog"]))
    await dynamodb.create_table(**jobs_table(names["dynamodb_jobs"]))
    sns = await clients.sns(context)
    topic = await sns.create_topic(Name=f"news-{number}")
    names["sns_topic"] = topic["TopicArn"]
    for queue in ("photos", "bundles"):
        names[f"sqs_{queue}"] = await _queue(context, f"{queue}-{number}")
    return names


async def _queue(context: Context, name: str) -> str:
    sqs = await clients.sqs(context)
    dead = await sqs.create_queue(QueueName=f"{name}-dead")
    told = await sqs.get_queue_attributes(QueueUrl=dead["QueueUrl"], AttributeNames=["QueueArn"])
    redrive = {"deadLetterTargetArn": told["Attributes"]["QueueArn"], "maxReceiveCount": 5}
    made = await sqs.create_queue(
        QueueName=name,
        Attributes={"VisibilityTimeout": "30", "RedrivePolicy": json.dumps(redrive)},
    )
    return made["QueueUrl"]
