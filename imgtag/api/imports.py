"""Imports: look, start, follow, cancel."""

from collections.abc import Mapping

from aiohttp import web

from imgtag.api.cursors import Cursors
from imgtag.api.keys import principal, services
from imgtag.api.messages import body, no_content, query, reply
from imgtag.api.schemas import ImportRequest, ImportsPage, PageQuery
from imgtag.api.views import estimate_out, import_out
from imgtag.domain.ids import ImportId


def _import_id(request: web.Request) -> ImportId:
    return ImportId(request.match_info["id"])


async def preview_import(request: web.Request) -> web.Response:
    """Say what an import would find, and what labelling it would cost."""
    asked = await body(request, ImportRequest)
    source = asked.source.strip()
    estimate = await services(request).imports.estimate(principal(request).owner, source)
    return reply(estimate_out(source, estimate))


async def create_import(request: web.Request) -> web.Response:
    """Take photos over from a folder or a bucket."""
    asked = await body(request, ImportRequest)
    return await _start(request, asked.source.strip())


async def reference_copy(request: web.Request) -> web.Response:
    """Take photos over from a bucket, named alone or by an address."""
    asked = await body(request, ImportRequest)
    source = asked.source.strip()
    named_alone = "://" not in source and not source.startswith("/")
    return await _start(request, f"s3://{source}" if named_alone else source)


async def _start(request: web.Request, source: str) -> web.Response:
    imported = await services(request).imports.create(principal(request).owner, source)
    headers = {"Location": f"/api/imports/{imported.id}"}
    return reply(import_out(imported), status=202, headers=headers)


async def list_imports(request: web.Request) -> web.Response:
    """List imports, newest first."""
    asked = query(request, PageQuery)
    known, owner = services(request), principal(request).owner
    cursors = Cursors(known.signer, owner, "imports")
    place: Mapping[str, str] = cursors.read(asked.cursor) if asked.cursor else {}
    after = ImportId(place["i"]) if place else None
    imports, last = await known.imports.page(owner, after=after, limit=asked.limit)
    page = ImportsPage(
        imports=[import_out(imported) for imported in imports],
        next_cursor=cursors.write(i=last) if last else None,
    )
    return reply(page)


async def get_import(request: web.Request) -> web.Response:
    """Show one import."""
    imported = await services(request).imports.get(principal(request).owner, _import_id(request))
    return reply(import_out(imported))


async def cancel_import(request: web.Request) -> web.Response:
    """Cancel an import; what was copied stays."""
    await services(request).imports.cancel(principal(request).owner, _import_id(request))
    return no_content()
