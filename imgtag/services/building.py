"""Building archives ahead, where a store can't make them up while they are read.

An archive's layout is known before any photo is read, so that it is written in parts, several at a
time and by any worker: the parts that the store has are the checkpoint.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Protocol

import structlog

from imgtag.domain.bundles import RUNNING, Bundle, BundleState, Progress
from imgtag.domain.errors import Conflict, NotFound, Unavailable
from imgtag.domain.events import BundleRequested
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.photos import Failure
from imgtag.pipeline.budget import ByteBudget
from imgtag.pipeline.download import Damaged, Download
from imgtag.pipeline.prefetch import prefetch
from imgtag.ports import BundleStore, Clock, EventQueue
from imgtag.services.feed import Feed

MIB: Final = 1024 * 1024
PART_BYTES: Final = 8 * MIB
# docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
MAX_PARTS: Final = 10_000
LEASE: Final = timedelta(minutes=2)
# In case the news that a photo is back gets lost. No queue can hold an event back for longer.
LOOK_AGAIN: Final = timedelta(minutes=15)
ZIP: Final = "application/zip"

log = structlog.get_logger(__name__)


class PartedWriter(Protocol):
    """One large blob on its way in, in parts numbered from 1, by several workers in turn."""

    @property
    def checkpoint(self) -> str:
        """All that another worker needs to carry on."""
        ...

    @property
    def done(self) -> Mapping[int, int]:
        """The parts that the store has: number to size in bytes."""
        ...

    async def put(self, number: int, content: bytes) -> None:
        """Send one part; sending it again replaces it."""
        ...

    async def finish(self) -> None:
        """Make the blob of all parts: only now it is visible."""
        ...

    async def abort(self) -> None:
        """Throw the parts away; twice is fine."""
        ...


class PartedStore(Protocol):
    """What a blob store has on top when archives are built on it."""

    async def write_parts(
        self, key: BlobKey, *, content_type: str, checkpoint: str | None = None
    ) -> PartedWriter:
        """Begin a blob, or carry on. `NotFound` when the checkpoint's upload has ended."""
        ...

    async def restore(self, keys: Sequence[BlobKey], event: BundleRequested) -> int:
        """Bring back what is archived; *event* comes when all is. Tell how many are not yet."""
        ...

    async def delete(self, key: BlobKey) -> None:
        """Remove a blob."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What a bundle is made of: the archive, and the originals that have to be readable."""

    download: Download
    originals: Sequence[BlobKey]


