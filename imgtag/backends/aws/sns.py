"""News over SNS: one topic, and subscriptions that let through what is for their owner only.

Addresses are SNS's: here are kept the ARNs of an owner's subscriptions, which say nothing.
"""

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from imgtag.backends import Context, open_records
from imgtag.backends.aws import clients
from imgtag.backends.aws.errors import code_of, translated
from imgtag.domain.addresses import Channel, hint_of
from imgtag.domain.errors import Conflict, Invalid, NotFound
from imgtag.domain.ids import OwnerId
from imgtag.ports import Notice, Record, RecordStore, Subscription

if TYPE_CHECKING:
    from types_aiobotocore_sns import SNSClient

# docs.aws.amazon.com/sns/latest/api/API_Publish.html: ASCII, one line, at most 100 characters.
MAX_SUBJECT: Final = 100
ATTRIBUTE: Final = "owner"
_REFUSED: Final = frozenset({"InvalidParameter", "InvalidParameterException"})


class SnsNotifier:
    """Publishes to *topic*. Addresses are given to SNS, and neither kept nor logged here."""

    channels = frozenset(Channel)

    def __init__(self, sns: "SNSClient", topic: str, records: RecordStore) -> None:
        self._sns = sns
        self._topic = topic
        self._records = records

    async def reach(self) -> None:
        with translated("topic"):
            await self._sns.get_topic_attributes(TopicArn=self._topic)

    async def notify(self, notice: Notice) -> None:
        await self._end_retired(notice.owner)
        owner = {"DataType": "String", "StringValue": notice.owner}
        with translated("notification"):
            await self._sns.publish(
                TopicArn=self._topic,
                Subject=_subject(notice.subject),
                Message=notice.text,
                MessageAttributes={ATTRIBUTE: owner},  # type: ignore[dict-item]
            )

    async def subscribe(self, owner: OwnerId, channel: Channel, address: str) -> None:
        arn = await self.attach(owner, channel, address)
        while True:
            old = await self._records.get(_shelf(owner), channel)
            if old and old.values["arn"] == arn:
                return
            if old:
                await self._retire(owner, old.values["arn"])
            if await self._records.swap(old, Record(_shelf(owner), channel, {"arn": arn})):
                break
        await self._end_retired(owner)

    async def attach(self, owner: OwnerId, protocol: str, address: str) -> str:
        """Subscribe what SNS calls an endpoint, and give the subscription's ARN."""
        with translated("subscription"):
            try:
                told = await self._sns.subscribe(
                    TopicArn=self._topic,
                    Protocol=protocol,
                    Endpoint=address,
                    Attributes={"FilterPolicy": json.dumps({ATTRIBUTE: [owner]})},
                    ReturnSubscriptionArn=True,
                )
            except ClientError as error:
                if code_of(error) in _REFUSED:
                    raise _refusal(error, protocol) from None  # its text repeats the address
                raise
        return told["SubscriptionArn"]

    async def unsubscribe(self, owner: OwnerId, channel: Channel) -> None:
        known = await self._records.get(_shelf(owner), channel)
        if known is None:
            return
        await self._retire(owner, known.values["arn"])
        await self._records.take(known.shelf, known.name)
        await self._end_retired(owner)

    async def subscriptions(self, owner: OwnerId) -> Sequence[Subscription]:
        found = []
        for record in await self._records.list(_shelf(owner)):
            told = await self._attributes(record.values["arn"])
            if told is None:  # its holder has ended it, by the link in each message
                await self._records.take(record.shelf, record.name)
                continue
            channel = Channel(record.name)
            confirmed = told["PendingConfirmation"].lower() != "true"
            found.append(Subscription(channel, hint_of(channel, told["Endpoint"]), confirmed))
        return found

    async def _attributes(self, arn: str) -> Mapping[str, str] | None:
        try:
            with translated("subscription"):
                told = await self._sns.get_subscription_attributes(SubscriptionArn=arn)
        except NotFound:
            return None
        return told["Attributes"]

    async def _retire(self, owner: OwnerId, arn: str) -> None:
        """Note that a subscription has to end, before it is forgotten that there is one."""
        name = arn.rpartition(":")[2]
        await self._records.put(Record(_retired(owner), name, {"arn": arn}))

    async def _end_retired(self, owner: OwnerId) -> None:
        """End what was replaced.

        SNS ends no subscription that nobody has confirmed: it is tried again before each notice,
        so that whoever confirms a mistyped address late still gets nothing.
        """
        retired = await self._records.list(_retired(owner))
        if not retired:
            return
        current = {each.values["arn"] for each in await self._records.list(_shelf(owner))}
        for record in retired:
            arn = record.values["arn"]
            if arn not in current and await self._end(arn):
                await self._records.take(record.shelf, record.name)

    async def _end(self, arn: str) -> bool:
        try:
            with translated("subscription"):
                try:
                    await self._sns.unsubscribe(SubscriptionArn=arn)
                except ClientError as error:
                    if code_of(error) in _REFUSED:
                        return False
                    raise
        except NotFound:
            return True
        return True


def _refusal(error: ClientError, protocol: str) -> Conflict | Invalid:
    if "already exists with different attributes" in str(error):
        msg = "somebody else here gets news at this address"
        return Conflict(msg, code="address_in_use")
    msg = "no messages can be sent to this address"
    return Invalid(msg, code="address_refused", pointer=f"/{protocol}")


def _shelf(owner: OwnerId) -> str:
    return f"sns.{owner}"


def _retired(owner: OwnerId) -> str:
    return f"sns-retired.{owner}"


def _subject(text: str) -> str:
    plain = re.sub(r"[^\x20-\x7e]+", " ", text).strip()
    return plain[:MAX_SUBJECT] or "imgtag"


@asynccontextmanager
async def open_notifier(context: Context) -> AsyncIterator[SnsNotifier]:
    """Open the notifier on the topic that the settings name."""
    sns, topic = await clients.sns(context), context.settings.sns_topic
    yield SnsNotifier(sns, topic, await open_records(context))
