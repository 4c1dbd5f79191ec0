"""Events on SQS: imgtag's own, and what S3 tells."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from imgtag.backends import Context, Topic
from imgtag.backends.aws import clients
from imgtag.backends.aws.errors import code_of, translated
from imgtag.backends.aws.restores import Waits
from imgtag.backends.aws.s3_events import Restored, Sequencers, Told, read
from imgtag.backends.aws.table import Table
from imgtag.domain.errors import Invalid
from imgtag.domain.events import Event, to_dict
from imgtag.ports import Clock

if TYPE_CHECKING:
    from types_aiobotocore_sqs import SQSClient
    from types_aiobotocore_sqs.type_defs import MessageTypeDef

# docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MAX_BATCH: Final = 10
MAX_DELAY_SECONDS: Final = 900
MAX_LEASE_SECONDS: Final = 43_200
# The lease has ended, and the message is somebody else's or gone.
_TOO_LATE: Final = frozenset(
    {
        "InvalidParameterValue",
        "MessageNotInflight",
        "AWS.SimpleQueueService.MessageNotInflight",
        "ReceiptHandleIsInvalid",
    }
)

Wake = Callable[[Restored], Awaitable[Sequence[Event]]]


class Message:
    """One message of SQS, which ends when everything that it tells is dealt with."""

    def __init__(self, queue: "SqsQueue", raw: "MessageTypeDef") -> None:
        self.queue = queue
        self.body = raw["Body"]
        self.receipt = raw["ReceiptHandle"]
        self.attempt = int(raw.get("Attributes", {}).get("ApproximateReceiveCount", 1))
        self.open: set[int] = set()
        self._leased_until = queue.clock.now() + timedelta(seconds=queue.lease_seconds)

    @property
    def is_leased(self) -> bool:
        """Whether nobody else can have it yet: SQS itself takes late words from anybody."""
        return self.queue.clock.now() < self._leased_until

    async def finish(self, number: int) -> None:
        """Note that part *number* is dealt with."""
        self.open.discard(number)
        if not self.open:
            await self.queue.delete(self.receipt)

    async def hide(self, seconds: float) -> None:
        """Deliver it again not before *seconds* from now, unless the lease has ended."""
        if self.is_leased:
            self._leased_until = self.queue.clock.now() + timedelta(seconds=seconds)
            await self.queue.hide(self.receipt, seconds)


class SqsDelivery:
    """One event of a message, leased together with the others that it came with."""

    def __init__(
        self, message: Message, event: Event | None, told: Told | None, number: int
    ) -> None:
        self.event = event
        self.attempt = message.attempt
        self._message = message
        self._told = told
        self._number = number
        message.open.add(number)

    async def acknowledge(self) -> None:
        if self._told:
            self._message.queue.sequencers.remember(self._told)
        await self._message.finish(self._number)

    async def extend(self) -> None:
        await self._message.hide(self._message.queue.lease_seconds)

    async def release(self, *, after: timedelta = timedelta(0)) -> None:
        await self._message.hide(after.total_seconds())

    async def bury(self, reason: str) -> None:
        if not self._message.is_leased:
            return
        body = json.dumps(to_dict(self.event)) if self.event else self._message.body
        await self._message.queue.send_dead(body, reason)
        await self._message.finish(self._number)


class SqsQueue:
    """A standard queue with dead letters. *wake* tells which bundles a restored photo wakes."""

    def __init__(  # noqa: PLR0913 - each is a thing of its own
        self,
        sqs: "SQSClient",
        polls: "SQSClient",
        url: str,
        dead_url: str,
        *,
        lease_seconds: float,
        clock: Clock,
        wake: Wake,
    ) -> None:
        self.clock = clock
        self.lease_seconds = lease_seconds
        self.sequencers = Sequencers()
        self._sqs = sqs
        self._polls = polls
        self._url = url
        self._dead_url = dead_url
        self._wake = wake

    async def send(self, event: Event, *, after: timedelta = timedelta(0)) -> None:
        seconds = math.ceil(after.total_seconds())
        if seconds > MAX_DELAY_SECONDS:
            msg = f"SQS delays a message by {MAX_DELAY_SECONDS} seconds at most"
            raise Invalid(msg)
        body = json.dumps(to_dict(event))
        with translated("queue"):
            await self._sqs.send_message(
                QueueUrl=self._url, MessageBody=body, DelaySeconds=max(0, seconds)
            )

    async def receive(self, *, limit: int, wait: timedelta) -> Sequence[SqsDelivery]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait.total_seconds()
        while True:
            left = max(0.0, deadline - loop.time())
            messages = await self._poll(min(limit, MAX_BATCH), left)
            deliveries = [one for raw in messages for one in await self._unpack(raw)]
            if deliveries or loop.time() >= deadline:
                return deliveries

    async def _poll(self, limit: int, wait_seconds: float) -> Sequence["MessageTypeDef"]:
        with translated("queue"):
            told = await self._polls.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=limit,
                WaitTimeSeconds=min(clients.LONGEST_POLL_SECONDS, math.ceil(wait_seconds)),
                VisibilityTimeout=math.ceil(self.lease_seconds),
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return told.get("Messages", [])

    async def _unpack(self, raw: "MessageTypeDef") -> Sequence[SqsDelivery]:
        message = Message(self, raw)
        try:
            told = read(message.body)
        except Invalid:
            return [SqsDelivery(message, None, None, 0)]
        events = [pair for one in told for pair in await self._events(one)]
        if not events:
            await self.delete(message.receipt)
        return [
            SqsDelivery(message, event, one, number) for number, (event, one) in enumerate(events)
        ]

    async def _events(self, told: Told) -> Sequence[tuple[Event, Told]]:
        if isinstance(told.what, Restored):
            return [(event, told) for event in await self._wake(told.what)]
        return [] if self.sequencers.is_stale(told) else [(told.what, told)]

    async def delete(self, receipt: str) -> None:
        """End a message; one that has ended is fine."""
        with translated("queue"), _unless_too_late():
            await self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=receipt)

    async def hide(self, receipt: str, seconds: float) -> None:
        """Hide a message for *seconds* from now, if it is still leased here."""
        timeout = min(MAX_LEASE_SECONDS, max(0, math.ceil(seconds)))
        with translated("queue"), _unless_too_late():
            await self._sqs.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=timeout
            )

    async def send_dead(self, body: str, reason: str) -> None:
        """Put a message with the dead letters."""
        attribute = {"DataType": "String", "StringValue": reason[:256]}
        with translated("queue"):
            await self._sqs.send_message(
                QueueUrl=self._dead_url,
                MessageBody=body,
                MessageAttributes={"reason": attribute},  # type: ignore[dict-item]
            )

    async def waiting(self) -> int:
        return await self._count(self._url)

    async def dead_letters(self) -> int:
        return await self._count(self._dead_url)

    async def redrive(self) -> int:
        # Not until there are none: what can't be read is back before the last one is sent.
        revived, most = 0, await self.dead_letters()
        with translated("queue of dead letters"):
            while revived < most and (messages := await self._dead()):
                for raw in messages:
                    await self._sqs.send_message(QueueUrl=self._url, MessageBody=raw["Body"])
                    await self._sqs.delete_message(
                        QueueUrl=self._dead_url, ReceiptHandle=raw["ReceiptHandle"]
                    )
                    revived += 1
        return revived

    async def _dead(self) -> Sequence["MessageTypeDef"]:
        told = await self._polls.receive_message(
            QueueUrl=self._dead_url, MaxNumberOfMessages=MAX_BATCH, WaitTimeSeconds=1
        )
        return told.get("Messages", [])

    async def _count(self, url: str) -> int:
        names: Any = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        with translated("queue"):
            told = await self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(told["Attributes"][name]) for name in names)


@contextmanager
def _unless_too_late() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if code_of(error) not in _TOO_LATE:
            raise


@asynccontextmanager
async def open_queue(context: Context, topic: Topic) -> AsyncIterator[SqsQueue]:
    """Open the queue of *topic* that the settings name."""
    setting = f"sqs_{topic}"
    url = str(getattr(context.settings, setting))
    sqs, polls = await clients.sqs(context), await clients.sqs_polls(context)
    dead_url = await _dead_url(sqs, url)
    yield SqsQueue(
        sqs,
        polls,
        url,
        dead_url,
        lease_seconds=context.settings.sqs_lease_seconds,
        clock=context.clock,
        wake=await _wake(context),
    )


async def _wake(context: Context) -> Wake:
    """Look up who waits for a restored photo, where bundles are kept in DynamoDB."""
    if not context.settings.dynamodb_jobs:
        return _nobody
    table = Table(await clients.dynamodb(context), context.settings.dynamodb_jobs)
    return Waits(table).completed


async def _nobody(_: Restored) -> Sequence[Event]:
    return ()


async def _dead_url(sqs: "SQSClient", url: str) -> str:
    with translated("queue"):
        told = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    policy = told.get("Attributes", {}).get("RedrivePolicy")
    if not policy:
        msg = f"the queue {url} has no dead letters (a redrive policy)"
        raise Invalid(msg, code="no_redrive")
    name = json.loads(policy)["deadLetterTargetArn"].rpartition(":")[2]
    with translated("queue of dead letters"):
        return (await sqs.get_queue_url(QueueName=name))["QueueUrl"]
