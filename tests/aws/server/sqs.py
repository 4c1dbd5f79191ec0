"""Let time pass for moto's SQS, so that no test has to wait for a lease to end."""

from collections.abc import Sequence

from moto.sqs import models

_real = models.unix_time_millis
_passed_ms = 0.0


def _now(*args: object) -> float:
    return float(_real(*args)) + _passed_ms  # type: ignore[arg-type]


def install() -> None:
    """Make every lease and delay follow `advance`."""
    models.unix_time_millis = _now  # type: ignore[assignment]


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
