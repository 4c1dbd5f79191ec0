"""The life of the process: one exit stack, one task group, and the order in which things end.

Starting: backends, HTTP site, consumers, ready. At the first SIGTERM or SIGINT: `/readyz` says 503,
consumers begin nothing more, the site stops accepting and lets answers finish, what is running goes
on to the end of the grace period, then everything is cancelled and closed in reverse. A second
signal skips the grace.
"""

import asyncio
import gc
import resource
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from enum import StrEnum
from typing import Final

import structlog
from aiohttp import web
from yarl import URL

from imgtag import __version__
from imgtag.api.malformed import Runner
from imgtag.api.system import READINESS
from imgtag.compose import System, open_system
from imgtag.domain.errors import Invalid
from imgtag.invocations import answer_invocations, runtime_api
from imgtag.logs import set_up_logs
from imgtag.server import create_app
from imgtag.services.sweep import Sweeper
from imgtag.services.watch import Watcher
from imgtag.settings import Settings
from imgtag.worker import Consumer

# aiohttp closes what is idle, and what has not sent a whole header, after this long.
KEEP_ALIVE_SECONDS: Final = 10
# How long it waits for the rest of a body that nobody wants any more.
LINGERING_SECONDS: Final = 2
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_INTERRUPTED: Final = 130
_NEW_OBJECTS: Final = 20_000
# More than there are ports. macOS says that there is no limit, and refuses more than 10,240.
_FILES: Final = 10_240 if sys.platform == "darwin" else 65_536

log = structlog.get_logger(__name__)


class Role(StrEnum):
    """Which half of the service a process runs."""

    ALL = "all"
    API = "api"
    WORKER = "worker"

    @property
    def serves(self) -> bool:
        """Whether it answers HTTP."""
        return self is not Role.WORKER

    @property
    def works(self) -> bool:
        """Whether it consumes events."""
        return self is not Role.API


class Stop:
    """The wish to end: once for draining, twice for ending at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.forced = asyncio.Event()

    def ask(self) -> None:
        """Hear one signal."""
        if self.asked.is_set():
            self.forced.set()
        self.asked.set()


async def serve(settings: Settings, role: Role = Role.ALL) -> int:
    """Run until a signal ends it; return the exit status.

    A part that crashes ends the whole process: nothing runs on half alive. Raises `Invalid` where
    the settings can't be carried out.
    """
    set_up_logs(settings)
    _allow_many_files()
    stop = Stop()
    async with (
        _listening_to_signals(stop),
        open_system(settings, works=role.works) as system,
        _open_site(system, role) as runner,
    ):
        _spare_the_collector()
        status = 0
        try:
            await _run(system, role, runner, stop)
        except* Exception:
            log.exception("crashed")
            status = 1
    log.info("stopped")
    return _INTERRUPTED if stop.forced.is_set() else status


def _spare_the_collector() -> None:
    """Look for cycles less often, and never among what is there for good.

    By default the collector runs after 700 new objects: several times for one page of photos, which
    leaves no cycle behind. Fewer runs took a tenth off such an answer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)


def _allow_many_files() -> None:
    """Open as many files and sockets as this process may; shells begin with 1,024 or 256."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@asynccontextmanager
async def _listening_to_signals(stop: Stop) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        for number in _SIGNALS:
            loop.add_signal_handler(number, stop.ask)
            stack.callback(loop.remove_signal_handler, number)
        yield


def make_runner(system: System) -> web.AppRunner:
    """Make the HTTP side, not yet listening."""
    return Runner(
        create_app(system.services),
        # A few bytes may unpack to very many, and no client of ours packs any.
        auto_decompress=False,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        lingering_time=LINGERING_SECONDS,
        shutdown_timeout=system.services.settings.drain_seconds,
        access_log=None,
    )


@asynccontextmanager
async def _open_site(system: System, role: Role) -> AsyncIterator[web.AppRunner | None]:
    if not role.serves:
        yield None
        return
    settings = system.services.settings
    runner = make_runner(system)
    await runner.setup()
    try:
        await _listen(runner, settings)
        system.services.notifications.address = settings.public_url or _address(runner)
        yield runner
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, settings: Settings) -> None:
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as error:
        msg = f"can't listen on {settings.host} port {settings.port}: {error.strerror}"
        raise Invalid(msg, code="address_not_available") from error


def _address(runner: web.AppRunner) -> str:
    """Tell where the service listens, now that even a free port is known."""
    host, port = runner.addresses[0][:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def _run(system: System, role: Role, runner: web.AppRunner | None, stop: Stop) -> None:
    consumers = [Consumer(each, system.services.metrics) for each in system.work]
    async with asyncio.TaskGroup() as tasks:
        consuming = [tasks.create_task(consumer.run()) for consumer in consumers]
        background = [tasks.create_task(each.run()) for each in _background(system, role)]
        invoked = _invoked(tasks, runner)
        await _announce(system, runner)
        await stop.asked.wait()
        log.info("draining")
        for consumer in consumers:
            consumer.stop()
        ending = tasks.create_task(_end(system, runner, consuming))
        await _wait_for(ending, stop, system.services.settings.drain_seconds)
        for task in (ending, *consuming, *background, *invoked):
            task.cancel()


def _background(system: System, role: Role) -> Sequence[Sweeper | Watcher]:
    found: list[Sweeper | Watcher] = [system.sweeper] if role.works else []
    if role.serves and system.watcher:
        found.append(system.watcher)
    return found


def _invoked(
    tasks: asyncio.TaskGroup, runner: web.AppRunner | None
) -> Sequence[asyncio.Task[None]]:
    """Let the site answer a gateway too, where this is a function on AWS Lambda."""
    runtime = runtime_api()
    if runner is None or runtime is None:
        return []
    site = URL.build(scheme="http", host="127.0.0.1", port=runner.addresses[0][1])
    return [tasks.create_task(answer_invocations(runtime, site))]


async def _end(
    system: System, runner: web.AppRunner | None, consuming: Sequence[asyncio.Task[None]]
) -> None:
    """Let what was begun come to its end."""
    if runner:
        runner.app[READINESS].draining = True
    if consuming:
        # Long enough for a receive that is under way, and for a balancer to see the 503.
        await asyncio.wait(consuming, timeout=system.services.settings.poll_seconds)
    system.services.feed.close()
    if runner:
        await runner.cleanup()
    await asyncio.wait(consuming) if consuming else None


async def _wait_for(ending: asyncio.Task[None], stop: Stop, seconds: float) -> None:
    """Wait until all has ended, but not past the grace period or a second signal."""
    async with asyncio.TaskGroup() as tasks:
        forced = tasks.create_task(stop.forced.wait())
        await asyncio.wait({ending, forced}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        forced.cancel()


async def _announce(system: System, runner: web.AppRunner | None) -> None:
    """Say on stdout, once it is true, where the service is."""
    log.info("started", version=__version__)
    if runner is None:
        sys.stdout.write("imgtag worker is running\n")
        sys.stdout.flush()
        return
    public = system.services.settings.public_url
    sys.stdout.write(f"imgtag is ready: {_address(runner)}{f' ({public})' if public else ''}\n")
    code = await system.services.auth.setup_code()
    if code:
        sys.stdout.write(f"Make the first account there with the set-up code {code}\n")
    sys.stdout.flush()
