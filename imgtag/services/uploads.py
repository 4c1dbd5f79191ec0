"""Taking photos in: a ticket for each file, then its bytes."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from weakref import WeakValueDictionary

from imgtag.domain.errors import (
    Conflict,
    Forbidden,
    ImgtagError,
    Invalid,
    NotFound,
    TooLarge,
    Unsupported,
)
from imgtag.domain.events import PhotoStored
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.photos import Content, Photo, PhotoState, accept, file_name_of, sha256_of
from imgtag.pipeline.checksums import Checksums
from imgtag.ports import BlobStore, Catalog, Clock, UploadTerms, UploadTicket
from imgtag.services.feed import Feed
from imgtag.services.signing import Signer

_PURPOSE: Final = "upload"
_ID_BYTES: Final = 10


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that a client would like to send. *size* is in bytes."""

    file_name: str
    content_type: str
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of one `NewFile`: a ticket, a photo that equals it, or a refusal."""

    file_name: str
    photo: Photo | None = None
    ticket: UploadTicket | None = None
    refusal: ImgtagError | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """The photo that the bytes became. *duplicate* says that the owner already had it."""

    photo: Photo
    duplicate: bool


class Uploads:
    """Admits files, hands out tickets and takes the bytes where the store can't do so itself.

    *direct* says that somebody will tell of what the store takes itself.
    """

    def __init__(  # noqa: PLR0913 - each is a thing of its own
        self,
        blobs: BlobStore,
        catalog: Catalog,
        *,
        clock: Clock,
        signer: Signer,
        feed: Feed,
        max_photo_bytes: int,
        direct: bool = True,
    ) -> None:
        self._blobs = blobs
        self._catalog = catalog
        self._clock = clock
        self._signer = signer
        self._feed = feed
        self._max_photo_bytes = max_photo_bytes
        self._direct = direct
        self._arriving: WeakValueDictionary[PhotoId, asyncio.Lock] = WeakValueDictionary()

    async def admit(
        self, owner: OwnerId, files: Sequence[NewFile], *, origin: str, lifetime: timedelta
    ) -> Sequence[Admission]:
        """Give each of *files* a ticket, or say why not, in order; one refusal stops no other.

        *origin* is where this service is reached, for stores that can't take uploads themselves.
        """
        now = self._clock.now()
        admissions = [self._checked(owner, file, now) for file in files]
        wanted = [admission.photo for admission in admissions if admission.photo]
        reserved = iter(await self._catalog.reserve(owner, wanted))
        ticketed: set[PhotoId] = set()
        answers = []
        for file, admission in zip(files, admissions, strict=True):
            if not admission.photo:
                answers.append(admission)
                continue
            photo = next(reserved)
            photo = await self._wanted_again(photo)
            if photo.state is not PhotoState.AWAITING or photo.id in ticketed:
                answers.append(Admission(file.file_name, photo))
                continue
            ticketed.add(photo.id)
            ticket = await self._ticket(photo, file, origin, now + lifetime)
            answers.append(Admission(file.file_name, photo, ticket))
        return answers

    def _checked(self, owner: OwnerId, file: NewFile, now: datetime) -> Admission:
        try:
            accept(
                content_type=file.content_type,
                size=1 if file.size is None else file.size,
                max_bytes=self._max_photo_bytes,
            )
            photo = Photo(
                owner=owner,
                id=PhotoId.mint(now, secrets.token_bytes(_ID_BYTES)),
                file_name=file_name_of(file.file_name),
                created_at=now,
                content_type=file.content_type,
                size=file.size,
                sha256=sha256_of(file.sha256) if file.sha256 else None,
            )
        except Invalid as refusal:
            return Admission(file.file_name, refusal=refusal)
        return Admission(file.file_name, photo)

    async def _ticket(
        self, photo: Photo, file: NewFile, origin: str, expires_at: datetime
    ) -> UploadTicket:
        terms = UploadTerms(
            content_type=file.content_type,
            max_bytes=self._max_photo_bytes,
            expires_at=expires_at,
            size=file.size,
            sha256=photo.sha256,
        )
        key = BlobKey(photo.owner, BlobKind.ORIGINAL, photo.id)
        ticket = await self._blobs.upload_ticket(key, terms) if self._direct else None
        return ticket or UploadTicket(
            url=f"{origin}/api/uploads/{self._sign(key, terms)}",
            method="PUT",
            headers={"Content-Type": terms.content_type},
            expires_at=expires_at,
        )

    def _sign(self, key: BlobKey, terms: UploadTerms) -> str:
        claims = {
            "o": key.owner,
            "p": key.name,
            "t": terms.content_type,
            "m": terms.max_bytes,
            "e": terms.expires_at.timestamp(),
            "s": terms.size,
            "h": terms.sha256,
        }
        return self._signer.sign(_PURPOSE, claims)

    async def receive(
        self,
        ticket: str,
        body: AsyncIterator[bytes],
        *,
        content_type: str,
        content_length: int | None,
    ) -> Received:
        """Take the bytes that *ticket* was given for; they are durable and catalogued on return.

        The same bytes again are welcome, other bytes are a `Conflict`. Whatever doesn't keep to the
        ticket raises `Forbidden`, `Invalid`, `TooLarge` or `Unsupported`, and nothing is kept.
        """
        claims = self._signer.open(_PURPOSE, ticket)
        terms = self._terms(claims)
        _check_headers(terms, content_type, content_length)
        owner, photo_id = OwnerId(claims["o"]), PhotoId(claims["p"])
        async with self._alone(photo_id):
            photo = await self._catalog.get(owner, photo_id)
            if photo.state is not PhotoState.AWAITING:
                return await self._compare(photo, photo_id, body, terms)
            return await self._keep(photo, body, terms)

    def _terms(self, claims: dict[str, Any]) -> UploadTerms:
        expires_at = datetime.fromtimestamp(claims["e"], UTC)
        terms = UploadTerms(claims["t"], claims["m"], expires_at, claims["s"], claims["h"])
        self._check_time(terms)
        return terms

    def _check_time(self, terms: UploadTerms) -> None:
        if self._clock.now() >= terms.expires_at:
            msg = "this upload URL has expired; ask for a new one"
            raise Forbidden(msg, code="upload_expired")

    @asynccontextmanager
    async def _alone(self, photo: PhotoId) -> AsyncIterator[None]:
        """One request at a time sends a photo, so that the file kept is the one that is known."""
        lock = self._arriving.setdefault(photo, asyncio.Lock())
        async with lock:
            yield

    async def _keep(self, photo: Photo, body: AsyncIterator[bytes], terms: UploadTerms) -> Received:
        key = BlobKey(photo.owner, BlobKind.ORIGINAL, photo.id)
        sums = Checksums()
        async with self._blobs.write(key, content_type=terms.content_type) as writer:
            async for chunk in _measured(body, sums, terms):
                self._check_time(terms)
                await writer.write(chunk)
            content = _agreed(sums, terms)
        event = PhotoStored(photo.owner, photo.id, content)
        try:
            kept = await self._catalog.store(photo.owner, photo.id, content, event)
        except NotFound:
            await self._blobs.delete(key)  # the reservation ended while the bytes came
            raise
        if kept.id != photo.id:
            await self._blobs.delete(key)
            return Received(await self._wanted_again(kept), duplicate=True)
        self._feed.publish(kept.owner, "photo", {"id": kept.id, "state": kept.state})
        return Received(kept, duplicate=False)

    async def _compare(
        self, photo: Photo, asked_for: PhotoId, body: AsyncIterator[bytes], terms: UploadTerms
    ) -> Received:
        sums = Checksums()
        async for _ in _measured(body, sums, terms):
            pass
        if _agreed(sums, terms).sha256 != photo.sha256:
            msg = "this upload URL was used already, for other bytes"
            raise Conflict(msg, code="already_uploaded")
        photo = await self._wanted_again(photo)
        return Received(photo, duplicate=photo.id != asked_for)

    async def _wanted_again(self, photo: Photo) -> Photo:
        """Sending a photo that lies in the trash is asking to have it back."""
        if photo.trashed_at is None:
            return photo
        restored = await self._catalog.restore(photo.owner, photo.id)
        self._feed.publish(photo.owner, "photo", {"id": photo.id, "state": photo.state})
        self._feed.publish(photo.owner, "labels", {})
        return restored


def _check_headers(terms: UploadTerms, content_type: str, content_length: int | None) -> None:
    if content_type != terms.content_type:
        msg = f"this upload URL takes Content-Type {terms.content_type}"
        raise Unsupported(msg, code="wrong_content_type")
    if content_length is None:
        return
    if content_length > terms.max_bytes:
        msg = f"the file has {content_length} bytes and the limit is {terms.max_bytes}"
        raise TooLarge(msg, code="photo_too_large")
    if terms.size is not None and content_length != terms.size:
        msg = f"{terms.size} bytes were announced and {content_length} are being sent"
        raise Invalid(msg, code="size_mismatch")


async def _measured(
    body: AsyncIterator[bytes], sums: Checksums, terms: UploadTerms
) -> AsyncIterator[bytes]:
    async for chunk in body:
        sums.update(chunk)
        if sums.size > terms.max_bytes:
            msg = f"the file has more than {terms.max_bytes} bytes"
            raise TooLarge(msg, code="photo_too_large")
        yield chunk


def _agreed(sums: Checksums, terms: UploadTerms) -> Content:
    content = sums.content()
    if not content.size:
        msg = "the file is empty"
        raise Invalid(msg, code="empty_file")
    if terms.size is not None and content.size != terms.size:
        msg = f"{terms.size} bytes were announced and {content.size} came"
        raise Invalid(msg, code="size_mismatch")
    if terms.sha256 is not None and content.sha256 != terms.sha256:
        msg = "the bytes that came don't have the SHA-256 that was announced"
        raise Invalid(msg, code="sha256_mismatch")
    return content
