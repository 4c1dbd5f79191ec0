"""Photos and their labels."""

from datetime import timedelta
from typing import Final

from aiohttp import web

from imgtag.api.access import identify
from imgtag.api.cursors import Cursors
from imgtag.api.delivery import send_blob
from imgtag.api.keys import principal, services
from imgtag.api.messages import body, no_content, query, reply, reply_json, see_other, with_etag
from imgtag.api.schemas import (
    BulkEdit,
    Changed,
    Deleted,
    LabelEdit,
    LabelsAnswer,
    LabelsQuery,
    LabelTotal,
    OnePhoto,
    PhotoPatch,
    PhotosPageQuery,
    PhotosQuery,
)
from imgtag.api.views import Thumbnails, label_total, layout_json, photo_out, photos_json
from imgtag.domain.errors import Invalid, NotFound
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.labels import LabelChange, LabelName
from imgtag.domain.photos import Photo
from imgtag.services.photos import Picture

LISTS: Final = ("all", "any", "none", "photo_ids")
SIGNED_FOR: Final = timedelta(minutes=5)


def _thumbnails(request: web.Request) -> Thumbnails:
    known = services(request)
    return Thumbnails(known.signer, known.clock.now())


def _show(request: web.Request, photo: Photo, *, status: int = 200) -> web.Response:
    return reply(OnePhoto(photo_out(photo, _thumbnails(request))), status=status)


def _photo_id(request: web.Request) -> PhotoId:
    return PhotoId(request.match_info["id"])


async def list_labels(request: web.Request) -> web.Response:
    """Count the labels of the library, most photos first."""
    asked = query(request, LabelsQuery)
    owner = principal(request).owner
    thumbnails = _thumbnails(request)
    counts = await services(request).photos.counts(owner, covers=asked.covers)
    labels: dict[str, LabelTotal] = {
        count.name: label_total(count, owner, thumbnails) for count in counts
    }
    return reply(LabelsAnswer(labels=labels))


async def list_photos(request: web.Request) -> web.Response:
    """List the photos that match."""
    asked = query(request, PhotosPageQuery, lists=LISTS)
    known, owner = services(request), principal(request).owner
    cursors = Cursors(known.signer, owner, f"photos {asked.query()} {asked.sort}")
    page = await known.photos.page(
        owner,
        asked.query(),
        asked.sort,
        after=cursors.read_position(asked.cursor),
        limit=asked.limit,
    )
    next_cursor = cursors.write_position(page.next)
    return reply_json(photos_json(page.photos, next_cursor, _thumbnails(request)))


async def lay_out_photos(request: web.Request) -> web.Response:
    """List every photo that matches, as little of each as a grid needs."""
    asked = query(request, PhotosQuery, lists=LISTS)
    rows = await services(request).photos.layout(
        principal(request).owner, asked.query(), asked.sort
    )
    answer = web.Response(
        body=await layout_json(rows),
        content_type="application/json",
        headers={"Cache-Control": "private, no-cache"},
    )
    answer.enable_compression()
    return with_etag(request, answer)


async def get_photo(request: web.Request) -> web.Response:
    """Show one photo."""
    photo = await services(request).photos.get(principal(request).owner, _photo_id(request))
    return _show(request, photo)


async def edit_photo(request: web.Request) -> web.Response:
    """Edit the labels of one photo."""
    asked = await body(request, PhotoPatch)
    known, owner, photo_id = services(request), principal(request).owner, _photo_id(request)
    photo = await known.photos.get(owner, photo_id)
    await known.photos.edit(owner, [photo.id], _change(asked.labels))
    return _show(request, await known.photos.get(owner, photo.id))


async def edit_photos(request: web.Request) -> web.Response:
    """Edit the labels of many photos."""
    asked = await body(request, BulkEdit)
    if (asked.photo_ids is None) == (asked.query is None):
        msg = "name either photo_ids or a query"
        raise Invalid(msg, pointer="/photo_ids")
    chosen = asked.query.query() if asked.query else list(map(PhotoId, asked.photo_ids or []))
    owner = principal(request).owner
    changed = await services(request).photos.edit(owner, chosen, _change(asked.labels))
    return reply(Changed(changed=changed))


def _change(edit: LabelEdit) -> LabelChange:
    return LabelChange(tuple(map(LabelName, edit.add)), tuple(map(LabelName, edit.remove)))


async def trash_photo(request: web.Request) -> web.Response:
    """Move a photo to the trash."""
    await services(request).photos.trash(principal(request).owner, _photo_id(request))
    return no_content()


async def restore_photo(request: web.Request) -> web.Response:
    """Take a photo back out of the trash."""
    photo = await services(request).photos.restore(principal(request).owner, _photo_id(request))
    return _show(request, photo)


async def empty_trash(request: web.Request) -> web.Response:
    """Delete for good what lies in the trash."""
    return reply(
        Deleted(deleted=await services(request).photos.empty_trash(principal(request).owner))
    )


async def relabel_photo(request: web.Request) -> web.Response:
    """Label a photo again."""
    photo = await services(request).photos.relabel(principal(request).owner, _photo_id(request))
    return _show(request, photo, status=202)


async def get_original(request: web.Request) -> web.StreamResponse:
    """Hand out the bytes as they were uploaded."""
    owner = principal(request).owner
    picture = await services(request).photos.original(owner, _photo_id(request))
    return await _hand_out(request, picture, inline=False)


async def get_thumbnail(request: web.Request) -> web.StreamResponse:
    """Hand out the thumbnail, to the owner or to whoever has its signed URL."""
    photo_id = _photo_id(request)
    owner = await _owner_of_link(request, photo_id)
    picture = await services(request).photos.thumbnail(owner, photo_id)
    return await _hand_out(request, picture, inline=True)


async def _owner_of_link(request: web.Request, photo: PhotoId) -> OwnerId:
    if "key" not in request.query:
        return (await identify(request)).owner
    owner = OwnerId(request.query.get("owner", ""))
    until, mark = request.query.get("until", ""), request.query["key"]
    if not _thumbnails(request).proves(owner, photo, until, mark):
        msg = "this thumbnail URL is not valid, or no longer"
        raise NotFound(msg)
    return owner


async def _hand_out(request: web.Request, picture: Picture, *, inline: bool) -> web.StreamResponse:
    blobs = services(request).blobs
    url = await blobs.download_url(
        picture.key,
        file_name=picture.photo.file_name,
        content_type=picture.content_type,
        expires_in=SIGNED_FOR,
    )
    if url:
        return see_other(url)
    return await send_blob(request, blobs, picture, inline=inline)
