"""News as files, and as mail where a server for that is set."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import structlog

from imgtag.backends import Context, open_records
from imgtag.backends.local.durable import Folders, disk_errors, write_whole
from imgtag.backends.local.lock import make_data_dir
from imgtag.domain.addresses import Channel, hint_of
from imgtag.domain.errors import Invalid
from imgtag.domain.ids import OwnerId
from imgtag.ports import Notice, Record, RecordStore, Subscription

log = structlog.get_logger(__name__)


class Mail(Protocol):
    """What sends mail."""

    async def send(self, notice: Notice, address: str) -> None:
        """Send it. `Unavailable` when the server can't take it now."""
        ...


class OutboxNotifier:
    """Writes each notice to *folder* as ``<id>.json``, then sends it where there is *mail*.

    There is no one else here to hand an address to, so that it is kept in *records*, for this
    alone. Without *mail*, the file says where the notice should go: whoever empties the folder
    may send it there.
    """

    def __init__(self, folder: Path, records: RecordStore, mail: Mail | None = None) -> None:
        self._folder = folder
        self._records = records
        self._mail = mail

    @property
    def channels(self) -> frozenset[Channel]:
        return frozenset({Channel.EMAIL}) if self._mail else frozenset()

    async def notify(self, notice: Notice) -> None:
        addresses = await self._addresses(notice.owner)
        await asyncio.to_thread(self._write, notice, addresses)
        # The text holds a link that works without signing in, so it stays out of the log.
        log.info("notice_written", notice=notice.id, owner=notice.owner)
        if self._mail and Channel.EMAIL in addresses:
            await self._mail.send(notice, addresses[Channel.EMAIL])

    def _write(self, notice: Notice, addresses: dict[Channel, str]) -> None:
        body = {
            "id": notice.id,
            "owner": notice.owner,
            "to": addresses,
            "subject": notice.subject,
            "text": notice.text,
        }
        content = json.dumps(body, ensure_ascii=False, indent=2).encode()
        with disk_errors():
            write_whole(self._folder / f"{quote(notice.id, safe='')}.json", content)

    async def subscribe(self, owner: OwnerId, channel: Channel, address: str) -> None:
        await self._records.put(Record(_shelf(owner), channel, {"address": address}))

    async def unsubscribe(self, owner: OwnerId, channel: Channel) -> None:
        await self._records.take(_shelf(owner), channel)

    async def subscriptions(self, owner: OwnerId) -> Sequence[Subscription]:
        addresses = await self._addresses(owner)
        return [Subscription(each, hint_of(each, address)) for each, address in addresses.items()]

    async def _addresses(self, owner: OwnerId) -> dict[Channel, str]:
        records = await self._records.list(_shelf(owner))
        return {Channel(record.name): record.values["address"] for record in records}


def _shelf(owner: OwnerId) -> str:
    return f"addresses.{owner}"


@asynccontextmanager
async def open_outbox(context: Context) -> AsyncIterator[OutboxNotifier]:
    """Open the outbox in the data folder."""
    data_dir = make_data_dir(context.settings.data_dir)
    with disk_errors():
        Folders(data_dir).ensure(str(data_dir / "outbox"))
    yield OutboxNotifier(data_dir / "outbox", await open_records(context), _mail(context))


def _mail(context: Context) -> Mail | None:
    if not context.settings.smtp_host:
        return None
    try:
        from imgtag.backends.local.mail import SmtpMail  # noqa: PLC0415
    except ModuleNotFoundError as error:
        msg = f"mail needs a package that is missing: {error.name}; "
        msg += "pip install 'imgtag[mail]' brings it"
        raise Invalid(msg, code="unknown_backend") from error
    return SmtpMail(context.settings, context.clock)
