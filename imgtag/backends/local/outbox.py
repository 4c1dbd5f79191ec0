"""News as files: for one machine, where nobody waits for mail."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import structlog

from imgtag.backends import Context
from imgtag.backends.local.durable import Folders, disk_errors, write_whole
from imgtag.backends.local.lock import make_data_dir
from imgtag.ports import Notice

log = structlog.get_logger(__name__)


class OutboxNotifier:
    """Writes each notice to *folder* as ``<id>.json``; what becomes of it is others' to decide."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def notify(self, notice: Notice) -> None:
        await asyncio.to_thread(self._write, notice)
        # The text holds a link that works without signing in, so it stays out of the log.
        log.info("notice_written", notice=notice.id, owner=notice.owner, subject=notice.subject)

    def _write(self, notice: Notice) -> None:
        body = {
            "id": notice.id,
            "owner": notice.owner,
            "subject": notice.subject,
            "text": notice.text,
        }
        content = json.dumps(body, ensure_ascii=False, indent=2).encode()
        with disk_errors():
            write_whole(self._folder / f"{quote(notice.id, safe='')}.json", content)


@asynccontextmanager
async def open_outbox(context: Context) -> AsyncIterator[OutboxNotifier]:
    """Open the outbox in the data folder."""
    data_dir = make_data_dir(context.settings.data_dir)
    with disk_errors():
        Folders(data_dir).ensure(data_dir / "outbox")
    yield OutboxNotifier(data_dir / "outbox")
