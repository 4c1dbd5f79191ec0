"""The web page: files that were built, and the one HTML page for every path of the UI."""

from importlib.resources import files
from os.path import normpath
from pathlib import Path
from typing import Final

from aiohttp import web

from imgtag.domain.errors import NotFound

INDEX: Final = "index.html"
API_DOCS: Final = "api-docs.html"
_YEAR: Final = "public, max-age=31536000, immutable"
_NOT_BUILT: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>imgtag</title>
<h1>imgtag is running</h1>
<p>The web page is not part of this installation. The <a href="/api/openapi.json">API</a> and the
command line work. To build the page, run <code>make web</code> in a checkout, or install a wheel.
"""


class Page:
    """The built files, as they are now: a page that is built again is served without a restart."""

    def __init__(self, folder: Path | None = None) -> None:
        self._root = folder or Path(str(files("imgtag"))) / "_web"

    def _find(self, name: str) -> Path | None:
        """Find a built file; nothing outside of the folder, however it is asked for."""
        path = Path(normpath(self._root / name))
        try:
            found = path.is_relative_to(self._root) and path.is_file()
        except OSError:  # longer than the name of any file
            return None
        return path if found else None

    def file(self, name: str) -> web.StreamResponse:
        """Answer with one built file; hashed names may be kept for a year. Raises `NotFound`."""
        path = self._find(name)
        if path is None:
            msg = "there is no such page"
            raise NotFound(msg)
        kept = _YEAR if path.is_relative_to(self._root / "assets") else "no-cache"
        return web.FileResponse(path, headers={"Cache-Control": kept})

    def html(self, name: str = INDEX) -> web.StreamResponse:
        """Answer with a page, or say that it was not built."""
        try:
            return self.file(name)
        except NotFound:
            return web.Response(text=_NOT_BUILT, content_type="text/html")


PAGE: Final = web.AppKey("page", Page)


async def get_page(request: web.Request) -> web.StreamResponse:
    """Serve the UI: a file where the path names one, else the page that reads the path itself."""
    path = request.match_info["path"]
    if "." in path.rsplit("/", 1)[-1]:
        return request.app[PAGE].file(path)
    return request.app[PAGE].html()


async def get_api_docs(request: web.Request) -> web.StreamResponse:
    """Serve the page that explains the API."""
    return request.app[PAGE].html(API_DOCS)
