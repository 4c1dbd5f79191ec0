"""How photos come and go: reservations, their bytes, and who has which bytes."""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from imgtag.backends.aws.catalog import rows
from imgtag.backends.aws.catalog.keys import Keys
from imgtag.backends.aws.catalog.rows import Change, Record
from imgtag.backends.aws.catalog.writer import Writer
from imgtag.backends.aws.table import (
    ATTEMPTS,
    NEW,
    THERE,
    Action,
    Condition,
    Item,
    back_off,
)
from imgtag.domain.errors import Conflict, NotFound, Unavailable
from imgtag.domain.ids import PhotoId
from imgtag.domain.photos import Content, Photo, PhotoState

# Each takes up to four items of a transaction, and the tallies of all shards take a few more.
_RESERVED_AT_ONCE: Final = 20


class Intake:
    """Reserves, stores and forgets photos of one catalog."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._table = writer.table

    async def reserve(self, keys: Keys, photos: Sequence[Photo]) -> Sequence[Photo]:
        """Add *photos*, or find those with the same bytes; answer in order."""
        known = await self._holders(keys, {photo.sha256 for photo in photos if photo.sha256})
        answers: dict[PhotoId, Photo] = {}
        added: dict[str, Photo] = {}
        for photo in photos:
            twin = known.get(photo.sha256 or "") or added.get(photo.sha256 or "")
            answers[photo.id] = twin or photo
            if photo.sha256 and not twin:
                added[photo.sha256] = photo
        fresh = list({photo.id: photo for photo in photos if answers[photo.id] is photo}.values())
        for start in range(0, len(fresh), _RESERVED_AT_ONCE):
            reserved = await self._reserve_batch(keys, fresh[start : start + _RESERVED_AT_ONCE])
            answers |= reserved
        return [self._final(answers, photo) for photo in photos]

    @staticmethod
    def _final(answers: Mapping[PhotoId, Photo], photo: Photo) -> Photo:
        answer = answers[photo.id]
        # A twin within the call may itself have lost to somebody else's reservation.
        return answers.get(answer.id, answer)

    async def _holders(self, keys: Keys, hashes: set[str]) -> Mapping[str, Photo]:
        pointers = await self._table.get_many([keys.content(sha256) for sha256 in hashes])
        holders = {
            sha256: PhotoId(str(pointers[keys.content(sha256)]["photo"]))
            for sha256 in hashes
            if keys.content(sha256) in pointers
        }
        items = await self._table.get_many([keys.photo(photo) for photo in holders.values()])
        found = {}
        for sha256, photo in holders.items():
            item = items.get(keys.photo(photo))
            if item and "doc" in item:
                found[sha256] = Record.of(keys.owner, item).photo
        return found

    async def _reserve_batch(self, keys: Keys, photos: Sequence[Photo]) -> Mapping[PhotoId, Photo]:
        changes = [
            Change(photo.id, None, rows.new(photo), tuple(self._claims(keys, photo)))
            for photo in photos
        ]
        try:
            await self._writer.commit(keys, changes, secrets.token_hex(8))
        except Conflict:
            return {photo.id: await self._reserve_one(keys, photo) for photo in photos}
        return {photo.id: photo for photo in photos}

    def _claims(self, keys: Keys, photo: Photo) -> Sequence[Action]:
        if not photo.sha256:
            return ()
        return [self._table.put(_claim(keys, photo.sha256, photo.id), NEW)]

    async def _reserve_one(self, keys: Keys, photo: Photo) -> Photo:
        mark = secrets.token_hex(8)
        for attempt in range(ATTEMPTS):
            claims: Sequence[Action] = ()
            if photo.sha256:
                pointer, holder = await self._pointer(keys, photo.sha256)
                if holder:
                    return holder.photo
                claims = [self._take(keys, photo.sha256, photo.id, pointer)]
            change = Change(photo.id, None, rows.new(photo), tuple(claims))
            try:
                await self._writer.commit(keys, [change], mark)
            except Conflict:
                with suppress(NotFound):
                    return (await self._writer.meant_by(keys, photo.id)).photo
                await back_off(attempt)
            else:
                return photo
        raise Unavailable("others keep reserving this photo", code="aws_busy")

    async def _pointer(self, keys: Keys, sha256: str) -> tuple[Item | None, Record | None]:
        """Find who has these bytes, or means to send them; a pointer may point to nobody."""
        pointer = await self._table.get(keys.content(sha256))
        if pointer is None:
            return None, None
        return pointer, await self._writer.record(keys, PhotoId(str(pointer["photo"])))

    def _take(self, keys: Keys, sha256: str, photo: PhotoId, pointer: Item | None) -> Action:
        """Make *photo* the holder, in the place of whom *pointer* names."""
        guard = Condition("photo = :was", {":was": str(pointer["photo"])}) if pointer else NEW
        claim = _claim(keys, sha256, photo)
        if pointer and pointer["photo"] != photo:
            claim["before"] = pointer["photo"]
        return self._table.put(claim, guard)

    async def _let_go(self, keys: Keys, photo: Photo) -> Sequence[Action]:
        """End the claim of *photo*, if it holds one; who had to give way to it has it again."""
        if not photo.sha256:
            return ()
        pointer = await self._table.get(keys.content(photo.sha256))
        if not pointer or pointer["photo"] != photo.id:
            return ()
        guard = Condition("photo = :was", {":was": photo.id})
        before = pointer.get("before")
        earlier = await self._writer.record(keys, PhotoId(str(before))) if before else None
        if earlier and earlier.photo.sha256 == photo.sha256:
            return [self._table.put(_claim(keys, photo.sha256, earlier.photo.id), guard)]
        return [self._table.remove(keys.content(photo.sha256), guard)]

    async def store(self, keys: Keys, photo: PhotoId, content: Content) -> tuple[Photo, bool]:
        """Record *content*; tell which photo it became, and whether that is new."""
        mark = secrets.token_hex(8)
        for attempt in range(ATTEMPTS):
            known = await self._writer.meant_by(keys, photo)
            stored = known.photo.stored(content)
            if known.written_by == mark:
                return known.photo, True
            if stored is known.photo:
                return stored, False
            try:
                return await self._store(keys, known, stored, mark)
            except Conflict:
                await back_off(attempt)
        raise Unavailable("others keep changing this photo", code="aws_busy")

    async def _store(
        self, keys: Keys, known: Record, stored: Photo, mark: str
    ) -> tuple[Photo, bool]:
        sha256 = stored.sha256 or ""
        pointer, holder = await self._pointer(keys, sha256)
        if holder and holder.photo.id != stored.id and holder.photo.content:
            await self._end(keys, known, holder.photo.id, mark)
            return holder.photo, False
        extra = [self._take(keys, sha256, stored.id, pointer)]
        if known.photo.sha256 != sha256:
            extra += await self._let_go(keys, known.photo)
        target = known.becomes(stored, self._writer.clock.now())
        await self._writer.walk(keys, Change(stored.id, known, target, tuple(extra)), mark)
        return stored, True

    async def _end(self, keys: Keys, known: Record, holder: PhotoId, mark: str) -> None:
        """Let a reservation mean the photo that was there first."""
        pk, sk = keys.photo(known.photo.id)
        alias: Item = {"pk": pk, "sk": sk, "alias": holder, "gen": known.generation + 1}
        extra = [*await self._let_go(keys, known.photo)]
        extra.append(self._table.require(keys.photo(holder), THERE))
        change = Change(known.photo.id, known, None, tuple(extra), alias)
        await self._writer.commit(keys, [change], mark)

    async def forget(
        self, keys: Keys, photo: PhotoId, remains: Item, with_it: Sequence[Action]
    ) -> bool:
        """Leave nothing of a photo but *remains*, and do what goes *with it*, if there was one.

        Tells whether there was. Raises `Conflict` for a photo in the library.
        """
        mark = secrets.token_hex(8)
        for attempt in range(ATTEMPTS):
            item = await self._writer.item(keys, photo)
            if item is None or "doc" not in item:
                return bool(item and item.get("op") == mark)
            known = Record.of(keys.owner, item)
            if known.photo.in_library:
                raise Conflict("a photo is put in the trash before it is deleted for good")
            left = {**remains, "gen": known.generation + 1}
            extra = (*await self._let_go(keys, known.photo), *with_it)
            try:
                await self._writer.commit(keys, [Change(photo, known, None, extra, left)], mark)
            except Conflict:
                await back_off(attempt)
            else:
                return True
        raise Unavailable("others keep changing this photo", code="aws_busy")


def _claim(keys: Keys, sha256: str, photo: PhotoId) -> Item:
    pk, sk = keys.content(sha256)
    return {"pk": pk, "sk": sk, "photo": photo}


def relabelled(photo: Photo) -> Photo:
    """Set a photo back to STORED. Raises `Conflict` if it awaits its bytes."""
    if photo.state is PhotoState.AWAITING:
        raise Conflict("the bytes of this photo have not arrived yet")
    return replace(photo, state=PhotoState.STORED, failure=None)
