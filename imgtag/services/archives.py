"""Archives that lie in a store, for stores which can't make them up while they are read.

They are written in parts, several at a time and by any worker: the parts that the store has are the
checkpoint.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from io import BytesIO
from typing import Final, Protocol, runtime_checkable

import structlog

from imgtag.domain.bundles import Bundle
from imgtag.domain.errors import NotFound
from imgtag.domain.events import BundleRequested
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.ports import BlobInfo, BlobStore

ZIP: Final = "application/zip"

log = structlog.get_logger(__name__)


class PartedWriter(Protocol):
    """One large blob on its way in, in parts numbered from 1, by several workers in turn."""

    @property
    def checkpoint(self) -> str:
        """All that another worker needs to carry on."""
        ...

    @property
    def done(self) -> Mapping[int, int]:
        """The parts that the store has: number to size in bytes."""
        ...

    async def put(self, number: int, content: BytesIO, crc32: int) -> None:
        """Send one part, whose checksum is *crc32*; sending it again replaces it."""
        ...

    async def finish(self) -> None:
        """Make the blob of all parts: only now it is visible. `NotFound` when it has ended."""
        ...

    async def abort(self) -> None:
        """Throw the parts away; twice is fine."""
        ...


@runtime_checkable
class PartedStore(Protocol):
    """What a blob store has on top when archives are built on it."""

    async def write_parts(
        self, key: BlobKey, *, content_type: str, checkpoint: str | None = None
    ) -> PartedWriter:
        """Begin a blob, or carry on. `NotFound` when the checkpoint's upload has ended."""
        ...

    async def restore(self, keys: Sequence[BlobKey], event: BundleRequested) -> int:
        """Bring back what is archived; *event* comes when all is. Tell how many are not yet."""
        ...

    async def stat(self, key: BlobKey) -> BlobInfo:
        """Describe a blob, or raise `NotFound`."""
        ...

    async def delete(self, key: BlobKey) -> None:
        """Remove a blob; absent is fine."""
        ...

    async def download_url(
        self, key: BlobKey, *, file_name: str, content_type: str, expires_in: timedelta
    ) -> str | None:
        """Sign a URL that hands out the blob as *file_name*."""
        ...


class Archives:
    """The archives of all bundles on one store."""

    def __init__(self, blobs: PartedStore) -> None:
        self._blobs = blobs

    async def restore(self, originals: Sequence[BlobKey], event: BundleRequested) -> int:
        """Bring back the photos that lie in an archive tier: see `PartedStore`."""
        return await self._blobs.restore(originals, event)

    async def writer(self, bundle: Bundle) -> PartedWriter:
        """Carry on from the bundle's checkpoint; begin anew where that means nothing any more."""
        key = _key(bundle)
        if bundle.checkpoint:
            try:
                return await self._blobs.write_parts(
                    key, content_type=ZIP, checkpoint=bundle.checkpoint
                )
            except NotFound:
                log.info("upload begins anew", bundle=bundle.id)
        return await self._blobs.write_parts(key, content_type=ZIP)

    async def is_whole(self, bundle: Bundle) -> bool:
        """Tell whether the archive is there: it is whole if it is, since parts don't show."""
        try:
            info = await self._blobs.stat(_key(bundle))
        except NotFound:
            return False
        return info.size == bundle.bytes

    async def drop(self, bundle: Bundle) -> None:
        """Remove the archive, and what was sent of one that is not whole; absent is fine."""
        key = _key(bundle)
        if bundle.checkpoint:
            try:
                writer = await self._blobs.write_parts(
                    key, content_type=ZIP, checkpoint=bundle.checkpoint
                )
                await writer.abort()
            except NotFound:
                log.debug("upload had ended", bundle=bundle.id)
        await self._blobs.delete(key)

    async def url(self, bundle: Bundle, expires_in: timedelta) -> str | None:
        """Sign a URL of the archive."""
        return await self._blobs.download_url(
            _key(bundle), file_name=bundle.file_name, content_type=ZIP, expires_in=expires_in
        )


def archives_on(blobs: BlobStore) -> Archives | None:
    """Keep archives on *blobs* where they have to be built; None where they needn't."""
    return Archives(blobs) if isinstance(blobs, PartedStore) else None


def _key(bundle: Bundle) -> BlobKey:
    return BlobKey(bundle.owner, BlobKind.ARCHIVE, bundle.id)
