"""What a download is made of: a layout, and where the bytes of its photos come from."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from imgtag.pipeline.archive import Archive


class Damaged(Exception):
    """The bytes of one member are gone, or are not what the archive promises."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index
        self.reason = reason


class Source(Protocol):
    """The bytes of an archive's members, by index."""

    def path(self, index: int) -> str | None:
        """Where they lie on this machine, so that the kernel can send them; None elsewhere."""
        ...

    def read(
        self, index: int, start: int, stop: int
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Stream a part of them. Raises `NotFound` when they are gone."""
        ...


@dataclass(frozen=True, slots=True)
class Download:
    """An archive that can be sent, whole or in parts, any number of times.

    *etag* is strong: the same one means the same bytes. *on_damaged* is told before the connection
    is cut.
    """

    archive: Archive
    source: Source
    file_name: str
    etag: str
    on_damaged: Callable[[Damaged], Awaitable[None]]
