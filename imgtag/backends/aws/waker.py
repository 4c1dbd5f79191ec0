"""The worker that may sleep: one service of ECS, which is told to run a task when there is work.

Autoscaling would do so too, but SQS may take a quarter of an hour to tell of a queue that slept:
docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from imgtag.backends import Context
from imgtag.backends.aws import clients
from imgtag.backends.aws.errors import translated
from imgtag.domain.errors import ImgtagError, Invalid, NotFound
from imgtag.ports import Clock

if TYPE_CHECKING:
    from types_aiobotocore_ecs import ECSClient

# Less than a worker waits for work before it goes to sleep, and far less often than pages ask.
LOOK_EVERY: Final = timedelta(minutes=1)

log = structlog.get_logger(__name__)


class EcsWaker:
    """Looks at most once in a minute whether *service* of *cluster* runs any task."""

    def __init__(self, ecs: "ECSClient", cluster: str, service: str, clock: Clock) -> None:
        self._ecs = ecs
        self._cluster = cluster
        self._service = service
        self._clock = clock
        self._looked_at: datetime | None = None

    async def wake(self) -> None:
        now = self._clock.now()
        if self._looked_at and now - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = now
        try:
            await self._start_one()
        except ImgtagError as error:
            log.warning("could not wake a worker", error=error.detail)

    async def _start_one(self) -> None:
        with translated("worker"):
            told = await self._ecs.describe_services(
                cluster=self._cluster, services=[self._service]
            )
            if not told["services"]:
                raise NotFound("there is no such service on ECS")
            if told["services"][0]["desiredCount"] > 0:
                return
            await self._ecs.update_service(
                cluster=self._cluster, service=self._service, desiredCount=1
            )
        log.info("woke a worker")


@asynccontextmanager
async def open_waker(context: Context) -> AsyncIterator[EcsWaker]:
    """Open the waker of the service that the settings name, as ``cluster/service``."""
    cluster, _, service = context.settings.worker_service.partition("/")
    if not (cluster and service):
        raise Invalid("IMGTAG_WORKER_SERVICE is cluster/service", code="invalid_setting")
    yield EcsWaker(await clients.ecs(context), cluster, service, context.clock)
