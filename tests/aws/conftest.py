"""A moto server for each test process, and AWS resources of its own for each test."""

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from botocore.loaders import create_loader

from imgtag.backends import Context
from imgtag.backends.aws import clients
from imgtag.ports import Clock
from tests.aws.cloud import (
    Cloud,
    Server,
    environment_of,
    make_buckets,
    make_queues,
    make_tables,
    served,
    settings_on,
)

_numbers = itertools.count(1)
# Reading the descriptions of AWS takes longer than most tests.
_loader = create_loader()


@pytest.fixture(scope="session")
def aws_server() -> Iterator[Server]:
    """Start one server for all tests."""
    with served() as server:
        yield server


@pytest.fixture
def aws_environment(aws_server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Point every AWS client at the server, which has no faults yet."""
    for name, value in environment_of(aws_server).items():
        monkeypatch.setenv(name, value)
    aws_server.steer()
    return aws_server


@pytest.fixture
async def cloud(aws_environment: Server, clock: Clock, tmp_path: Path) -> AsyncIterator[Cloud]:
    """Give names that no other test has; the fixtures below make what they name."""
    settings = settings_on(aws_environment, next(_numbers), data_dir=tmp_path)
    async with AsyncExitStack() as stack:
        context = Context(settings, clock, stack)
        session = await clients.core_session(context)
        session.register_component("data_loader", _loader)
        yield Cloud(aws_environment, settings, context)


@pytest.fixture
async def buckets(cloud: Cloud) -> Cloud:
    """Make the buckets."""
    await make_buckets(cloud)
    return cloud


@pytest.fixture
async def tables(cloud: Cloud) -> Cloud:
    """Make the tables."""
    await make_tables(cloud)
    return cloud


@pytest.fixture
async def queues(cloud: Cloud) -> Cloud:
    """Make the queues and their dead letters."""
    await make_queues(cloud)
    return cloud


@pytest.fixture
async def topic(cloud: Cloud) -> Cloud:
    """Make the topic."""
    sns = await clients.sns(cloud.context)
    await sns.create_topic(Name=cloud.settings.sns_topic.rpartition(":")[2])
    return cloud
