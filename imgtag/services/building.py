"""Building archives ahead: several parts at a time, by one worker after the other if need be.

An archive's layout is known before any photo is read, so that every worker cuts it into the same
parts, whoever began it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from imgtag.domain.bundles import RUNNING, Bundle, BundleState, Progress
from imgtag.domain.errors import Archived, Conflict, Invalid, NotFound, Unavailable
from imgtag.domain.events import BundleRequested, Event
from imgtag.domain.photos import Failure
from imgtag.pipeline.budget import ByteBudget
from imgtag.pipeline.download import Damaged
from imgtag.pipeline.filling import Members, fill
from imgtag.pipeline.together import together
from imgtag.ports import BundleStore, Clock, EventQueue
from imgtag.services.archives import Archives, PartedWriter
from imgtag.services.feed import Feed
from imgtag.services.layouts import Layout

MIB: Final = 1024 * 1024
PART_BYTES: Final = 8 * MIB
# docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MAX_PARTS: Final = 10_000
# A restore from the deepest archive takes two days; beyond that, something kills every worker.
PATIENCE: Final = timedelta(days=3)
# Tasks that wait for their turn; what is read at once is bounded by bytes.
_PARTS_AHEAD: Final = 32

Announce = Callable[[Bundle], Awaitable[None]]

log = structlog.get_logger(__name__)


class Builder:
    """Builds bundles that are asked for by `BundleRequested`; several may run at once.

    A claim lasts as long as the lease of *events*, and is renewed as that is. *announce* is called
    when a bundle became ready or failed; it may be called twice. Of *memory* bytes, half is for
    parts, and half is left to the connections that fill and send them.
    """

    def __init__(  # noqa: PLR0913 - each is a thing of its own
        self,
        archives: Archives,
        bundles: BundleStore,
        events: EventQueue,
        plan: Callable[[Bundle], Awaitable[Layout]],
        *,
        announce: Announce,
        memory: int,
        clock: Clock,
        feed: Feed,
    ) -> None:
        self._archives = archives
        self._bundles = bundles
        self._events = events
        self._plan = plan
        self._announce = announce
        self._clock = clock
        self._feed = feed
        self._lease = timedelta(seconds=events.lease_seconds)
        self._parts = ByteBudget(memory // 2)

    async def handle(self, event: Event) -> None:
        """Build the bundle, unless it has ended or somebody else is at it."""
        if not isinstance(event, BundleRequested):
            msg = "news of a photo came on the queue of bundles"
            raise Invalid(msg)
        try:
            bundle = await self._claim(await self._bundles.get(event.owner, event.bundle))
        except (NotFound, Conflict):
            return  # it was forgotten, or somebody else has claimed it in this moment
        if bundle:
            await self._build_or_stop(bundle)

    async def _claim(self, bundle: Bundle) -> Bundle | None:
        now = self._clock.now()
        if bundle.state not in RUNNING:
            # Whoever ended it may have been killed before it could say so.
            await self._announce(bundle)
            return None
        if bundle.created_at < now - PATIENCE:
            failure = Failure("not_built", "it could not be built within its time")
            await self._fail(bundle, failure)
            return None
        if bundle.lease_until and bundle.lease_until > now:
            # Whoever has it may have died: look again when the lease must have been renewed.
            event = BundleRequested(bundle.owner, bundle.id)
            await self._events.send(event, after=bundle.lease_until - now)
            return None
        return await self._bundles.replace(replace(bundle, lease_until=now + self._lease))

    async def _build_or_stop(self, bundle: Bundle) -> None:
        try:
            await self._build(bundle)
        except Conflict:
            await self._drop_unless_wanted(bundle)
        except (Unavailable, asyncio.CancelledError):
            await self._let_go(bundle)
            raise

    async def _let_go(self, bundle: Bundle) -> None:
        """End the lease, so that the next attempt need not wait for it."""
        try:
            current = await self._bundles.get(bundle.owner, bundle.id)
            if current.state in RUNNING:
                await self._bundles.replace(replace(current, lease_until=None))
        except (NotFound, Conflict):
            return

    async def _build(self, bundle: Bundle) -> None:
        layout = await self._plan(bundle)
        try:
            if not await self._archives.is_whole(bundle):
                bundle = await self._write(bundle, layout)
        except Damaged as damaged:
            reason = f"{layout.archive.name_of(damaged.index)}: {damaged.reason}"
            await self._fail(bundle, Failure("photo_damaged", reason))
            return
        except Archived:
            # Asked now and not first: nearly always no photo is, and asking is a call for each.
            if not await self._waits_for_restores(bundle, layout):
                raise
            return
        ready = await self._bundles.replace(bundle.ready(self._clock.now()))
        self._tell(ready)
        await self._announce(ready)

    async def _waits_for_restores(self, bundle: Bundle, layout: Layout) -> bool:
        """Have all archived photos restored at once; tell whether there still are any."""
        event = BundleRequested(bundle.owner, bundle.id)
        if not await self._archives.restore(layout.originals, event):
            return False
        current = await self._bundles.get(bundle.owner, bundle.id)
        # Without a lease: the news that all is back, or the sweeper, brings it here again.
        waiting = replace(current.moved(BundleState.RESTORING), lease_until=None)
        self._tell(await self._bundles.replace(waiting))
        return True

    async def _write(self, bundle: Bundle, layout: Layout) -> Bundle:
        """Send what the store hasn't got, and make it whole; answer with the bundle as it is."""
        writer = await self._archives.writer(bundle)
        work = _Work(bundle.moved(BundleState.BUILDING), layout, writer)
        await self._note(work)
        log.info("building", bundle=bundle.id, bytes=bundle.bytes, there=work.bundle.progress.bytes)
        async with self._keeping_the_lease(work):
            await self._send_parts(work)
            try:
                await writer.finish()
            except NotFound as error:
                # An answer may have got lost after all was done.
                if not await self._archives.is_whole(bundle):
                    msg = "the upload was ended by somebody else"
                    raise Unavailable(msg) from error
        return work.bundle

    @asynccontextmanager
    async def _keeping_the_lease(self, work: "_Work") -> AsyncIterator[None]:
        async def keep() -> None:
            while True:
                await asyncio.sleep(self._lease.total_seconds() / 2)
                await self._note(work)

        async with together() as group:
            keeper = group.create_task(keep())
            yield
            keeper.cancel()

    async def _send_parts(self, work: "_Work") -> None:
        size = work.layout.archive.size
        length = part_bytes_for(size)
        turns = asyncio.Semaphore(_PARTS_AHEAD)
        async with together() as group:
            for number, start in enumerate(range(0, size, length), 1):
                stop = min(start + length, size)
                if work.writer.done.get(number) != stop - start:
                    await turns.acquire()
                    sending = group.create_task(self._send_part(work, number, start, stop))
                    sending.add_done_callback(lambda _: turns.release())

    async def _send_part(self, work: "_Work", number: int, start: int, stop: int) -> None:
        share = self._parts.share()
        try:
            await share.take(stop - start)
            part = await fill(work.layout.archive, work.layout.source, start=start, stop=stop)
            work.members.check(part)
            await work.writer.put(number, part.content, part.crc32)
        finally:
            share.close()
        await self._note(work)

    async def _note(self, work: "_Work") -> None:
        """Write down how far it has come, and keep the lease. `Conflict` if it is ours no more."""
        async with work.noting:
            done = sum(work.writer.done.values())
            photos = work.bundle.photos * done // max(1, work.bundle.bytes)
            noted = replace(
                work.bundle,
                checkpoint=work.writer.checkpoint,
                progress=Progress(photos, done),
                lease_until=self._clock.now() + self._lease,
            )
            work.bundle = await self._bundles.replace(noted)
        self._tell(work.bundle)

    async def _drop_unless_wanted(self, bundle: Bundle) -> None:
        """Stop: it was cancelled, or another worker has it. Only what nobody needs is removed."""
        try:
            now_there = await self._bundles.get(bundle.owner, bundle.id)
        except NotFound:
            now_there = replace(bundle, state=BundleState.CANCELLED)
        if now_there.state not in RUNNING and now_there.state is not BundleState.READY:
            await self._archives.drop(now_there)

    async def give_up(self, event: Event, failure: Failure) -> None:
        """Show *failure* on the bundle: the last attempt at building it has failed."""
        if not isinstance(event, BundleRequested):
            return
        try:
            await self._fail(await self._bundles.get(event.owner, event.bundle), failure)
        except (NotFound, Conflict):
            return

    async def _fail(self, bundle: Bundle, failure: Failure) -> None:
        current = await self._bundles.get(bundle.owner, bundle.id)
        if current.state not in RUNNING:
            return
        failed = replace(current.moved(BundleState.FAILED, failure=failure), lease_until=None)
        written = await self._bundles.replace(failed)
        self._tell(written)
        await self._archives.drop(written)
        await self._announce(written)

    def _tell(self, bundle: Bundle) -> None:
        self._feed.publish(bundle.owner, "bundle", {"id": bundle.id})


class _Work:
    """One bundle being written by this process; *bundle* is as it was noted last."""

    def __init__(self, bundle: Bundle, layout: Layout, writer: PartedWriter) -> None:
        self.bundle = bundle
        self.layout = layout
        self.writer = writer
        self.members = Members(layout.archive)
        self.noting = asyncio.Lock()


def part_bytes_for(size: int) -> int:
    """Choose the bytes of a part from those of the whole alone: whoever carries on agrees."""
    least = -(-size // MAX_PARTS)
    return max(PART_BYTES, -(-least // MIB) * MIB)
