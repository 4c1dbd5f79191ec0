"""The only module that picks adapters: settings in, a working system out."""

from collections.abc import AsyncIterator, Mapping
from contextlib import (
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from imgtag import backends
from imgtag.api.keys import Services
from imgtag.backends.local.lock import open_data_dir
from imgtag.domain.ids import OwnerId
from imgtag.domain.labels import LabelLimits
from imgtag.domain.sources import Scheme
from imgtag.imaging.model import Limits
from imgtag.imaging.pool import ImagingPool, usual_workers
from imgtag.metrics import Metrics
from imgtag.ports import Backends, ImportSource, Labeler, Waker
from imgtag.services.archives import Archives, archives_on
from imgtag.services.building import Builder
from imgtag.services.bundles import Bundles
from imgtag.services.feed import Feed
from imgtag.services.importing import Importer
from imgtag.services.imports import Imports, Places
from imgtag.services.jobs import Jobs
from imgtag.services.labelling import Labelling
from imgtag.services.layouts import Layouts
from imgtag.services.metered import MeteredLabeler
from imgtag.services.notifications import Notifications
from imgtag.services.photos import Photos
from imgtag.services.reach import reach_blobs
from imgtag.services.signing import Signer, kept_secret
from imgtag.services.sweep import Lifetimes, Sweeper
from imgtag.services.uploads import Uploads
from imgtag.services.watch import Watcher
from imgtag.settings import Settings
from imgtag.worker import Work

_IN_DATA_DIR: Final = frozenset({"files", "sqlite"})
# No other process reaches these, so that nothing happens without this one.
_OF_ONE_PROCESS: Final = _IN_DATA_DIR | {"memory"}
# They share one memory: a large one must not keep a small one waiting.
_JOBS_AT_ONCE: Final = 4
_SOURCES: Final = {Scheme.FILE: "files", Scheme.S3: "s3"}
_NOBODY: Final = OwnerId("readiness-probe")

log = structlog.get_logger(__name__)


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Tell the time in UTC, in whole milliseconds."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A whole imgtag: what HTTP calls, what the consumers do, if any, and who sweeps up."""

    services: Services
    work: tuple[Work, ...]
    sweeper: Sweeper
    watcher: Watcher | None


@dataclass(frozen=True, slots=True)
class LabellingTools:
    """What it takes to label a file, without a service."""

    inspector: ImagingPool
    labeler: Labeler
    limits: LabelLimits


@asynccontextmanager
async def open_backends(settings: Settings) -> AsyncIterator[Backends]:
    """Open one of each port, as the settings name them; closed in reverse."""
    async with AsyncExitStack() as stack:
        settings = await _with_parameters(settings)
        backends.must_be_set(settings, *backends.PORTS)
        context = backends.Context(settings, SystemClock(), stack)
        enter = stack.enter_async_context
        open_queue = backends.find("queue", settings.queue)
        photo_events = await enter(open_queue(context, "photos"))
        bundle_events = await enter(open_queue(context, "bundles"))
        yield Backends(
            photo_events=photo_events,
            bundle_events=bundle_events,
            blobs=await enter(backends.find("blobs", settings.blobs)(context)),
            catalog=await enter(backends.find("catalog", settings.catalog)(context, photo_events)),
            bundles=await enter(backends.find("bundles", settings.bundles)(context, bundle_events)),
            records=await backends.open_records(context),
            imports=await enter(backends.find_imports(settings)(context, bundle_events)),
            sources=await _open_sources(context),
            labeler=await enter(backends.find("labeler", settings.labeler)(context)),
            notifier=await enter(backends.find("notifier", settings.notifier)(context)),
            auth=await enter(backends.find("auth", settings.auth)(context)),
            waker=await _waker(context),
        )


async def _with_parameters(settings: Settings) -> Settings:
    """Add the secrets that lie elsewhere, where the settings say so."""
    if not settings.parameters:
        return settings
    async with AsyncExitStack() as stack:
        load = backends.find("parameters", "ssm")
        loaded: Settings = await load(backends.Context(settings, SystemClock(), stack))
        return loaded


async def _waker(context: backends.Context) -> Waker | None:
    """Open what wakes the worker, where there is one that sleeps."""
    if not context.settings.worker_service:
        return None
    opened: Waker = await context.stack.enter_async_context(backends.find("waker", "ecs")(context))
    return opened


async def _open_sources(context: backends.Context) -> Mapping[Scheme, ImportSource]:
    allowed = {source.scheme for source in context.settings.sources}
    return {
        scheme: await context.stack.enter_async_context(backends.find("source", name)(context))
        for scheme, name in _SOURCES.items()
        if scheme in allowed
    }


@asynccontextmanager
async def open_labelling(settings: Settings) -> AsyncIterator[LabellingTools]:
    """Open only what labelling a file takes."""
    async with AsyncExitStack() as stack:
        backends.must_be_set(settings, "labeler")
        context = backends.Context(settings, SystemClock(), stack)
        labeler = backends.find("labeler", settings.labeler)(context)
        yield LabellingTools(
            await stack.enter_async_context(_imaging(settings)),
            await stack.enter_async_context(labeler),
            LabelLimits(settings.min_confidence, settings.max_labels),
        )


@asynccontextmanager
async def open_system(settings: Settings, *, works: bool = True) -> AsyncIterator[System]:
    """Open the backends and build everything on them.

    One that *works* decodes photos; any other has no work, and is up sooner by a few processes.
    """
    settings = await _with_parameters(settings)
    with _alone(settings):
        decoders = _imaging(settings) if works else nullcontext()
        async with open_backends(settings) as ports, decoders as inspector:
            yield _build(settings, ports, inspector)


def _alone(settings: Settings) -> AbstractContextManager[object]:
    """Be the only service on the data folder, where anything is kept in it."""
    kept_here = _stores(settings) & _IN_DATA_DIR
    return open_data_dir(settings.data_dir) if kept_here else nullcontext()


def _stores(settings: Settings) -> frozenset[str]:
    return frozenset({settings.blobs, settings.catalog, settings.queue, settings.bundles})


def _build(settings: Settings, ports: Backends, inspector: ImagingPool | None) -> System:
    clock, feed, metrics = SystemClock(), Feed(), Metrics()
    signer = Signer(_secret(settings))
    layouts = Layouts(ports.blobs)
    archives = archives_on(ports.blobs)
    bundles = Bundles(
        ports.blobs,
        ports.catalog,
        ports.bundles,
        layouts=layouts,
        archives=archives,
        clock=clock,
        feed=feed,
    )
    places = Places(settings.sources, ports.sources)
    services = Services(
        settings=settings,
        clock=clock,
        signer=signer,
        feed=feed,
        metrics=metrics,
        auth=ports.auth,
        blobs=ports.blobs,
        uploads=_uploads(settings, ports, signer, feed),
        photos=Photos(ports.blobs, ports.catalog, clock=clock, feed=feed),
        bundles=bundles,
        imports=_imports(settings, ports, places, feed),
        notifications=_notifications(settings, ports),
        waker=ports.waker,
        queues={"photos": ports.photo_events, "bundles": ports.bundle_events},
        probes={
            "blobs": lambda: reach_blobs(ports.blobs, clock),
            "catalog": lambda: ports.catalog.tally(_NOBODY),
            "queue": ports.photo_events.waiting,
        },
    )
    jobs = Jobs(
        importer=_importer(settings, ports, places, services),
        notifications=services.notifications,
        builder=_builder(settings, ports, archives, layouts, services) if archives else None,
    )
    return System(
        services=services,
        work=(_labelling(settings, ports, inspector, services), _work(settings, ports, jobs))
        if inspector
        else (),
        sweeper=Sweeper(
            ports,
            bundles,
            services.imports,
            clock=clock,
            lifetimes=Lifetimes(
                trash=timedelta(days=settings.trash_days),
                upload=timedelta(minutes=settings.upload_minutes),
            ),
        ),
        watcher=_watcher(settings, ports, feed),
    )


def _uploads(settings: Settings, ports: Backends, signer: Signer, feed: Feed) -> Uploads:
    return Uploads(
        ports.blobs,
        ports.catalog,
        clock=SystemClock(),
        signer=signer,
        feed=feed,
        max_photo_bytes=settings.max_photo_bytes,
        # S3 tells of what it takes on SQS and nowhere else.
        direct=settings.blobs != "s3" or settings.queue == "sqs",
    )


def _notifications(settings: Settings, ports: Backends) -> Notifications:
    return Notifications(
        ports.notifier,
        ports.bundles,
        ports.records,
        ports.bundle_events,
        clock=SystemClock(),
        address=settings.public_url or f"http://{settings.host}:{settings.port}",
    )


def _imports(settings: Settings, ports: Backends, places: Places, feed: Feed) -> Imports:
    return Imports(
        ports.imports,
        places,
        ports.bundle_events,
        clock=SystemClock(),
        feed=feed,
        max_photo_bytes=settings.max_photo_bytes,
        dollars_per_photo=ports.labeler.dollars_per_photo,
    )


def _importer(settings: Settings, ports: Backends, places: Places, services: Services) -> Importer:
    return Importer(
        ports.imports,
        places,
        ports.blobs,
        ports.catalog,
        clock=services.clock,
        feed=services.feed,
        max_photo_bytes=settings.max_photo_bytes,
    )


def _watcher(settings: Settings, ports: Backends, feed: Feed) -> Watcher | None:
    if not settings.live_events or _stores(settings) & _OF_ONE_PROCESS:
        return None
    return Watcher(feed, ports.catalog, ports.bundles, ports.imports)


def _labelling(
    settings: Settings, ports: Backends, inspector: ImagingPool, services: Services
) -> Work:
    labelling = Labelling(
        ports.blobs,
        ports.catalog,
        MeteredLabeler(ports.labeler, services.metrics),
        inspector,
        feed=services.feed,
        limits=LabelLimits(settings.min_confidence, settings.max_labels),
        max_photo_bytes=settings.max_photo_bytes,
    )
    return Work(
        name="photos",
        queue=ports.photo_events,
        handle=labelling.handle,
        give_up=labelling.give_up,
        # While a photo is decoded, others are read, labelled or written down; when half of them
        # are done, the decoders have not run dry and more are asked for.
        concurrency=6 * _workers(settings),
        wait=timedelta(seconds=settings.poll_seconds),
    )


def _builder(
    settings: Settings, ports: Backends, archives: Archives, layouts: Layouts, services: Services
) -> Builder:
    return Builder(
        archives,
        ports.bundles,
        ports.bundle_events,
        layouts.of,
        announce=services.notifications.announce,
        memory=settings.bundle_memory,
        clock=services.clock,
        feed=services.feed,
    )


def _work(settings: Settings, ports: Backends, jobs: Jobs) -> Work:
    return Work(
        name="bundles",
        queue=ports.bundle_events,
        handle=jobs.handle,
        give_up=jobs.give_up,
        concurrency=_JOBS_AT_ONCE,
        wait=timedelta(seconds=settings.poll_seconds),
    )


def _workers(settings: Settings) -> int:
    return settings.imaging_workers or usual_workers()


def _imaging(settings: Settings) -> ImagingPool:
    return ImagingPool(workers=_workers(settings), limits=Limits())


def _secret(settings: Settings) -> str:
    """Take the secret that is set, or keep one of our own in the data folder."""
    if settings.secret:
        return settings.secret.get_secret_value()
    if not _stores(settings) & _OF_ONE_PROCESS:
        log.warning("IMGTAG_SECRET is not set: other instances can't read what this one signs")
    return kept_secret(settings.data_dir)
