"""News over SNS: one topic, and subscriptions that let through what is for their owner only."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from imgtag.backends import Context
from imgtag.backends.aws import clients
from imgtag.backends.aws.errors import translated
from imgtag.domain.ids import OwnerId
from imgtag.ports import Notice

if TYPE_CHECKING:
    from types_aiobotocore_sns import SNSClient

# docs.aws.amazon.com/sns/latest/api/API_Publish.html: ASCII, one line, at most 100 characters.
MAX_SUBJECT: Final = 100
ATTRIBUTE: Final = "owner"


class SnsNotifier:
    """Publishes to a topic. Addresses are given to SNS, and neither kept nor logged here."""

    def __init__(self, sns: "SNSClient", topic: str) -> None:
        self._sns = sns
        self._topic = topic

    async def notify(self, notice: Notice) -> None:
        owner = {"DataType": "String", "StringValue": notice.owner}
        with translated("notification"):
            await self._sns.publish(
                TopicArn=self._topic,
                Subject=_subject(notice.subject),
                Message=notice.text,
                MessageAttributes={ATTRIBUTE: owner},  # type: ignore[dict-item]
            )

    async def subscribe(self, owner: OwnerId, protocol: str, address: str) -> None:
        """Send what is for *owner* to *address* too; *protocol* is ``email`` or ``sms``.

        An e-mail address gets nothing before its holder has confirmed it.
        """
        with translated("subscription"):
            await self._sns.subscribe(
                TopicArn=self._topic,
                Protocol=protocol,
                Endpoint=address,
                Attributes={"FilterPolicy": json.dumps({ATTRIBUTE: [owner]})},
            )


def _subject(text: str) -> str:
    plain = re.sub(r"[^\x20-\x7e]+", " ", text).strip()
    return plain[:MAX_SUBJECT] or "imgtag"


@asynccontextmanager
async def open_notifier(context: Context) -> AsyncIterator[SnsNotifier]:
    """Open the notifier on the topic that the settings name."""
    clients.require(context, "sns_topic")
    yield SnsNotifier(await clients.sns(context), context.settings.sns_topic)
