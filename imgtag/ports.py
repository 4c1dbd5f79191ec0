"""Every port of imgtag: what the inside asks of the world, and may rely on.

An adapter does not inherit from these; the type checker compares. Each method may raise
`Unavailable` when its dependency can't answer, and nothing else that its docstring doesn't name.
The owner always comes first; what belongs to another owner is `NotFound`.

Whatever implements a port passes its suite in `imgtag.testing.contracts`.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from imgtag.domain.addresses import Channel
from imgtag.domain.bundles import Bundle
from imgtag.domain.events import Event
from imgtag.domain.ids import BundleId, ImportId, OwnerId, PhotoId, TokenId
from imgtag.domain.imports import Import
from imgtag.domain.keys import BlobKey
from imgtag.domain.labels import LabelChange, LabelCount, LabelHit
from imgtag.domain.photos import Content, Facts, Failure, Framing, Photo, Raster
from imgtag.domain.queries import LayoutRow, Page, Position, Query, Sort, Tally
from imgtag.domain.sources import Scheme, Source


class Clock(Protocol):
    """Time, so that tests can set it."""

    def now(self) -> datetime:
        """Tell the time in UTC, in whole milliseconds."""


# Bytes


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """What a store knows of a blob without reading it. *size* is in bytes."""

    size: int
    content_type: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class UploadTicket:
    """Leave to send one photo's bytes: one request of *method* to *url* with exactly *headers*."""

    url: str
    method: str
    headers: Mapping[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class UploadTerms:
    """What an upload must look like. Sizes are bytes; None leaves it open, up to *max_bytes*."""

    content_type: str
    max_bytes: int
    expires_at: datetime
    size: int | None = None
    sha256: str | None = None


class BlobWriter(Protocol):
    """One blob on its way in."""

    async def write(self, chunk: bytes) -> None:
        """Append *chunk*; waits when the store is slower than the caller."""


class BlobStore(Protocol):
    """Photos, thumbnails, manifests and archives, as bytes under keys."""

    async def stat(self, key: BlobKey) -> BlobInfo:
        """Describe a blob, or raise `NotFound`."""

    def read(
        self, key: BlobKey, start: int = 0, stop: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Stream the bytes from *start* up to *stop* (exclusive; None is the end).

        Entering raises `NotFound` when there is no such blob. Whatever limit the store puts on
        open connections, this one counts until the context is left.
        """

    def write(self, key: BlobKey, *, content_type: str) -> AbstractAsyncContextManager[BlobWriter]:
        """Replace the blob by what is written.

        It is visible, whole and durable, only once the context was left without an error. After an
        error or a cancellation the store is as if nothing had begun, and an older blob is intact.
        """

    async def delete(self, key: BlobKey) -> None:
        """Remove the blob; absent is fine."""

    def keys(self) -> AsyncIterator[BlobKey]:
        """Every key of every owner, in no order. For `doctor`; may take long."""

    def local_path(self, key: BlobKey) -> str | None:
        """Where the bytes lie on this machine, so that the kernel can send them; None elsewhere.

        The file may be absent. It is never written to. A text and no `Path`, for a download asks
        for tens of thousands of them, and a `Path` takes longer to make than a file to open.
        """

    async def upload_ticket(self, key: BlobKey, terms: UploadTerms) -> UploadTicket | None:
        """Sign a URL that takes the bytes within *terms*; None where imgtag has to take them."""

    async def download_url(
        self, key: BlobKey, *, file_name: str, content_type: str, expires_in: timedelta
    ) -> str | None:
        """Sign a URL that hands out the blob as *file_name*; None where imgtag has to send it."""


# Photos


class Catalog(Protocol):
    """What is known of photos, their labels and how many there are.

    Every write is one transaction with the counts it changes. Where a method takes an *event*, a
    catalog that shares its store with the queue writes both in that transaction; any other sends
    it right after, and the sweeper sends again what a crash between the two has swallowed.
    """

    async def reserve(self, owner: OwnerId, photos: Sequence[Photo]) -> Sequence[Photo]:
        """Add photos that await their bytes; answer with one photo for each, in order.

        Where the owner already has a photo with the same *sha256* (in the library, in the trash,
        awaiting, or earlier in *photos*), that one is the answer and nothing is added. So it is
        with the same id: the answer is what `get` gives.
        """

    async def store(
        self, owner: OwnerId, photo: PhotoId, content: Content, event: Event | None
    ) -> Photo:
        """Record that the bytes are there, durable, and are *content*.

        Where the owner has another photo with the same bytes, the reservation ends and that other
        photo is the answer, now and for every later `get` of this id. The same call again changes
        nothing and sends nothing. Raises `NotFound`, or `Conflict` when other bytes were recorded.
        """

    async def label(
        self,
        owner: OwnerId,
        photo: PhotoId,
        sha256: str,
        facts: Facts,
        hits: Sequence[LabelHit],
        *,
        model: str,
    ) -> Photo:
        """Replace what machines said of this content by *hits*; the photo is LABELLED.

        Users' labels and removals stand (`LabelSet.relabelled`). Raises `NotFound`, or `Conflict`
        when the photo's bytes are no longer *sha256*. The same call again changes nothing.
        """

    async def fail(
        self, owner: OwnerId, photo: PhotoId, sha256: str, failure: Failure, facts: Facts | None
    ) -> Photo:
        """Record why this content got no labels; the photo is FAILED. Errors as in `label`."""

    async def relabel(self, owner: OwnerId, photo: PhotoId, event: Event) -> Photo:
        """Set the photo back to STORED and send *event*. `NotFound`; `Conflict` if awaiting."""

    async def get(self, owner: OwnerId, photo: PhotoId) -> Photo:
        """Fetch one photo, in the trash or not, or raise `NotFound`."""

    async def get_many(self, owner: OwnerId, photos: Sequence[PhotoId]) -> Sequence[Photo]:
        """Fetch those of *photos* that exist, in the order asked."""

    async def edit(self, owner: OwnerId, photos: Sequence[PhotoId], change: LabelChange) -> int:
        """Apply a user's *change* to each of *photos* and say how many it changed.

        Ids that the owner doesn't have count as unchanged.
        """

    async def trash(self, owner: OwnerId, photo: PhotoId, at: datetime) -> Photo:
        """Move to the trash; counts follow at once. In the trash already is fine. `NotFound`."""

    async def restore(self, owner: OwnerId, photo: PhotoId) -> Photo:
        """Move back from the trash. Not in the trash is fine. Raises `NotFound`."""

    async def discard(self, owner: OwnerId, photo: PhotoId, event: Event) -> None:
        """Forget a photo that lies in the trash or awaits its bytes, for good, and send *event*.

        Absent is fine. Raises `Conflict` for a photo that is in the library.
        """

    async def page(
        self, owner: OwnerId, query: Query, sort: Sort, *, after: Position | None, limit: int
    ) -> Page:
        """List the photos that match, *limit* at a time, by key and not by number.

        A page may be short of *limit* and still have a next one.
        """

    async def layout(self, owner: OwnerId, query: Query, sort: Sort) -> Sequence[LayoutRow]:
        """List every photo that matches, in the order of `page`, as little as a grid needs."""

    async def counts(self, owner: OwnerId, *, covers: bool = False) -> Sequence[LabelCount]:
        """Every label that a photo of the library carries, most photos first, then by name.

        *covers* asks for the newest photo of each.
        """

    async def tally(self, owner: OwnerId) -> Tally:
        """Count photos by state."""

    async def recount(self, owner: OwnerId) -> Mapping[str, int]:
        """Count labels afresh, from the photos themselves: folded name to number. For `doctor`."""

    async def repair_counts(self, owner: OwnerId) -> None:
        """Make `counts` equal `recount`."""

    def owners(self) -> AsyncIterator[OwnerId]:
        """Every owner that has photos."""

    def stuck(self, *, before: datetime) -> AsyncIterator[Photo]:
        """Photos of all owners that stand since *before* as AWAITING or STORED. For the sweeper."""

    def trashed(self, *, before: datetime) -> AsyncIterator[Photo]:
        """Photos of all owners that were put in the trash before *before*. For the sweeper."""


# Bundles


class BundleStore(Protocol):
    """Bundles, by owner and by link."""

    async def create(
        self, bundle: Bundle, *, idempotency_key: str | None, event: Event | None
    ) -> Bundle:
        """Add *bundle* and send *event* (see `Catalog`).

        Where this owner made one with the same *idempotency_key* in the last 24 hours, that one is
        the answer and nothing is added. Raises
        `Conflict`, code ``idempotency_key_reused``, when that one was asked for otherwise.
        """

    async def get(self, owner: OwnerId, bundle: BundleId) -> Bundle:
        """Fetch one bundle, or raise `NotFound`."""

    async def by_key(self, owner: OwnerId, idempotency_key: str) -> Bundle:
        """Fetch the bundle that `create` would answer this key with now, or raise `NotFound`."""

    async def by_token(self, token: str) -> Bundle:
        """Fetch the bundle that a short link means, or raise `NotFound`."""

    async def page(
        self, owner: OwnerId, *, after: BundleId | None, limit: int
    ) -> tuple[Sequence[Bundle], BundleId | None]:
        """List bundles, newest first, and say after which one the next page starts."""

    async def replace(self, bundle: Bundle, *, event: Event | None = None) -> Bundle:
        """Write *bundle* if the stored one still has its *revision*; answer with the next revision.

        *event* is sent with it (see `Catalog`), but no sweeper sends that again. Raises `Conflict`
        when somebody else was first, `NotFound` when it is gone.
        """

    async def forget(self, owner: OwnerId, bundle: BundleId) -> None:
        """Remove the row; absent is fine."""

    def unfinished(self, *, before: datetime) -> AsyncIterator[Bundle]:
        """Bundles of all owners that ended or expired, or whose lease ran out, before *before*.

        QUEUED ones count from when they were created. For the sweeper.
        """


# Imports


class ImportStore(Protocol):
    """Imports, and which files were taken over by any of them."""

    async def create(self, imported: Import, event: Event) -> None:
        """Add *imported* and send *event* (see `Catalog`)."""

    async def get(self, owner: OwnerId, imported: ImportId) -> Import:
        """Fetch one import, or raise `NotFound`."""

    async def page(
        self, owner: OwnerId, *, after: ImportId | None, limit: int
    ) -> tuple[Sequence[Import], ImportId | None]:
        """List imports, newest first, and say after which one the next page starts."""

    async def replace(
        self,
        imported: Import,
        *,
        taken: Mapping[str, PhotoId] | None = None,
        event: Event | None = None,
    ) -> Import:
        """Write *imported* if the stored one still has its *revision*; answer with the next one.

        Remembers *taken*: which photo each file became, the file told by its mark. Sends *event*.
        Raises `Conflict` when somebody else was first, `NotFound` when it is gone.
        """

    async def taken(self, owner: OwnerId, marks: Collection[str]) -> Mapping[str, PhotoId]:
        """Say which of these files were taken over for this owner, as which photo."""

    async def forget(self, owner: OwnerId, imported: ImportId) -> None:
        """Remove the import, but not what is known of its files; absent is fine."""

    def idle(self, *, before: datetime) -> AsyncIterator[Import]:
        """Imports of all owners that nobody has written to since *before*. For the sweeper."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file at a source: *path* is for people and *key* for the source. *size* is in bytes.

    *mark* is the same for the same file as long as its content is, for all that can be told without
    reading it, and differs from all others, at any source. *refusal* says why it can't be opened.
    """

    key: str
    path: str
    size: int
    mark: str
    refusal: Failure | None = None


@dataclass(frozen=True, slots=True)
class SourcePage:
    """Some files in an order that stays, and where the next page starts; None at the end."""

    files: Sequence[SourceFile]
    next: str | None


class SourceReading(Protocol):
    """One file that is open: what is read, and what is copied, is the file that was listed."""

    @property
    def head(self) -> bytes:
        """The first 4,096 bytes, or all."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Stream all of it. Raises `Invalid` where it changed meanwhile."""

    async def copy_to(self, key: BlobKey, *, content_type: str) -> bool:
        """Copy it there without its bytes passing through here; False where that can't be done.

        A blob that is there already is left as it is. Errors as in `chunks`.
        """


class ImportSource(Protocol):
    """Places of one kind that photos are imported from."""

    async def page(self, source: Source, *, after: str | None, limit: int) -> SourcePage:
        """List the files in *source* and below, *limit* at a time. A page may be short.

        Raises `Invalid`, code ``source_not_found`` or ``source_not_readable``.
        """

    def open(self, source: Source, file: SourceFile) -> AbstractAsyncContextManager[SourceReading]:
        """Open one of the files listed. Entering raises `Invalid`, or `NotFound` if it is gone."""


# Events


class Delivery(Protocol):
    """One event, leased to whoever received it."""

    @property
    def event(self) -> Event | None:
        """What happened; None when the message can't be read and belongs to the dead letters."""

    @property
    def attempt(self) -> int:
        """How often it was received, this time included."""

    async def acknowledge(self) -> None:
        """Done: never deliver it again. Twice is fine, and so is after the lease ended."""

    async def extend(self) -> None:
        """Start the lease anew."""

    async def release(self, *, after: timedelta = timedelta(0)) -> None:
        """Give it back, to be delivered again not before *after*."""

    async def bury(self, reason: str) -> None:
        """Put it with the dead letters."""


class EventQueue(Protocol):
    """Events, delivered at least once, in no promised order."""

    @property
    def lease_seconds(self) -> float:
        """How long a delivery is hidden from others before it must be extended."""

    async def send(self, event: Event, *, after: timedelta = timedelta(0)) -> None:
        """Add *event*; durable on return. It is delivered not before *after*."""

    async def receive(self, *, limit: int, wait: timedelta) -> Sequence[Delivery]:
        """Lease up to *limit* events, waiting up to *wait* for the first.

        Let it finish: a cancelled call may hide events until their lease ends.
        """

    async def waiting(self) -> int:
        """Roughly how many events are not acknowledged yet."""

    async def dead_letters(self) -> int:
        """How many events were given up on."""

    async def redrive(self) -> int:
        """Deliver everything that was given up on again, as if it were new; say how many."""


# Records


@dataclass(frozen=True, slots=True)
class Record:
    """A few named texts, kept as *name* on a *shelf*; gone once it is *until*."""

    shelf: str
    name: str
    values: Mapping[str, str]
    until: datetime | None = None


class RecordStore(Protocol):
    """What services and adapters have to remember beside photos and bundles.

    Sessions, API tokens, where news goes: small, few for each owner, each written as a whole.
    *shelf* and *name* are at most 200 printable ASCII characters, all values together 64 KiB.
    """

    async def get(self, shelf: str, name: str) -> Record | None:
        """Fetch one record; None when there is none, or its time is over."""

    async def list(self, shelf: str) -> Sequence[Record]:
        """Fetch a whole shelf, by name."""

    async def put(self, record: Record) -> None:
        """Keep *record*, whatever was in its place."""

    async def swap(self, old: Record | None, new: Record) -> bool:
        """Put *new* in the place of *old*, or where nothing is; tell whether *old* was there."""

    async def take(self, shelf: str, name: str) -> Record | None:
        """Remove a record and fetch what it was. Of several who take it, one gets it."""


# Labels


@dataclass(frozen=True, slots=True)
class Rendition:
    """A picture made by imgtag for a labeler: upright, sRGB, without metadata.

    *raster* is the same picture once more, framed and decoded, where `Labeler.raster` asks for it
    and the photo was decoded by this process's children.
    """

    jpeg: bytes
    raster: Raster | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """A photo as a labeler gets it: where the original lies, what it is, and a *rendition*."""

    key: BlobKey
    sha256: str
    size: int
    facts: Facts
    rendition: Rendition


class Labeler(Protocol):
    """Says what is in a photo."""

    @property
    def model(self) -> str:
        """The name and version of what answers; it is kept with each label."""

    @property
    def rendition_side(self) -> int:
        """How many pixels the longest side of a rendition should have, at most."""

    @property
    def raster(self) -> Framing | None:
        """How `Rendition.raster` should be framed; None where a JPEG is all that it reads."""

    @property
    def dollars_per_photo(self) -> float:
        """The list price of one answer in US dollars, at most; 0 where asking is free."""

    async def detect(self, subject: Subject) -> Sequence[LabelHit]:
        """Say what is in the photo, ancestors included. Nothing sure enough is an empty answer.

        Raises `Invalid` (or a child of it) for a photo that it can't read.
        """


# People


class Scope(StrEnum):
    """What a credential may do."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking. *token* is set when an API token speaks for them."""

    owner: OwnerId
    username: str
    scopes: frozenset[Scope] = frozenset(Scope)
    token: TokenId | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: the *secret* goes into the cookie and is kept nowhere else."""

    principal: Principal
    secret: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ApiToken:
    """An API token without its secret."""

    id: TokenId
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that goes on at *url*, and comes back with *state*.

    What is *kept* has to come to `CodeFlow.finish` from the same browser, as it is.
    """

    url: str
    state: str
    kept: Mapping[str, str]
    expires_at: datetime


class CodeFlow(Protocol):
    """Signs people in on the pages of an identity provider."""

    async def begin(self, *, redirect_uri: str) -> Begun:
        """Begin a sign-in that comes back to *redirect_uri*."""

    async def finish(self, parameters: Mapping[str, str], kept: Mapping[str, str]) -> SignedIn:
        """End it with the *parameters* that came back: a session begins.

        Raises `Unauthenticated`: code ``sign_in_stale`` when they don't belong to what was *kept*,
        or come too late, ``sign_in_refused`` when the provider, or its answer, is against it.
        """

    async def sign_out_url(self, back_to: str) -> str | None:
        """Tell where one signs out at the provider too, to return to *back_to*; None for nowhere.

        A session here has to be ended before.
        """


class Authenticator(Protocol):
    """Knows people by what they present."""

    @property
    def mode(self) -> str:
        """How one signs in: ``none``, ``local`` or ``oidc``."""

    @property
    def code_flow(self) -> CodeFlow | None:
        """How one signs in with mode ``oidc``; None with any other."""

    async def anonymous(self) -> Principal | None:
        """Who somebody without any credential is; None where one has to sign in."""

    async def by_session(self, secret: str) -> Principal:
        """Who the session cookie belongs to. Raises `Unauthenticated`."""

    async def by_bearer(self, token: str) -> Principal:
        """Who an API token or an identity provider's token speaks for. `Unauthenticated`."""

    async def sign_in(self, username: str, password: str) -> SignedIn:
        """Begin a session. `Unauthenticated`, alike for a wrong name and a wrong password."""

    async def sign_out(self, secret: str) -> None:
        """End a session at once; unknown is fine."""

    async def setup_code(self) -> str | None:
        """Tell the one-time code that makes the first account; None once there is one."""

    async def set_up(self, code: str, username: str, password: str) -> SignedIn:
        """Make the first account. `Forbidden` for a wrong code, `Conflict` once there is one."""

    async def tokens(self, owner: OwnerId) -> Sequence[ApiToken]:
        """List the owner's API tokens, oldest first."""

    async def create_token(
        self,
        principal: Principal,
        name: str,
        scopes: frozenset[Scope],
        expires_at: datetime | None,
    ) -> tuple[ApiToken, str]:
        """Make a token that speaks for *principal*; the secret is shown this once."""

    async def revoke_token(self, owner: OwnerId, token: TokenId) -> None:
        """End a token at once. Raises `NotFound`."""


# News


@dataclass(frozen=True, slots=True)
class Notice:
    """News for an owner who is away. *id* stays the same when it is sent again."""

    id: str
    owner: OwnerId
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """That news goes to somebody. *hint* is as much of the address as may be shown.

    Before its holder has agreed, a subscription is not *confirmed* and gets nothing.
    """

    channel: Channel
    hint: str
    confirmed: bool = True


class Notifier(Protocol):
    """Reaches people outside of the page. It alone knows their addresses."""

    @property
    def channels(self) -> frozenset[Channel]:
        """By what it reaches people itself. Other addresses it keeps, for whoever sends on."""

    async def notify(self, notice: Notice) -> None:
        """Send it, at least once, to every address of its owner; to none is fine."""

    async def subscribe(self, owner: OwnerId, channel: Channel, address: str) -> None:
        """Send to *address* (see `address_of`) from now on, and no longer to an earlier one.

        Raises `Invalid` for an address that can't be reached, and `Conflict`, code
        ``address_in_use``, where another owner has it and the channel can't serve both.
        """

    async def unsubscribe(self, owner: OwnerId, channel: Channel) -> None:
        """Send nothing more there; absent is fine."""

    async def subscriptions(self, owner: OwnerId) -> Sequence[Subscription]:
        """Tell where the owner's news goes, at most one for each channel, by name."""


class Waker(Protocol):
    """Wakes whoever handles events, where nobody may be awake."""

    async def wake(self) -> None:
        """See to it that a worker runs, or does so shortly. It may be that it can't: no error."""


@runtime_checkable
class Reachable(Protocol):
    """What an adapter has on top where none of its port's calls just looks.

    For `doctor`, and for whether the service is ready.
    """

    async def reach(self) -> None:
        """Ask its dependency for something that changes nothing. Raises `ImgtagError`."""


@dataclass(frozen=True, slots=True)
class Backends:
    """One of each port: what the inside runs on.

    *sources* are those that imports are allowed from. *waker* is None where workers never sleep.
    """

    blobs: BlobStore
    catalog: Catalog
    bundles: BundleStore
    records: RecordStore
    imports: ImportStore
    sources: Mapping[Scheme, ImportSource]
    photo_events: EventQueue
    bundle_events: EventQueue
    labeler: Labeler
    notifier: Notifier
    auth: Authenticator
    waker: Waker | None = None
