"""imgtag's own delivery of a folder as one archive: `server.py FOLDER`, prints its port."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import uvloop
from aiohttp import web
from layout import lay_out

from imgtag.api.delivery import DELIVERY, Delivery, send_archive
from imgtag.pipeline.archive import Archive
from imgtag.pipeline.budget import ByteBudget
from imgtag.pipeline.download import Damaged, Download
from imgtag.pipeline.files import FileChecker
from imgtag.pipeline.threads import Threads


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of a folder as the source of an archive."""

    folder: str
    archive: Archive

    def path(self, index: int) -> str:
        """Where a member lies."""
        return f"{self.folder}/{self.archive.name_of(index)}"

    def read(
        self, index: int, start: int, stop: int
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Never called on plain HTTP."""
        raise NotImplementedError(index, start, stop)


async def complain(damaged: Damaged) -> None:
    """Say what was wrong."""
    print(damaged, file=sys.stderr)


async def main(download: Download) -> None:
    """Serve until the process is ended."""
    app = web.Application()
    threads = Threads(4, "delivery")
    app[DELIVERY] = Delivery(ByteBudget(64 << 20), FileChecker(), threads, threads)

    async def archive(request: web.Request) -> web.StreamResponse:
        return await send_archive(request, download)

    app.router.add_get("/", archive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


FOLDER = sys.argv[1]
ARCHIVE = lay_out(Path(FOLDER))
SOURCE = Folder(FOLDER, ARCHIVE)
uvloop.run(main(Download(ARCHIVE, SOURCE, "photos.zip", "benchmark", complain)))
