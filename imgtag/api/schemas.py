"""The JSON that comes in and goes out. The OpenAPI document is made from these very models."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, NotRequired

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    RootModel,
    WithJsonSchema,
    WrapValidator,
)
from typing_extensions import TypedDict

from imgtag.domain.addresses import Channel
from imgtag.domain.bundles import BundleState
from imgtag.domain.errors import Invalid
from imgtag.domain.ids import PhotoId
from imgtag.domain.imports import ImportState
from imgtag.domain.labels import LabelName, Source
from imgtag.domain.photos import PhotoState
from imgtag.domain.queries import MAX_TERMS, Query, Sort
from imgtag.domain.times import rfc3339
from imgtag.ports import Scope

MAX_BATCH = 500
_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d")


def _checked(kind: Any) -> Any:
    """Turn a domain type that checks itself into a pydantic validator."""

    def check(text: str) -> Any:
        try:
            return kind(text)
        except Invalid as error:
            raise ValueError(error.detail) from error

    return AfterValidator(check)


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        msg = "lies outside of the calendar"
        raise ValueError(msg) from error


def _written(moment: object) -> object:
    """Refuse seconds since 1970, as a number or as text, which pydantic would take."""
    if isinstance(moment, datetime) or (isinstance(moment, str) and _DATE_TIME.match(moment)):
        return moment
    msg = "is no time as RFC 3339 writes it"
    raise ValueError(msg)


# JSON has neither times nor enumerations: a strict body takes the text that names one.
Named = Field(strict=False)
Time = Annotated[
    AwareDatetime,
    Named,
    BeforeValidator(_written),
    AfterValidator(_utc),
    PlainSerializer(rfc3339, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
LabelText = Annotated[str, Field(min_length=1, max_length=100), _checked(LabelName)]
# A field that is left out of the answer where there is nothing to say.
Told = Field(exclude_if=lambda value: value is None)
# What is made here by the thousand is checked by mypy; looking it through again would copy it.
Ours = WrapValidator(lambda value, _: value)
Limit = Annotated[int, Field(ge=1, le=500)]
PhotoRef = Annotated[str, Field(min_length=26, max_length=26, pattern=PhotoId.pattern.pattern)]


class Incoming(BaseModel):
    """A request body. A field that it doesn't know, or of another type, is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Outgoing(BaseModel):
    """A response body."""

    model_config = ConfigDict(frozen=True)


# Errors


class FieldProblem(Outgoing):
    """What is wrong with one part of a request."""

    pointer: str
    detail: str


class Problem(Outgoing):
    """An error, as RFC 9457 has it, with a stable *code* for programs."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: Annotated[list[FieldProblem] | None, Told] = None


# Uploads


class UploadRequest(Incoming):
    """One JPEG, as the AWS reference page announces it."""

    file_name: str


class Ticket(Outgoing):
    """Leave to send one photo's bytes: one request, with exactly these headers."""

    url: str
    photo_id: str
    method: Literal["PUT"]
    headers: dict[str, str]
    expires_at: Time


class FileToUpload(Incoming):
    """A file that a client would like to send. With *sha256*, a known photo needs no bytes."""

    file_name: str
    size: int
    content_type: str
    sha256: str | None = None


class UploadsRequest(Incoming):
    """Up to 500 files."""

    files: Annotated[list[FileToUpload], Field(min_length=1, max_length=MAX_BATCH)]


class Admitted(Outgoing):
    """What becomes of one file: send its bytes, it is known already, or why it can't be taken."""

    file_name: str
    status: Literal["new", "duplicate", "rejected"]
    photo_id: Annotated[str | None, Told] = None
    url: Annotated[str | None, Told] = None
    method: Annotated[Literal["PUT"] | None, Told] = None
    headers: Annotated[dict[str, str] | None, Told] = None
    expires_at: Annotated[Time | None, Told] = None
    code: Annotated[str | None, Told] = None
    detail: Annotated[str | None, Told] = None


class UploadsAnswer(Outgoing):
    """One entry for each file, in the order asked."""

    uploads: list[Admitted]


class Received(Outgoing):
    """The photo that the bytes became."""

    photo_id: str
    status: Literal["stored", "duplicate"]


# Photos and labels


# Labels, photos, counts and what is in them are no models: an answer has a thousand, and dicts take
# a third of the time. pydantic wants the TypedDict of typing_extensions before Python 3.12.
class BoxOut(TypedDict):
    """Where in the photo, as fractions of its width and height."""

    left: float
    top: float
    width: float
    height: float


class LabelOut(TypedDict):
    """A label on a photo."""

    name: str
    confidence: Annotated[float, Field(ge=0, le=100)]
    source: Source
    model: NotRequired[str]
    parents: tuple[str, ...]
    boxes: NotRequired[list[BoxOut]]


class FailureOut(TypedDict):
    """Why something failed."""

    code: str
    detail: str


