"""The generic consumer: receive, keep the leases, handle, acknowledge.

At least once and in any order: what is handled has to be idempotent. A receive that is under way is
left to finish, since cancelling it would hide events until their lease ends; when the consumer is
stopping, what it brings is handed back.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from structlog.contextvars import bound_contextvars

from imgtag.domain.errors import ImgtagError, Unavailable
from imgtag.domain.events import Event
from imgtag.domain.photos import Failure
from imgtag.metrics import Metrics
from imgtag.ports import Delivery, EventQueue

MAX_ATTEMPTS: Final = 5
_BACK_OFF_SECONDS: Final = (1, 5, 30, 120)
LONG_WAIT_SECONDS: Final = 600
_PAUSE_SECONDS: Final = 2
_HAND_BACK_SECONDS: Final = 3

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A queue, and what is done with its events, *concurrency* at a time.

    *give_up* is called when the last attempt has failed. *wait* bounds one receive, and so how long
    stopping takes.
    """

    name: str
    queue: EventQueue
    handle: Callable[[Event], Awaitable[None]]
    give_up: Callable[[Event, Failure], Awaitable[None]]
    concurrency: int
    wait: timedelta


class Consumer:
    """Runs one `Work` until it is told to stop."""

    def __init__(self, work: Work, metrics: Metrics) -> None:
        self._work = work
        self._metrics = metrics
        self._held: set[Delivery] = set()
        self._changed = asyncio.Condition()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Begin nothing more; `run` returns when what was begun is done."""
        self._stopping.set()

    async def run(self) -> None:
        """Consume until `stop`. Cancelling it hands everything back at once."""
        async with asyncio.TaskGroup() as tasks:
            keeper = tasks.create_task(self._keep_leases(), name=f"{self._work.name} leases")
            while not self._stopping.is_set():
                await self._take_in(tasks)
            await self._until_fewer_than(1)
            keeper.cancel()

    async def _take_in(self, tasks: asyncio.TaskGroup) -> None:
        # Not for each place that falls free: a queue is asked for one as for several.
        await self._until_fewer_than(self._work.concurrency // 2 + 1)
        if self._stopping.is_set():
            return
        free = self._work.concurrency - len(self._held)
        try:
            deliveries = await self._work.queue.receive(limit=free, wait=self._work.wait)
        except Unavailable as error:
            log.warning("can't receive", queue=self._work.name, error=error.detail)
            await self._pause()
            return
        for delivery in deliveries:
            if self._stopping.is_set():
                await _hand_back(delivery)
            else:
                self._held.add(delivery)
                tasks.create_task(self._deal_with(delivery), name=self._work.name)

    async def _until_fewer_than(self, number: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._held) < number)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_PAUSE_SECONDS):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(self._work.queue.lease_seconds / 2)
            for delivery in tuple(self._held):
                try:
                    await delivery.extend()
                except ImgtagError as error:
                    log.warning("lease not extended", queue=self._work.name, error=error.detail)

    async def _deal_with(self, delivery: Delivery) -> None:
        started = time.perf_counter()
        outcome = "cancelled"
        try:
            with bound_contextvars(queue=self._work.name, attempt=delivery.attempt):
                outcome = await self._attempt(delivery)
        except asyncio.CancelledError:
            await _hand_back(delivery)
            raise
        except ImgtagError as error:
            # The lease ends by itself, and the event comes again.
            log.warning("event not settled", queue=self._work.name, error=error.detail)
            outcome = "unsettled"
        finally:
            seconds = time.perf_counter() - started
            self._metrics.events.labels(self._work.name, outcome).observe(seconds)
            async with self._changed:
                self._held.discard(delivery)
                self._changed.notify_all()

    async def _attempt(self, delivery: Delivery) -> str:
        event = delivery.event
        if event is None:
            await delivery.bury("the message can't be read")
            return "buried"
        try:
            await self._work.handle(event)
        except Unavailable as error:
            if error.retry_after_seconds >= LONG_WAIT_SECONDS:
                # No attempt of ours can outwait that; the sweeper brings back what is not done.
                log.info("left for later", code=error.code, detail=error.detail)
                await delivery.acknowledge()
                return "postponed"
            return await self._try_again(delivery, event, Failure(error.code, error.detail))
        except ImgtagError as error:
            return await self._end(delivery, event, Failure(error.code, error.detail))
        except Exception:
            log.exception("unforeseen error", news=event)
            failure = Failure("internal_error", "something went wrong here; the log has it")
            return await self._try_again(delivery, event, failure)
        await delivery.acknowledge()
        return "done"

    async def _try_again(self, delivery: Delivery, event: Event, failure: Failure) -> str:
        if delivery.attempt >= MAX_ATTEMPTS:
            return await self._end(delivery, event, failure)
        seconds = _BACK_OFF_SECONDS[min(delivery.attempt, len(_BACK_OFF_SECONDS)) - 1]
        log.warning("will try again", code=failure.code, detail=failure.detail, seconds=seconds)
        await delivery.release(after=timedelta(seconds=seconds))
        return "released"

    async def _end(self, delivery: Delivery, event: Event, failure: Failure) -> str:
        log.error("gave up", news=event, code=failure.code, detail=failure.detail)
        await self._work.give_up(event, failure)
        await delivery.bury(failure.detail)
        return "buried"


async def _hand_back(delivery: Delivery) -> None:
    """Release at once; a queue that can't be reached will do so itself when the lease ends."""
    try:
        async with asyncio.timeout(_HAND_BACK_SECONDS):
            await delivery.release()
    except (ImgtagError, TimeoutError) as error:
        log.warning("not handed back", error=str(error))
