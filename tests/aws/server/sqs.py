"""Let time pass for moto's SQS, so that no test has to wait for a lease to end."""

from collections.abc import Sequence
from typing import Any

from moto.sqs import models

_real = models.unix_time_millis
_passed_ms = 0.0


def _now(*args: object) -> float:
    return float(_real(*args)) + _passed_ms  # type: ignore[arg-type]


def _delayed(queue: models.Queue) -> int:
    now = _now()
    return sum(now < message.delayed_until for message in queue._messages)


def _leased(queue: models.Queue) -> int:
    now = _now()
    return sum(now <= message.visible_at for message in queue._messages)


def _waiting(queue: models.Queue) -> list[models.Message]:
    now = _now()
    return [
        message
        for message in queue._messages
        if message.visible_at < now and message.delayed_until <= now
    ]


def install() -> None:
    """Make every lease and delay follow `advance`, and asking for the time of day cheap.

    moto asks for it once for each message that a queue holds, three times for each that is sent:
    with ten thousand of them nothing else is done any more.
    """
    models.unix_time_millis = _now  # type: ignore[assignment]
    queue: Any = models.Queue
    queue.approximate_number_of_messages_delayed = property(_delayed)
    queue.approximate_number_of_messages_not_visible = property(_leased)
    queue.messages = property(_waiting)


def bodies(queue_url: str) -> Sequence[str]:
    """Read every message of a queue, leased or not."""
    name = queue_url.rpartition("/")[2]
    for account in models.sqs_backends.values():
        for region in account.values():
            if name in region.queues:
                return [message.body for message in region.queues[name]._messages]
    return []


def advance(seconds: float) -> None:
    """Let *seconds* pass."""
    global _passed_ms  # noqa: PLW0603
    _passed_ms += seconds * 1000