class PhotoOut(TypedDict):
    """One photo. Sizes are bytes and pixels; what is not known yet is null."""

    id: str
    file_name: str
    content_type: str | None
    size: int | None
    sha256: str | None
    width: int | None
    height: int | None
    taken_at: Time | None
    created_at: Time
    state: PhotoState
    failure: NotRequired[FailureOut]
    labels: list[LabelOut]
    thumbnail_url: str | None
    trashed_at: Time | None


class OnePhoto(RootModel[Annotated[PhotoOut, Ours]]):
    """A photo that is the whole answer."""


class PhotosPage(Outgoing):
    """Some photos, and the cursor of the next ones."""

    photos: list[PhotoOut]
    next_cursor: str | None


LayoutEntry = tuple[str, int | None, int | None, Time | None]


class Layout(Outgoing):
    """What a grid needs of every photo, in order: id, width, height, taken_at."""

    photos: list[LayoutEntry]


class LabelTotal(TypedDict):
    """How many photos carry a label; *cover* is the thumbnail of one, when asked for."""

    count: int
    cover: NotRequired[str]


class LabelsAnswer(Outgoing):
    """Labels by name, most photos first."""

    labels: Annotated[Mapping[str, LabelTotal], Ours]


class LabelEdit(Incoming):
    """Labels to add and to remove. What is removed stays removed when a machine looks again."""

    add: Annotated[list[LabelText], Field(max_length=MAX_TERMS)] = []
    remove: Annotated[list[LabelText], Field(max_length=MAX_TERMS)] = []


class PhotoPatch(Incoming):
    """A change to one photo."""

    labels: LabelEdit


class QueryIn(Incoming):
    """A condition on photos; every part that is given must hold."""

    all: list[LabelText] = []
    any: list[LabelText] = []
    none: list[LabelText] = []
    unlabelled: bool = False
    state: Annotated[PhotoState | None, Named] = None
    q: Annotated[str, Field(max_length=255)] = ""
    photo_ids: list[PhotoRef] = []

    def query(self) -> Query:
        """Say it in the words of the domain."""
        return Query(
            all=tuple(map(LabelName, self.all)),
            any=tuple(map(LabelName, self.any)),
            none=tuple(map(LabelName, self.none)),
            unlabelled=self.unlabelled,
            state=self.state,
            text=unicodedata.normalize("NFC", self.q),  # as file names are kept
            photo_ids=tuple(map(PhotoId, self.photo_ids)),
        )


class BulkEdit(Incoming):
    """A change to many photos: those that are named, or those that match."""

    photo_ids: Annotated[list[PhotoRef], Field(max_length=10_000)] | None = None
    query: QueryIn | None = None
    labels: LabelEdit


class Changed(Outgoing):
    """How many photos are different now."""

    changed: int


class Deleted(Outgoing):
    """How many photos are gone for good."""

    deleted: int


class PhotosQuery(QueryIn):
    """The query string of a list of photos."""

    trashed: bool = False
    sort: Sort = Sort.NEWEST_TAKEN

    def query(self) -> Query:
        """Say it in the words of the domain."""
        return replace(super().query(), trashed=self.trashed)


class PhotosPageQuery(PhotosQuery):
    """The query string of a page of photos."""

    cursor: str | None = None
    limit: Limit = 100


class PageQuery(Incoming):
    """The query string of any other list."""

    cursor: str | None = None
    limit: Limit = 100


class LabelsQuery(Incoming):
    """The query string of the labels."""

    covers: bool = False


class ThumbnailQuery(Incoming):
    """What makes a thumbnail's URL work without signing in; all of it comes with the photo."""

    owner: str = ""
    until: str = ""
    key: str = ""


# Bundles


class PreviewRequest(Incoming):
    """What a bundle would hold."""

    query: QueryIn
    sidecars: bool = False


class Preview(Outgoing):
    """How many photos, and the exact size of the archive in bytes."""

    photos: int
    bytes: int


class BundleRequest(Incoming):
    """Asks for a bundle. *sidecars* adds an XMP file with the labels beside each photo."""

    query: QueryIn
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    sidecars: bool = False


class DownloadRequest(Incoming):
    """Asks for photos that have any of these labels, as the AWS reference page does."""

    labels: Annotated[list[LabelText], Field(min_length=1, max_length=MAX_TERMS)]


class QueryOut(Outgoing):
    """What was asked for."""

    all: list[str]
    any: list[str]
    none: list[str]
    unlabelled: bool
    state: PhotoState | None
    q: str
    photo_ids: list[str]


class ProgressOut(Outgoing):
    """How much is done."""

    photos: int
    bytes: int


