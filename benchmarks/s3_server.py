"""An S3-shaped server that keeps objects as files, so that the client's cost is what is measured.

It answers what imgtag asks when it reads photos and writes archives: GET with ranges, HEAD, PUT and
uploads in parts of one size, which are written where they belong. It checks no signature.
"""

import asyncio
import multiprocessing
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from aiohttp import web

PART_BYTES: Final = 8 * 1024 * 1024


class Objects:
    """The objects below *root*; an address is a bucket and a key, as paths are."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, request: web.Request) -> Path:
        """Tell where an object lies."""
        path = self._root / request.path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Send an object, or a range of it. HEAD comes here too."""
        path = self.path(request)
        if not path.exists():
            return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")
        return web.FileResponse(path, headers={"Content-Type": "image/jpeg"})

    async def put(self, request: web.Request) -> web.Response:
        """Take an object, or one part of an upload."""
        upload = request.query.get("uploadId")
        path = self._root / upload if upload else self.path(request)
        at = (int(request.query.get("partNumber", 1)) - 1) * PART_BYTES
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            async for chunk in request.content.iter_any():
                at += os.pwrite(file, chunk, at)
        finally:
            os.close(file)
        return web.Response(headers={"ETag": '"0"'})

    async def post(self, request: web.Request) -> web.Response:
        """Begin an upload, or put it in its place."""
        if "uploadId" in request.query:
            (self._root / request.query["uploadId"]).rename(self.path(request))
            inside = "<ETag>0</ETag>"
            return _xml(f"<CompleteMultipartUploadResult>{inside}</CompleteMultipartUploadResult>")
        upload = f"<UploadId>{secrets.token_hex(8)}</UploadId>"
        return _xml(f"<InitiateMultipartUploadResult>{upload}</InitiateMultipartUploadResult>")


def _xml(text: str) -> web.Response:
    return web.Response(text=f'<?xml version="1.0"?>{text}', content_type="application/xml")


def _serve(root: Path, pipe: Connection) -> None:
    async def run() -> None:
        objects = Objects(root)
        app = web.Application(client_max_size=0)
        app.router.add_get("/{tail:.*}", objects.get)
        app.router.add_put("/{tail:.*}", objects.put)
        app.router.add_post("/{tail:.*}", objects.post)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        pipe.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(run())


@contextmanager
def serving(root: Path) -> Iterator[None]:
    """Run the server in a process of its own, and point the SDK at it."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(root, theirs), daemon=True)
    server.start()
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ours.recv()}",
    }
    try:
        yield
    finally:
        server.terminate()
        server.join()
