"""Uploads: tickets by the batch, tickets the way of the AWS reference, and the bytes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

from aiohttp import web

from imgtag.api.keys import principal, services
from imgtag.api.messages import body, check_plain, reply
from imgtag.api.origin import origin
from imgtag.api.schemas import (
    Admitted,
    Received,
    Ticket,
    UploadRequest,
    UploadsAnswer,
    UploadsRequest,
)
from imgtag.domain.errors import Unavailable
from imgtag.services.uploads import Admission, NewFile

REFERENCE_LIFETIME: Final = timedelta(minutes=5)
# A client that sends nothing for this long has gone; one that is merely slow has not.
STALL_SECONDS: Final = 30


async def reference_upload(request: web.Request) -> web.Response:
    """Give a ticket for one JPEG."""
    asked = await body(request, UploadRequest)
    [admission] = await services(request).uploads.admit(
        principal(request).owner,
        [NewFile(asked.file_name, "image/jpeg")],
        origin=origin(request),
        lifetime=REFERENCE_LIFETIME,
    )
    if admission.refusal:
        raise admission.refusal
    if admission.ticket is None or admission.photo is None:
        msg = "no ticket was given for a new photo"
        raise Unavailable(msg)
    ticket = admission.ticket
    return reply(
        Ticket(
            url=ticket.url,
            photo_id=admission.photo.id,
            method="PUT",
            headers=dict(ticket.headers),
            expires_at=ticket.expires_at,
        )
    )


async def create_uploads(request: web.Request) -> web.Response:
    """Give each file a ticket, or say what else becomes of it."""
    asked = await body(request, UploadsRequest)
    known = services(request)
    admissions = await known.uploads.admit(
        principal(request).owner,
        [
            # A media type is the same in any case (RFC 9110, 8.3.1).
            NewFile(each.file_name, each.content_type.lower(), each.size, each.sha256)
            for each in asked.files
        ],
        origin=origin(request),
        lifetime=timedelta(minutes=known.settings.upload_minutes),
    )
    return reply(UploadsAnswer(uploads=[_admitted(each) for each in admissions]))


def _admitted(admission: Admission) -> Admitted:
    if admission.refusal:
        return Admitted(
            # Refused for being no text, perhaps: what can't be written is shown as a question mark.
            file_name=admission.file_name.encode(errors="replace").decode(),
            status="rejected",
            code=admission.refusal.code,
            detail=admission.refusal.detail,
        )
    photo_id = admission.photo.id if admission.photo else None
    if admission.ticket is None:
        return Admitted(file_name=admission.file_name, status="duplicate", photo_id=photo_id)
    return Admitted(
        file_name=admission.file_name,
        status="new",
        photo_id=photo_id,
        url=admission.ticket.url,
        method="PUT",
        headers=dict(admission.ticket.headers),
        expires_at=admission.ticket.expires_at,
    )


async def receive_upload(request: web.Request) -> web.Response:
    """Take the bytes of one photo; the ticket in the path is the leave to send them."""
    check_plain(request)
    received = await services(request).uploads.receive(
        request.match_info["ticket"],
        _chunks(request),
        content_type=request.content_type,
        content_length=request.content_length,
    )
    answer = Received(
        photo_id=received.photo.id, status="duplicate" if received.duplicate else "stored"
    )
    return reply(answer)


async def _chunks(request: web.Request) -> AsyncIterator[bytes]:
    received = services(request).metrics.received_bytes
    while True:
        async with asyncio.timeout(STALL_SECONDS):
            chunk = await request.content.readany()
        if not chunk:
            return
        received.inc(len(chunk))
        yield chunk
