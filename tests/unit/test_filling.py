"""Parts of an archive are filled all at once, and every byte is measured."""

import random
import zlib

import pytest

from imgtag.domain.errors import Unavailable
from imgtag.pipeline.download import Damaged
from imgtag.pipeline.filling import Members, Part, fill
from tests.unit.archives import Bodies, lay_out, part_of

SIZES = (0, 1, 70_000, 300_000, 900_000, 10)
FILES = {f"{size}.jpg": random.Random(size).randbytes(size) for size in SIZES}
BODIES = list(FILES.values())
ARCHIVE = lay_out(FILES)
WHOLE = part_of(ARCHIVE, BODIES)


@pytest.mark.parametrize("length", [1000, 100_000, 400_000, len(WHOLE)])
async def test_parts_make_the_whole(length: int) -> None:
    """Byte for byte, each with its checksum, and all members pass."""
    members, contents = Members(ARCHIVE), []
    for start in range(0, len(WHOLE), length):
        stop = min(start + length, len(WHOLE))
        part = await fill(ARCHIVE, Bodies(BODIES), start=start, stop=stop)
        members.check(part)
        contents.append(part.content.getvalue())
        assert part.crc32 == zlib.crc32(contents[-1])
    assert b"".join(contents) == WHOLE
    assert members.unfinished == 0


async def parts(bodies: list[bytes | None], length: int = 100_000) -> list[Part]:
    """Fill all parts."""
    return [
        await fill(ARCHIVE, Bodies(bodies), start=start, stop=min(start + length, len(WHOLE)))
        for start in range(0, len(WHOLE), length)
    ]


@pytest.mark.parametrize("length", [100_000, len(WHOLE)])
async def test_other_bytes_are_damage(length: int) -> None:
    """In a member that lies in one part as in one that lies across many, in whatever order."""
    other = bytearray(BODIES[4])
    other[-1] ^= 1
    members = Members(ARCHIVE)
    filled = await parts([*BODIES[:4], bytes(other), *BODIES[5:]], length)
    random.Random(3).shuffle(filled)

    def check_all() -> None:
        for part in filled:
            members.check(part)

    with pytest.raises(Damaged) as caught:
        check_all()
    assert (caught.value.index, caught.value.reason) == (4, "its bytes are not the ones that came")


@pytest.mark.parametrize("bad", [None, b"", BODIES[4][:-1]])
async def test_absent_and_short_members_are_damage(bad: bytes | None) -> None:
    """Told by the member's number, and in no group."""
    with pytest.raises(Damaged) as caught:
        await parts([*BODIES[:4], bad, *BODIES[5:]])
    assert caught.value.index == 4


async def test_a_store_that_does_not_answer_is_told_as_itself() -> None:
    """So that the part is tried again."""

    class Away(Bodies):
        def read(self, index: int, start: int, stop: int) -> "object":  # type: ignore[override]
            raise Unavailable("S3 is away")

    with pytest.raises(Unavailable):
        await fill(ARCHIVE, Away(BODIES), start=0, stop=len(WHOLE))  # type: ignore[arg-type]


async def test_a_part_is_read_all_at_once() -> None:
    """Members far away don't wait for one another."""
    files = {f"{number}.jpg": bytes(1000) for number in range(50)}
    source, archive = Bodies(list(files.values())), lay_out(files)
    await fill(archive, source, start=0, stop=archive.size)
    assert source.most_reading > 10
