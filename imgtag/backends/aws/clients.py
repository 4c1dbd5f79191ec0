"""Every AWS client, opened once, and the only place that knows how they are set up.

Endpoints, regions and credentials come from the environment, as every AWS SDK reads them.
"""

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, cast

import aioboto3
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session
from botocore.exceptions import NoRegionError

from imgtag.backends import Context
from imgtag.domain.errors import Invalid

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient
    from types_aiobotocore_ecs import ECSClient
    from types_aiobotocore_rekognition import RekognitionClient
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_sns import SNSClient
    from types_aiobotocore_sqs import SQSClient
    from types_aiobotocore_ssm import SSMClient

ATTEMPTS: Final = 4
LONGEST_POLL_SECONDS: Final = 20
CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 20
# CompleteMultipartUpload of a large object may take minutes to answer.
S3_READ_SECONDS: Final = 300


def _config(**options: Any) -> AioConfig:
    settings: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": READ_SECONDS,
        "max_pool_connections": 32,
        # `max_attempts` would count retries, not attempts.
        "retries": {"total_max_attempts": ATTEMPTS, "mode": "standard"},
        "tcp_keepalive": True,
    }
    return AioConfig(**(settings | options))


def _s3_config(connections: int) -> AioConfig:
    return _config(
        signature_version="s3v4",
        max_pool_connections=connections,
        read_timeout=S3_READ_SECONDS,
        # Both halve the speed of uploads. Parts and photos carry a checksum that we compute, and
        # TLS guards the rest; measured in docs/decisions/0020-s3-reads-and-writes.md.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={
            "addressing_style": "virtual",
            "us_east_1_regional_endpoint": "regional",
            "payload_signing_enabled": False,
        },
    )


async def core_session(context: Context) -> AioSession:
    """Share one session, and with it the refreshed credentials, among all clients."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[AioSession]:
        yield get_session()

    return await context.shared("aws.core_session", opened)


async def _session(context: Context) -> aioboto3.Session:
    """Share the session around it too: it changes the core one, which must happen once."""
    core = await core_session(context)

    @asynccontextmanager
    async def opened() -> AsyncIterator[aioboto3.Session]:
        # botocore reads AWS_DEFAULT_REGION only, and containers on AWS are given AWS_REGION.
        yield aioboto3.Session(botocore_session=core, region_name=os.environ.get("AWS_REGION"))

    return await context.shared("aws.session", opened)


async def _client(context: Context, name: str, service: str, config: AioConfig) -> Any:
    session = await _session(context)

    def opened() -> AbstractAsyncContextManager[Any]:
        return cast("AbstractAsyncContextManager[Any]", session.client(service, config=config))

    try:
        return await context.shared(f"aws.{name}", opened)
    except NoRegionError as error:
        msg = "no AWS region is set: AWS_REGION, AWS_DEFAULT_REGION or a profile has to name one"
        raise Invalid(msg, code="aws_region_missing") from error


async def s3(context: Context) -> "S3Client":
    """Open S3."""
    config = _s3_config(context.settings.s3_connections)
    return cast("S3Client", await _client(context, "s3", "s3", config))


async def dynamodb(context: Context) -> "DynamoDBClient":
    """Open DynamoDB."""
    config = _config(max_pool_connections=64)
    return cast("DynamoDBClient", await _client(context, "dynamodb", "dynamodb", config))


async def sqs(context: Context) -> "SQSClient":
    """Open SQS for everything but receiving."""
    return cast("SQSClient", await _client(context, "sqs", "sqs", _config()))


async def sqs_polls(context: Context) -> "SQSClient":
    """Open SQS for receiving: long polls neither time out nor take the other calls' sockets."""
    config = _config(read_timeout=LONGEST_POLL_SECONDS + READ_SECONDS, max_pool_connections=16)
    return cast("SQSClient", await _client(context, "sqs_polls", "sqs", config))


async def sns(context: Context) -> "SNSClient":
    """Open SNS."""
    return cast("SNSClient", await _client(context, "sns", "sns", _config()))


async def ecs(context: Context) -> "ECSClient":
    """Open ECS; who waits for it is a person, and it can be asked again soon."""
    config = _config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2})
    return cast("ECSClient", await _client(context, "ecs", "ecs", config))


async def ssm(context: Context) -> "SSMClient":
    """Open the Parameter Store."""
    return cast("SSMClient", await _client(context, "ssm", "ssm", _config()))


async def rekognition(context: Context) -> "RekognitionClient":
    """Open Rekognition; its own rate limit is met by slowing down (adaptive retries)."""
    config = _config(retries={"total_max_attempts": 6, "mode": "adaptive"}, read_timeout=60)
    return cast("RekognitionClient", await _client(context, "rekognition", "rekognition", config))
