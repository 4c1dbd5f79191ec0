"""Nothing is lost, however much goes wrong on the way."""

from imgtag.backends import Context
from imgtag.compose import SystemClock
from tests.aws.cloud import Cloud
from tests.aws.draining import drain

PHOTOS = 40
TOLD = 2
ONE_IN_TWENTY = 0.05
LEASE_SECONDS = 5


async def test_a_queue_is_emptied_through_faults(tables: Cloud, queues: Cloud) -> None:
    """One call in twenty fails, is repeated or loses its answer: every photo is labelled once."""
    settings = queues.settings.model_copy(update={"sqs_lease_seconds": LEASE_SECONDS})
    context = Context(settings, SystemClock(), tables.context.stack)
    drained = await drain(Cloud(queues.server, settings, context), PHOTOS, told=TOLD)
    assert drained.nothing_was_lost, drained
    assert drained.struck >= ONE_IN_TWENTY * drained.asked, drained