class BundleOut(Outgoing):
    """One bundle. *photos* and *bytes* are exact from the start; *link* works once it is ready."""

    id: str
    name: str
    query: QueryOut
    sidecars: bool
    state: BundleState
    photos: int
    bytes: int
    progress: ProgressOut
    failure: Annotated[FailureOut | None, Told] = None
    created_at: Time
    ready_at: Time | None
    expires_at: Time | None
    link: Annotated[str | None, Told] = None


class BundlesPage(Outgoing):
    """Some bundles, newest first."""

    bundles: list[BundleOut]
    next_cursor: str | None


# Imports


class ImportRequest(Incoming):
    """A folder or a bucket with a prefix that photos are to be taken over from."""

    source: Annotated[str, Field(min_length=1, max_length=2048)]


class LabellingCost(Outgoing):
    """What labelling costs at list price, at most: how many calls, and US dollars in all."""

    calls: int
    dollars: float


class EstimateOut(Outgoing):
    """What an import would find, without having looked into a file.

    *known* of the *files* were imported before. *skipped* more are empty, too large or no files at
    all. Without *complete* there is more than was counted.
    """

    source: str
    files: int
    bytes: int
    known: int
    skipped: int
    labelling: LabellingCost
    complete: bool


class SkippedOut(Outgoing):
    """A file that was left out. *file_name* is its place below the source."""

    file_name: str
    code: str
    detail: str


class ImportOut(Outgoing):
    """One import. *found* is *copied*, *duplicates* and *skipped* together.

    *failures* are the first 100 of those that were skipped; *bytes* are those of the copied ones.
    """

    id: str
    source: str
    state: ImportState
    found: int
    copied: int
    duplicates: int
    skipped: int
    bytes: int
    failures: list[SkippedOut]
    failure: Annotated[FailureOut | None, Told] = None
    created_at: Time
    finished_at: Time | None


class ImportsPage(Outgoing):
    """Some imports, newest first."""

    imports: list[ImportOut]
    next_cursor: str | None


# People


class SignIn(Incoming):
    """Name and password of a local account."""

    username: Annotated[str, Field(max_length=200)]
    password: Annotated[str, Field(max_length=1024)]


class SignInQuery(Incoming):
    """Where to go once signed in: a path of this site; anything else is its first page."""

    back_to: str = "/"


class SetUp(Incoming):
    """The first account, with the code that the server prints at start."""

    code: Annotated[str, Field(max_length=200)]
    username: Annotated[str, Field(max_length=200)]
    password: Annotated[str, Field(max_length=1024)]


class Session(Outgoing):
    """Who is asking."""

    username: str
    owner: str
    mode: str
    scopes: list[Scope]


class TokenRequest(Incoming):
    """Asks for an API token."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: Annotated[list[Annotated[Scope, Named]], Field(min_length=1)] = [
        Scope.READ,
        Scope.WRITE,
    ]
    expires_at: Time | None = None


class TokenOut(Outgoing):
    """An API token without its secret."""

    id: str
    name: str
    scopes: list[Scope]
    created_at: Time
    expires_at: Time | None
    last_used_at: Time | None


class TokenMade(TokenOut):
    """A new API token. *token* is the secret, and is shown this once."""

    token: str


class TokensPage(Outgoing):
    """Some tokens, oldest first."""

    tokens: list[TokenOut]
    next_cursor: str | None


class NotificationsChange(Incoming):
    """Where news of bundles shall go. What is left out stays as it is; null ends it."""

    email: Annotated[str, Field(max_length=300)] | None = None
    sms: Annotated[str, Field(max_length=100)] | None = None


class Notifications(Outgoing):
    """Where news of bundles goes, as far as it may be told: hints, and no addresses.

    *unconfirmed* are those whose holder has not agreed yet, and *channels* what this installation
    sends by itself.
    """

    email: Annotated[str | None, Told] = None
    sms: Annotated[str | None, Told] = None
    unconfirmed: list[Channel]
    channels: list[Channel]


# The service


class AuthConfig(Outgoing):
    """How one signs in, and out: where a provider does that, the page sends the browser there."""

    mode: str
    setup_due: bool
    login_url: str | None
    logout_url: str | None


class LimitsConfig(Outgoing):
    """How much is taken at once. Sizes are bytes."""

    max_photo_bytes: int
    max_batch: int
    max_name: int


class FeaturesConfig(Outgoing):
    """What this installation can do."""

    imports: bool
    notifications: bool


class Config(Outgoing):
    """What the page needs to start."""

    version: str
    auth: AuthConfig
    limits: LimitsConfig
    formats: list[str]
    features: FeaturesConfig


class TallyOut(Outgoing):
    """Photos by state."""

    total: int
    awaiting: int
    stored: int
    labelled: int
    failed: int
    trashed: int


class Status(Outgoing):
    """How things stand."""

    photos: TallyOut
    version: str
    backends: dict[str, str]


class Health(Outgoing):
    """Whether the service is well; *failing* names the parts that are not."""

    status: Literal["ok", "failing", "draining"]
    failing: list[str] = []