class Builder:
    """Builds bundles that are asked for by `BundleRequested`; several may run at once.

    *announce* is called when a bundle became ready or failed; it may be called twice.
    """

    def __init__(  # noqa: PLR0913 - each is a thing of its own
        self,
        blobs: PartedStore,
        bundles: BundleStore,
        events: EventQueue,
        plan: Callable[[Bundle], Awaitable[Plan]],
        *,
        announce: Callable[[Bundle], Awaitable[None]],
        budget: ByteBudget,
        clock: Clock,
        feed: Feed,
    ) -> None:
        self._blobs = blobs
        self._bundles = bundles
        self._events = events
        self._plan = plan
        self._announce = announce
        self._budget = budget
        self._clock = clock
        self._feed = feed
        # Parts take half of the budget at most, so that the reads which fill them never starve.
        self._parts = asyncio.Semaphore(max(1, budget.size // (2 * PART_BYTES)))

    async def handle(self, event: BundleRequested) -> None:
        """Build the bundle, unless it has ended or somebody else is at it."""
        try:
            bundle = await self._claim(await self._bundles.get(event.owner, event.bundle))
        except NotFound:
            return
        except Conflict:
            bundle = None
        if bundle:
            await self._build_or_stop(bundle)

    async def _claim(self, bundle: Bundle) -> Bundle | None:
        now = self._clock.now()
        if bundle.state not in RUNNING:
            return None
        if bundle.lease_until and bundle.lease_until > now:
            # Whoever has it may have died: look again when the lease must have been renewed.
            event = BundleRequested(bundle.owner, bundle.id)
            await self._events.send(event, after=LEASE)
            return None
        claimed = bundle.moved(BundleState.BUILDING)
        return await self._bundles.replace(replace(claimed, lease_until=now + LEASE))

    async def _build_or_stop(self, bundle: Bundle) -> None:
        try:
            await self._build(bundle)
        except Damaged as damaged:
            await self._fail(bundle, Failure("photo_damaged", damaged.reason))
        except Conflict:
            await self._drop(bundle)
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
        plan = await self._plan(bundle)
        event = BundleRequested(bundle.owner, bundle.id)
        if await self._blobs.restore(plan.originals, event):
            waiting = replace(bundle.moved(BundleState.RESTORING), lease_until=None)
            self._tell(await self._bundles.replace(waiting))
            await self._events.send(event, after=LOOK_AGAIN)
            return
        writer = await self._writer(bundle)
        work = _Work(self, bundle, plan.download, writer)
        await work.run()
        await writer.finish()
        ready = await self._bundles.replace(work.bundle.ready(self._clock.now()))
        self._tell(ready)
        await self._announce(ready)

    async def _writer(self, bundle: Bundle) -> PartedWriter:
        key = BlobKey(bundle.owner, BlobKind.ARCHIVE, bundle.id)
        if bundle.checkpoint:
            try:
                return await self._blobs.write_parts(
                    key, content_type=ZIP, checkpoint=bundle.checkpoint
                )
            except NotFound:
                log.info("upload begins anew", bundle=bundle.id)
        return await self._blobs.write_parts(key, content_type=ZIP)

    async def note(self, bundle: Bundle, writer: PartedWriter, done: int) -> Bundle:
        """Write down how far it has come, and keep the lease. `Conflict` if it is ours no more."""
        photos = bundle.photos * done // max(1, bundle.bytes)
        noted = replace(
            bundle,
            checkpoint=writer.checkpoint,
            progress=Progress(photos, done),
            lease_until=self._clock.now() + LEASE,
        )
        written = await self._bundles.replace(noted)
        self._tell(written)
        return written

    async def send_part(self, work: "_Work", number: int, start: int, stop: int) -> None:
        """Read one part of the archive within the budget, and send it."""
        async with self._parts:
            share = self._budget.share()
            try:
                await share.take(stop - start)
                download = work.download
                async with prefetch(
                    download.archive, download.source, self._budget, start=start, stop=stop
                ) as chunks:
                    content = b"".join([chunk async for chunk in chunks])
                await work.writer.put(number, content)
            finally:
                share.close()

    async def _drop(self, bundle: Bundle) -> None:
        """Stop: it was cancelled, or another worker has it. Only what nobody needs is removed."""
        try:
            now_there = await self._bundles.get(bundle.owner, bundle.id)
        except NotFound:
            now_there = replace(bundle, state=BundleState.CANCELLED)
        if now_there.state in RUNNING or now_there.state is BundleState.READY:
            return
        checkpoint = now_there.checkpoint or bundle.checkpoint
        key = BlobKey(bundle.owner, BlobKind.ARCHIVE, bundle.id)
        if checkpoint:
            try:
                writer = await self._blobs.write_parts(key, content_type=ZIP, checkpoint=checkpoint)
                await writer.abort()
            except NotFound:
                await self._blobs.delete(key)

    async def _fail(self, bundle: Bundle, failure: Failure) -> None:
        current = await self._bundles.get(bundle.owner, bundle.id)
        if current.state in RUNNING:
            failed = replace(current.moved(BundleState.FAILED, failure=failure), lease_until=None)
            written = await self._bundles.replace(failed)
            self._tell(written)
            await self._announce(written)
            await self._drop(written)

    async def give_up(self, event: BundleRequested, failure: Failure) -> None:
        """Show *failure* on the bundle: the last attempt at building it has failed."""
        try:
            await self._fail(await self._bundles.get(event.owner, event.bundle), failure)
        except (NotFound, Conflict):
            return

    def _tell(self, bundle: Bundle) -> None:
        self._feed.publish(bundle.owner, "bundle", {"id": bundle.id})


class _Work:
    """One bundle being written by this process."""

    def __init__(
        self, builder: Builder, bundle: Bundle, download: Download, writer: PartedWriter
    ) -> None:
        self.bundle = bundle
        self.download = download
        self.writer = writer
        self._builder = builder
        self._noting = asyncio.Lock()

    async def run(self) -> None:
        """Send every part that the store hasn't, and write down each that it has."""
        size = self.download.archive.size
        length = part_bytes_for(size)
        await self._note()
        try:
            async with asyncio.TaskGroup() as group:
                for number, start in enumerate(range(0, size, length), 1):
                    stop = min(start + length, size)
                    if self.writer.done.get(number) != stop - start:
                        group.create_task(self._send(number, start, stop))
        except BaseExceptionGroup as errors:
            error = errors.exceptions[0]
            raise error from error.__cause__

    async def _send(self, number: int, start: int, stop: int) -> None:
        await self._builder.send_part(self, number, start, stop)
        await self._note()

    async def _note(self) -> None:
        async with self._noting:
            done = sum(self.writer.done.values())
            self.bundle = await self._builder.note(self.bundle, self.writer, done)


def part_bytes_for(size: int) -> int:
    """Choose the bytes of a part from those of the whole alone: whoever carries on agrees."""
    least = -(-size // MAX_PARTS)
    return max(PART_BYTES, -(-least // MIB) * MIB)
