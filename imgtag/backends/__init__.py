"""Backends by name: built in, or brought by any installed package.

A package adds one through the entry-point group ``imgtag.backends``: the entry point's name is what
a setting such as ``IMGTAG_BLOBS`` says, and it loads a `Backend` that opens one or more ports.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final, Literal, Protocol, TypeVar, cast

from imgtag.domain.errors import Invalid
from imgtag.ports import (
    Authenticator,
    BlobStore,
    BundleStore,
    Catalog,
    Clock,
    EventQueue,
    ImportSource,
    ImportStore,
    Labeler,
    Notifier,
    RecordStore,
    Waker,
)
from imgtag.settings import Settings

GROUP: Final = "imgtag.backends"

Topic = Literal["photos", "bundles"]
T = TypeVar("T")
Opened = AbstractAsyncContextManager


@dataclass(frozen=True, slots=True)
class Context:
    """What a backend is opened with."""

    settings: Settings
    clock: Clock
    stack: AsyncExitStack
    _shared: dict[str, Any] = field(default_factory=dict)

    async def shared(self, name: str, resource: Callable[[], AbstractAsyncContextManager[T]]) -> T:
        """Enter *resource* the first time *name* is asked for; hand out the same one after that.

        For what several ports of one backend stand on, such as a database. It is left when the
        process ends, after the ports that use it.
        """
        if name not in self._shared:
            self._shared[name] = await self.stack.enter_async_context(resource())
        return cast("T", self._shared[name])


class OpenQueue(Protocol):
    """Opens the queue of one topic."""

    def __call__(self, context: Context, topic: Topic) -> Opened[EventQueue]:
        """Open it."""
        ...


class OpenCatalog(Protocol):
    """Opens a catalog that announces its writes on *events*."""

    def __call__(self, context: Context, events: EventQueue) -> Opened[Catalog]:
        """Open it."""
        ...


class OpenBundles(Protocol):
    """Opens a bundle store that announces its writes on *events*."""

    def __call__(self, context: Context, events: EventQueue) -> Opened[BundleStore]:
        """Open it."""
        ...


class OpenImports(Protocol):
    """Opens a store of imports that announces its writes on *events*."""

    def __call__(self, context: Context, events: EventQueue) -> Opened[ImportStore]:
        """Open it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """Openers for the ports that a backend has; None for those that it hasn't.

    Each opener is called once in a process and gives an adapter that is complete when entered.
    *needs* are the settings without which a port can't be opened; they are set when it is.
    """

    blobs: Callable[[Context], Opened[BlobStore]] | None = None
    queue: OpenQueue | None = None
    catalog: OpenCatalog | None = None
    bundles: OpenBundles | None = None
    records: Callable[[Context], Opened[RecordStore]] | None = None
    imports: OpenImports | None = None
    source: Callable[[Context], Opened[ImportSource]] | None = None
    labeler: Callable[[Context], Opened[Labeler]] | None = None
    notifier: Callable[[Context], Opened[Notifier]] | None = None
    auth: Callable[[Context], Opened[Authenticator]] | None = None
    waker: Callable[[Context], Opened[Waker]] | None = None
    parameters: Callable[[Context], Awaitable[Settings]] | None = None
    needs: Mapping[str, Sequence[str]] = field(default_factory=dict)


PORTS: Final = ("blobs", "catalog", "queue", "labeler", "notifier", "auth", "bundles")
# Imported when asked for, so that a process pays only for the libraries that it uses.
_BUILT_IN: Final = {
    "memory": "imgtag.backends.memory",
    "files": "imgtag.backends.local",
    "sqlite": "imgtag.backends.local",
    "onnx": "imgtag.backends.local",
    "outbox": "imgtag.backends.local",
    "none": "imgtag.backends.local",
    "local": "imgtag.backends.local",
    "s3": "imgtag.backends.aws",
    "dynamodb": "imgtag.backends.aws",
    "sqs": "imgtag.backends.aws",
    "rekognition": "imgtag.backends.aws",
    "sns": "imgtag.backends.aws",
    "ecs": "imgtag.backends.aws",
    "ssm": "imgtag.backends.aws",
    "oidc": "imgtag.backends.oidc",
}
# What brings the packages that not everybody needs.
_EXTRAS: Final = {"imgtag.backends.aws": "aws", "imgtag.backends.oidc": "oidc"}


def find(port: str, name: str) -> Any:
    """Find the opener of *port* in the backend called *name*.

    Raises `Invalid`, code ``unknown_backend``, when there is no such backend, when it lacks the
    port, or when the packages that it needs are not installed.
    """
    opener = getattr(_load(port, name), port, None)
    if opener is None:
        msg = f"the backend {name!r} has no {port}"
        raise Invalid(msg, code="unknown_backend")
    return opener


def must_be_set(settings: Settings, *ports: str) -> None:
    """Raise `Invalid`, code ``setting_missing``, for all settings at once that *ports* lack."""
    missing: dict[str, str] = {}
    for port in ports:
        name = getattr(settings, port)
        for setting in _load(port, name).needs.get(port, ()):
            if not getattr(settings, setting):
                missing.setdefault(setting, name)
    if missing:
        listed = ", ".join(f"IMGTAG_{each.upper()} ({name})" for each, name in missing.items())
        msg = f"not set, and needed by the backends that are chosen: {listed}"
        raise Invalid(msg, code="setting_missing")


async def open_records(context: Context) -> RecordStore:
    """Open the records, one store for all of a process: they are kept where the bundles are.

    Where the backend of the bundles keeps no records, they are in the data folder.
    """
    own = _load("bundles", context.settings.bundles).records
    opener: Callable[[Context], Opened[RecordStore]] = own or find("records", "sqlite")
    return await context.shared("records", lambda: opener(context))


def find_imports(settings: Settings) -> OpenImports:
    """Find where imports are kept: with the bundles, or else, as records, in the data folder."""
    own = _load("bundles", settings.bundles).imports
    opener: OpenImports = own or find("imports", "sqlite")
    return opener


def _load(port: str, name: str) -> Backend:
    if name in _BUILT_IN:
        try:
            module = import_module(_BUILT_IN[name])
        except ModuleNotFoundError as error:
            msg = f"the backend {name!r} for {port} needs a package that is missing: {error.name}"
            if _BUILT_IN[name] in _EXTRAS:
                msg += f"; pip install 'imgtag[{_EXTRAS[_BUILT_IN[name]]}]' brings it"
            raise Invalid(msg, code="unknown_backend") from error
        return cast("Backend", module.BACKENDS[name])
    for point in entry_points(group=GROUP, name=name):
        return cast("Backend", point.load())
    msg = f"there is no backend {name!r} for {port}"
    raise Invalid(msg, code="unknown_backend")
