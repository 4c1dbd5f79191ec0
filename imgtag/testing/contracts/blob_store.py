"""The contract of `imgtag.ports.BlobStore`."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Final, Generic, TypeVar

import pytest

from imgtag.domain.errors import NotFound
from imgtag.domain.ids import OwnerId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.ports import BlobStore, UploadTerms
from imgtag.testing.clock import FixedClock
from imgtag.testing.contracts.base import (
    DEADLINE_SECONDS,
    HOUR,
    Contract,
    at_once,
    cancelled_after,
    collect,
)
from imgtag.testing.photos import ADA, BOB, Maker

S = TypeVar("S", bound=BlobStore)

JPEG: Final = "image/jpeg"
OLD: Final = b"the older bytes"
NEW: Final = b"the newer bytes, a few more"
LONG: Final = bytes(range(256)) * 5000 + b"odd"
RANGES: Final = (
    (0, None),
    (0, 0),
    (0, 1),
    (1, 5),
    (7, None),
    (len(OLD) - 1, len(OLD)),
    (len(OLD), None),
    (3, len(OLD) + 100),
    (len(OLD) + 5, len(OLD) + 9),
)


class _PowerFails(BaseException):
    """Stands for whatever may go wrong in a write: not every end of it is an `Exception`."""


class BlobStoreContract(Contract, Generic[S]):
    """Subclass it, give `store` and the two back doors."""

    signs_urls: ClassVar[bool] = False

    @pytest.fixture
    async def store(self) -> S:
        """Give an empty store."""
        raise NotImplementedError

    async def raw_bytes(self, store: S, key: BlobKey) -> bytes | None:
        """Read a blob by other means than the store's own; None when there is none."""
        raise NotImplementedError

    async def plant(self, store: S, key: BlobKey, content: bytes) -> None:
        """Put a blob there by other means than the store's own."""
        raise NotImplementedError

    async def leftovers(self, store: S) -> int:  # noqa: ARG002
        """Count what lies there and is no blob: temporary files, parts of unfinished uploads."""
        return 0

    @pytest.fixture
    def key(self, make: Maker) -> BlobKey:
        """Name a blob that is not there."""
        return key_of(make)

    async def test_a_written_blob_lies_in_the_store(self, store: S, key: BlobKey) -> None:
        """What was written is there, byte for byte, and described by `stat`."""
        await write(store, key, OLD)
        assert await self.raw_bytes(store, key) == OLD
        info = await store.stat(key)
        assert (info.size, info.content_type) == (len(OLD), JPEG)
        assert info.modified_at.utcoffset() == timedelta(0)

    async def test_a_blob_put_there_by_others_is_read(self, store: S, key: BlobKey) -> None:
        """Reading does not depend on what this object has written itself."""
        await self.plant(store, key, OLD)
        assert await read(store, key) == OLD
        assert (await store.stat(key)).size == len(OLD)
        assert await collect(store.keys()) == [key]

    @pytest.mark.parametrize(("start", "stop"), RANGES)
    async def test_a_range_is_the_slice(
        self, store: S, key: BlobKey, start: int, stop: int | None
    ) -> None:
        """*stop* is exclusive, None is the end, and what lies past the end is empty."""
        await self.plant(store, key, OLD)
        assert await read(store, key, start, stop) == OLD[start:stop]

    async def test_a_range_of_a_long_blob_is_the_slice(self, store: S, key: BlobKey) -> None:
        """Ranges hold across the pieces that a store reads in."""
        await write(store, key, LONG)
        for start, stop in ((0, None), (65_535, 65_537), (1_000_000, None), (1, len(LONG) - 1)):
            assert await read(store, key, start, stop) == LONG[start:stop]

    async def test_pieces_of_any_size_become_one_blob(self, store: S, key: BlobKey) -> None:
        """How the bytes come in pieces, empty ones included, leaves no trace."""
        sizes = [1, 0, 7, 65_536, 3, 300_001, 0, 524_288, 1]
        async with store.write(key, content_type=JPEG) as writer:
            start = 0
            for size in sizes:
                await writer.write(LONG[start : start + size])
                start += size
        assert await self.raw_bytes(store, key) == LONG[: sum(sizes)]

    async def test_an_empty_blob_is_a_blob(self, store: S, key: BlobKey) -> None:
        """Nothing written is a blob of no bytes, not an absent one."""
        async with store.write(key, content_type=JPEG):
            pass
        assert await self.raw_bytes(store, key) == b""
        assert await read(store, key) == b""
        assert (await store.stat(key)).size == 0

    async def test_an_absent_blob_is_not_found(self, store: S, key: BlobKey) -> None:
        """`stat` says so at once, and `read` does on entering."""
        with pytest.raises(NotFound):
            await store.stat(key)
        with pytest.raises(NotFound):
            await store.read(key).__aenter__()
        with pytest.raises(NotFound):
            await store.read(key, 3, 5).__aenter__()

    async def test_nothing_shows_before_the_context_is_left(self, store: S, key: BlobKey) -> None:
        """A blob on its way in is neither found, nor listed, nor there."""
        async with store.write(key, content_type=JPEG) as writer:
            await writer.write(LONG)
            assert await self.raw_bytes(store, key) is None
            assert await collect(store.keys()) == []
            with pytest.raises(NotFound):
                await store.stat(key)
        assert await self.raw_bytes(store, key) == LONG

    async def test_an_older_blob_stays_until_it_is_replaced(self, store: S, key: BlobKey) -> None:
        """Readers see the older bytes until the newer ones are whole."""
        await write(store, key, OLD)
        async with store.write(key, content_type="image/png") as writer:
            await writer.write(NEW)
            assert await read(store, key) == OLD
            assert (await store.stat(key)).content_type == JPEG
        assert await read(store, key) == NEW
        info = await store.stat(key)
        assert (info.size, info.content_type) == (len(NEW), "image/png")

    async def test_an_error_leaves_no_trace(self, store: S, key: BlobKey) -> None:
        """After an error in the context, which passes through, it is as if nothing had begun."""
        with pytest.raises(_PowerFails):
            await self._write_and_fail(store, key)
        assert await self.raw_bytes(store, key) is None
        assert await collect(store.keys()) == []
        assert await self.leftovers(store) == 0

    async def test_an_error_leaves_an_older_blob(self, store: S, key: BlobKey) -> None:
        """A replacement that fails changes nothing."""
        await write(store, key, OLD)
        with pytest.raises(_PowerFails):
            await self._write_and_fail(store, key)
        assert await self.raw_bytes(store, key) == OLD
        assert (await store.stat(key)).size == len(OLD)
        assert await self.leftovers(store) == 0

    async def test_a_cancellation_leaves_an_older_blob(self, store: S, key: BlobKey) -> None:
        """A writer that is cancelled in the middle leaves what was there, and no remains."""
        await write(store, key, OLD)
        async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as group:
            begun = asyncio.Event()
            task = group.create_task(_write_and_stall(store, key, begun))
            await begun.wait()
            task.cancel()
        assert await self.raw_bytes(store, key) == OLD
        assert await self.leftovers(store) == 0

    async def test_a_cancellation_at_any_step_tears_nothing(self, store: S, key: BlobKey) -> None:
        """Whenever it comes, the blob is the older or the newer one, and whole."""
        for steps in range(24):
            await write(store, key, OLD)
            cancelled = await cancelled_after(steps, lambda: write(store, key, LONG))
            there = await self.raw_bytes(store, key)
            assert there in ({OLD, LONG} if cancelled else {LONG}), f"after {steps} steps"
            assert await self.leftovers(store) == 0

    async def test_a_reader_sees_one_version(self, store: S, key: BlobKey) -> None:
        """Who began to read before a blob was replaced never gets a mixture."""
        await write(store, key, LONG)
        async with store.read(key) as chunks:
            seen = await anext(chunks)
            await write(store, key, LONG[::-1])
            seen += b"".join([chunk async for chunk in chunks])
        assert seen == LONG

    async def test_reading_may_end_early(self, store: S, key: BlobKey) -> None:
        """Leaving the context in the middle gives back what it held, time after time."""
        await write(store, key, LONG)
        for _ in range(50):
            async with asyncio.timeout(DEADLINE_SECONDS), store.read(key) as chunks:
                assert LONG.startswith(await anext(chunks))
        assert await read(store, key) == LONG

    async def test_a_deleted_blob_is_gone(self, store: S, key: BlobKey) -> None:
        """It is gone for every method and by other means; deleting it again is fine."""
        await write(store, key, OLD)
        await store.delete(key)
        await store.delete(key)
        assert await self.raw_bytes(store, key) is None
        assert await collect(store.keys()) == []
        with pytest.raises(NotFound):
            await store.stat(key)

    async def test_keys_lists_every_owner_and_kind(self, store: S, make: Maker) -> None:
        """Every blob is listed once, whoever owns it and whatever it is."""
        keys = {key_of(make, owner, kind) for owner in (ADA, BOB) for kind in BlobKind}
        keys |= {key_of(make, OwnerId("Auth0_Subject-9")) for _ in range(5)}
        for key in keys:
            await self.plant(store, key, OLD)
        listed = await collect(store.keys())
        assert len(listed) == len(keys)
        assert set(listed) == keys

    async def test_owners_and_kinds_are_apart(self, store: S, make: Maker) -> None:
        """The same name of another owner, or another kind, is another blob."""
        mine = key_of(make)
        theirs = BlobKey(BOB, mine.kind, mine.name)
        thumbnail = BlobKey(ADA, BlobKind.THUMBNAIL, mine.name)
        await write(store, mine, OLD)
        await write(store, theirs, NEW)
        with pytest.raises(NotFound):
            await store.stat(thumbnail)
        await store.delete(theirs)
        assert await self.raw_bytes(store, mine) == OLD

    async def test_owners_that_differ_in_case_are_apart(self, store: S, make: Maker) -> None:
        """An identity provider may hand out such subjects."""
        lower = key_of(make, OwnerId("subject"))
        upper = BlobKey(OwnerId("SUBJECT"), lower.kind, lower.name)
        await write(store, lower, OLD)
        with pytest.raises(NotFound):
            await store.stat(upper)
        await write(store, upper, NEW)
        assert await read(store, lower) == OLD

    async def test_writers_of_one_key_do_not_mix(self, store: S, key: BlobKey) -> None:
        """Of many that write at once one wins, whole."""
        versions = [bytes([number]) * 200_000 for number in range(16)]
        await at_once([write(store, key, version) for version in versions])
        assert await self.raw_bytes(store, key) in versions
        assert await collect(store.keys()) == [key]
        assert await self.leftovers(store) == 0

    async def test_many_calls_at_once_all_count(self, store: S, make: Maker) -> None:
        """Fifty blobs written at once are all there, and are read at once."""
        keys = [key_of(make) for _ in range(50)]
        contents = [f"blob {number}".encode() * 1000 for number in range(50)]
        await at_once([write(store, *pair) for pair in zip(keys, contents, strict=True)])
        assert await at_once([read(store, key) for key in keys]) == contents
        assert set(await collect(store.keys())) == set(keys)

    async def test_a_local_path_is_where_the_bytes_lie(self, store: S, key: BlobKey) -> None:
        """A store that names a file keeps exactly the blob in it; it may name an absent one."""
        before = store.local_path(key)
        await write(store, key, OLD)
        path = store.local_path(key)
        assert (before is None) == (path is None)
        if path is not None:
            assert await asyncio.to_thread(Path(path).read_bytes) == OLD

    async def test_urls_are_signed_by_stores_that_can(
        self, store: S, key: BlobKey, clock: FixedClock
    ) -> None:
        """Either both kinds of URL are given, or imgtag takes and sends the bytes itself."""
        await write(store, key, OLD)
        terms = UploadTerms(JPEG, 1000, clock.now() + HOUR)
        ticket = await store.upload_ticket(key, terms)
        url = await store.download_url(key, file_name="a.jpg", content_type=JPEG, expires_in=HOUR)
        assert (ticket is not None) == (url is not None) == self.signs_urls
        if ticket is not None:
            assert ticket.url.startswith("http")
            assert ticket.expires_at <= terms.expires_at

    async def _write_and_fail(self, store: S, key: BlobKey) -> None:
        async with store.write(key, content_type=JPEG) as writer:
            await writer.write(LONG)
            raise _PowerFails


def key_of(make: Maker, owner: OwnerId = ADA, kind: BlobKind = BlobKind.ORIGINAL) -> BlobKey:
    """Name a blob that nobody has."""
    return BlobKey(owner, kind, make.photo_id())


async def write(store: BlobStore, key: BlobKey, content: bytes) -> None:
    """Write a JPEG in one piece."""
    async with store.write(key, content_type=JPEG) as writer:
        await writer.write(content)


async def read(store: BlobStore, key: BlobKey, start: int = 0, stop: int | None = None) -> bytes:
    """Read a range whole."""
    async with asyncio.timeout(DEADLINE_SECONDS), store.read(key, start, stop) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def _write_and_stall(store: BlobStore, key: BlobKey, begun: asyncio.Event) -> None:
    async with store.write(key, content_type=JPEG) as writer:
        await writer.write(LONG)
        begun.set()
        await asyncio.Event().wait()
