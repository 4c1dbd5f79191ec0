"""The route table: every path, who may call it, what goes in and what comes out."""

from dataclasses import dataclass
from typing import Final

from aiohttp.typedefs import Handler
from pydantic import BaseModel

from imgtag.api import (
    bundles,
    events,
    imports,
    notifications,
    page,
    people,
    photos,
    sign_in,
    system,
    uploads,
)
from imgtag.api import schemas as s
from imgtag.api.access import Access

OPEN, LINK, READ, WRITE = Access.OPEN, Access.LINK, Access.READ, Access.WRITE


@dataclass(frozen=True, slots=True)
class Route:
    """One operation.

    *status* and *answer* are its success, and *media* its type where that is not JSON. *problems*
    are the error statuses that don't follow from the other fields. What is *hidden* is for people
    and browsers, and not part of the description. What *makes_work* wakes a worker that sleeps.
    """

    group: str
    method: str
    path: str
    handler: Handler
    access: Access
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    media: str | None = None
    problems: tuple[int, ...] = ()
    hidden: bool = False
    makes_work: bool = False


_ID = "/api/photos/{id}"
_BUNDLE = "/api/bundles/{id}"
_IMPORT = "/api/imports/{id}"

# A table reads best as one: a line or two for each route.
# fmt: off
ROUTES: Final = (
    # The calls of the AWS reference page
    Route("reference", "PUT", "/api/upload", uploads.reference_upload, WRITE,
          body=s.UploadRequest, answer=s.Ticket, makes_work=True),
    Route("reference", "GET", "/api/labels", photos.list_labels, READ,
          query=s.LabelsQuery, answer=s.LabelsAnswer),
    Route("reference", "POST", "/api/download", bundles.reference_download, WRITE,
          body=s.DownloadRequest, answer=s.BundleOut, status=202, problems=(409,), makes_work=True),
    Route("reference", "PUT", "/api/s3_copy", imports.reference_copy, WRITE,
          body=s.ImportRequest, answer=s.ImportOut, status=202, makes_work=True),

    Route("uploads", "POST", "/api/uploads", uploads.create_uploads, WRITE,
          body=s.UploadsRequest, answer=s.UploadsAnswer, makes_work=True),
    Route("uploads", "PUT", "/api/uploads/{ticket}", uploads.receive_upload, LINK,
          answer=s.Received, problems=(403, 404, 409, 413, 415, 422)),

    Route("photos", "GET", "/api/photos", photos.list_photos, READ,
          query=s.PhotosPageQuery, answer=s.PhotosPage),
    Route("photos", "GET", "/api/photos/layout", photos.lay_out_photos, READ,
          query=s.PhotosQuery, answer=s.Layout, problems=(304,)),
    Route("photos", "POST", "/api/photos/edit", photos.edit_photos, WRITE,
          body=s.BulkEdit, answer=s.Changed),
    Route("photos", "GET", _ID, photos.get_photo, READ, answer=s.OnePhoto),
    Route("photos", "PATCH", _ID, photos.edit_photo, WRITE, body=s.PhotoPatch, answer=s.OnePhoto),
    Route("photos", "DELETE", _ID, photos.trash_photo, WRITE, status=204),
    Route("photos", "POST", f"{_ID}/restore", photos.restore_photo, WRITE, answer=s.OnePhoto),
    Route("photos", "POST", f"{_ID}/relabel", photos.relabel_photo, WRITE,
          answer=s.OnePhoto, status=202, problems=(409,), makes_work=True),
    Route("photos", "GET", f"{_ID}/original", photos.get_original, READ,
          media="image/*", problems=(303, 416)),
    Route("photos", "GET", f"{_ID}/thumbnail", photos.get_thumbnail, LINK,
          query=s.ThumbnailQuery, media="image/jpeg", problems=(303, 401, 404, 416)),
    Route("photos", "DELETE", "/api/trash", photos.empty_trash, WRITE, answer=s.Deleted,
          makes_work=True),

    Route("bundles", "POST", "/api/bundles/preview", bundles.preview_bundle, READ,
          body=s.PreviewRequest, answer=s.Preview),
    Route("bundles", "POST", "/api/bundles", bundles.create_bundle, WRITE,
          body=s.BundleRequest, answer=s.BundleOut, status=202, problems=(409,), makes_work=True),
    Route("bundles", "GET", "/api/bundles", bundles.list_bundles, READ,
          query=s.PageQuery, answer=s.BundlesPage),
    Route("bundles", "GET", _BUNDLE, bundles.get_bundle, READ, answer=s.BundleOut),
    Route("bundles", "DELETE", _BUNDLE, bundles.cancel_bundle, WRITE, status=204, problems=(409,)),
    Route("bundles", "GET", f"{_BUNDLE}/archive", bundles.download_bundle, READ,
          media="application/zip", problems=(303, 409, 410, 416)),
    Route("bundles", "GET", "/b/{token}", bundles.follow_link, LINK,
          media="application/zip", problems=(303, 404, 409, 410, 416)),

    Route("imports", "POST", "/api/imports/preview", imports.preview_import, WRITE,
          body=s.ImportRequest, answer=s.EstimateOut),
    Route("imports", "POST", "/api/imports", imports.create_import, WRITE,
          body=s.ImportRequest, answer=s.ImportOut, status=202, makes_work=True),
    Route("imports", "GET", "/api/imports", imports.list_imports, READ,
          query=s.PageQuery, answer=s.ImportsPage),
    Route("imports", "GET", _IMPORT, imports.get_import, READ, answer=s.ImportOut),
    Route("imports", "DELETE", _IMPORT, imports.cancel_import, WRITE, status=204),

    Route("people", "GET", "/api/session", people.who_am_i, READ, answer=s.Session),
    Route("people", "POST", "/api/session", people.sign_in, OPEN,
          body=s.SignIn, answer=s.Session, problems=(401, 503)),
    Route("people", "DELETE", "/api/session", people.sign_out, OPEN, status=204),
    Route("people", "GET", "/api/auth/login", sign_in.begin_sign_in, OPEN,
          query=s.SignInQuery, status=303, problems=(404, 503)),
    Route("people", "GET", "/api/auth/callback", sign_in.finish_sign_in, OPEN,
          status=303, problems=(401, 404, 503)),
    Route("people", "GET", "/api/auth/logout", sign_in.leave_provider, OPEN,
          status=303, problems=(404,)),
    Route("people", "POST", "/api/setup", people.set_up, OPEN,
          body=s.SetUp, answer=s.Session, status=201, problems=(409, 503)),
    Route("people", "GET", "/api/tokens", people.list_tokens, READ,
          query=s.PageQuery, answer=s.TokensPage),
    Route("people", "POST", "/api/tokens", people.create_token, WRITE,
          body=s.TokenRequest, answer=s.TokenMade, status=201, problems=(409,)),
    Route("people", "DELETE", "/api/tokens/{id}", people.revoke_token, WRITE, status=204),

    Route("people", "GET", "/api/notifications", notifications.get_notifications, READ,
          answer=s.Notifications),
    Route("people", "PUT", "/api/notifications", notifications.change_notifications, WRITE,
          body=s.NotificationsChange, answer=s.Notifications, problems=(409,)),

    Route("service", "GET", "/api/config", system.get_config, OPEN, answer=s.Config),
    Route("service", "GET", "/api/status", system.get_status, READ, answer=s.Status),
    Route("service", "GET", "/api/events", events.stream_events, READ, media="text/event-stream",
          problems=(204,)),
    Route("service", "GET", "/api/openapi.json", system.get_openapi, OPEN,
          media="application/json"),
    Route("service", "GET", "/api/docs", page.get_api_docs, OPEN, media="text/html"),
    Route("service", "GET", "/healthz", system.is_alive, OPEN, answer=s.Health),
    Route("service", "GET", "/readyz", system.is_ready, OPEN, answer=s.Health, problems=(503,)),
    Route("service", "GET", "/metrics", system.get_metrics, OPEN, media="text/plain"),
    Route("page", "GET", "/{path:(?!api/|b/).*}", page.get_page, OPEN, hidden=True),
)
# fmt: on
