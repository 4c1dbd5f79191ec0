"""The one place where errors of AWS become imgtag's own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError

from imgtag.domain.errors import Archived, Conflict, ImgtagError, NotFound, TooLarge, Unavailable

ABSENT: Final = frozenset({"NoSuchKey", "404", "NotFound", "NoSuchUpload"})
LOST_RACE: Final = frozenset(
    {"PreconditionFailed", "ConditionalCheckFailedException", "TransactionCanceledException", "412"}
)
TOO_LARGE: Final = frozenset({"EntityTooLarge"})
ARCHIVED: Final = frozenset({"InvalidObjectState", "ObjectNotInActiveTierError"})
# What an operator has to put right: no answer until then, and asking again later is right.
MISCONFIGURED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "NoSuchBucket",
        "ResourceNotFoundException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
BUSY: Final = frozenset(
    {
        "ConditionalRequestConflict",
        "LimitExceededException",
        "OperationAborted",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
RESTORE_HOURS: Final = 4
_SERVER_FAULT: Final = 500
_NETWORK: Final = (aiohttp.ClientError, asyncio.TimeoutError, ConnectionError, BotoCoreError)


def code_of(error: ClientError) -> str:
    """Read the code that AWS gave."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """Read the HTTP status that AWS gave; 0 where there was none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@contextmanager
def translated(thing: str) -> Iterator[None]:
    """Let errors of imgtag cross only; *thing* is what was asked for, in the domain's words."""
    try:
        yield
    except ClientError as error:
        raise domain_error(thing, code_of(error), status_of(error)) from error
    except _NETWORK as error:
        msg = f"AWS can't be reached for the {thing}"
        raise Unavailable(msg, code="aws_unreachable") from error


def domain_error(thing: str, code: str, status: int) -> ImgtagError:
    """Say in the domain's terms what AWS answered with *code* and HTTP *status*."""
    if code in ABSENT:
        return NotFound(f"there is no such {thing}")
    if code in LOST_RACE:
        return Conflict(f"the {thing} has changed meanwhile")
    if code in TOO_LARGE:
        return TooLarge(f"the {thing} is larger than AWS takes")
    return _unavailable(thing, code, status) or ImgtagError(
        f"AWS refused what imgtag asked of the {thing}: {code}"
    )


def _unavailable(thing: str, code: str, status: int) -> Unavailable | None:
    if code in ARCHIVED:
        return Archived(
            f"the {thing} lies in an archive tier and has to be restored first",
            retry_after_seconds=RESTORE_HOURS * 3600.0,
        )
    if code in MISCONFIGURED:
        return Unavailable(f"AWS refused the {thing}: {code}", code="aws_misconfigured")
    if code in BUSY or status >= _SERVER_FAULT:
        return Unavailable(f"AWS is busy with the {thing}", code="aws_busy")
    return None
