"""A moto server for each test process, and AWS resources of its own for each test."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import pytest
from botocore.loaders import create_loader

from imgtag.backends import Context
from imgtag.backends.aws import clients
from imgtag.ports import Clock
from imgtag.settings import Settings
from tests.aws.cloud import ACCOUNT, REGION, Cloud, Server
from tests.aws.tables import catalog_table, jobs_table

ROOT: Final = Path(__file__).parents[2]

_numbers = itertools.count(1)
# Reading the descriptions of AWS takes longer than most tests.
_loader = create_loader()


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
        assert process.stdout
        assert process.stdin
        yield Server(f"http://127.0.0.1:{process.stdout.readline().strip()}")
        process.stdin.close()
        process.wait(30)


@pytest.fixture
def aws_environment(aws_server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Point every AWS client at the server, which has no faults yet."""
    values = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": aws_server.url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    aws_server.steer()
    return aws_server


@pytest.fixture
async def cloud(aws_environment: Server, clock: Clock, tmp_path: Path) -> AsyncIterator[Cloud]:
    """Give names that no other test has; the fixtures below make what they name."""
    number = next(_numbers)
    settings = Settings(
        profile="aws",
        data_dir=tmp_path,
        public_url="https://imgtag.example",
        dynamodb_shards=2,
        sqs_lease_seconds=30,
        oidc_issuer="https://issuer.example",
        oidc_client_id="client",
        s3_bucket=f"photos-{number}",
        s3_working_bucket=f"working-{number}",
        dynamodb_catalog=f"catalog-{number}",
        dynamodb_jobs=f"jobs-{number}",
        sqs_photos=f"{aws_environment.url}/{ACCOUNT}/photos-{number}",
        sqs_bundles=f"{aws_environment.url}/{ACCOUNT}/bundles-{number}",
        sns_topic=f"arn:aws:sns:{REGION}:{ACCOUNT}:news-{number}",
    )
    async with AsyncExitStack() as stack:
        context = Context(settings, clock, stack)
        session = await clients.core_session(context)
        session.register_component("data_loader", _loader)
        yield Cloud(aws_environment, settings, context)


@pytest.fixture
async def buckets(cloud: Cloud) -> Cloud:
    """Make the buckets."""
    s3 = await clients.s3(cloud.context)
    for bucket in (cloud.settings.s3_bucket, cloud.settings.s3_working_bucket):
        await s3.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
    return cloud


@pytest.fixture
async def tables(cloud: Cloud) -> Cloud:
    """Make the tables."""
    dynamodb = await clients.dynamodb(cloud.context)
    await dynamodb.create_table(**catalog_table(cloud.settings.dynamodb_catalog))
    await dynamodb.create_table(**jobs_table(cloud.settings.dynamodb_jobs))
    return cloud


@pytest.fixture
async def queues(cloud: Cloud) -> Cloud:
    """Make the queues and their dead letters."""
    sqs = await clients.sqs(cloud.context)
    for url in (cloud.settings.sqs_photos, cloud.settings.sqs_bundles):
        name = url.rpartition("/")[2]
        await sqs.create_queue(QueueName=f"{name}-dead")
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}-dead"
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
        await sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": redrive})
    return cloud


@pytest.fixture
async def topic(cloud: Cloud) -> Cloud:
    """Make the topic."""
    sns = await clients.sns(cloud.context)
    await sns.create_topic(Name=cloud.settings.sns_topic.rpartition(":")[2])
    return cloud
