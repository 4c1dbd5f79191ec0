import io
import os
import random
import struct
import subprocess
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from imgtag.domain.names import member_names
from imgtag.pipeline.archive import Archive, Literal, Member, Slice, inline
from tests.unit.archives import TAKEN_AT, lay_out, part_of
from tests.unit.test_names import HOSTILE

UNZIPPERS = (
    ("unzip", "-tqq"),
    ("7z", "t", "-bso0"),
    ("bsdtar", "-xOf"),
    ("jar", "--list", "--file"),
)
GIB = 1 << 30
UTF8 = {**os.environ, "LC_ALL": "C.UTF-8"}


def some_files(count: int, seed: int = 1) -> dict[str, bytes]:
    """Make up *count* small files."""
    chance = random.Random(seed)
    return {
        f"photo {number} é.jpg": chance.randbytes(chance.randrange(9)) for number in range(count)
    }


def write(path: Path, files: dict[str, bytes]) -> Path:
    """Write the archive of *files*."""
    path.write_bytes(part_of(lay_out(files), list(files.values())))
    return path


def write_sparse(path: Path, archive: Archive) -> Path:
    """Write an archive whose members are all zeros, without the zeros."""
    with path.open("wb") as file:
        for segment in archive.segments():
            if isinstance(segment, Literal):
                file.write(segment.data)
            else:
                file.seek(segment.stop - segment.start, io.SEEK_CUR)
    return path


def run(*command: str | Path) -> bytes:
    """Run a program that must not complain."""
    return subprocess.run(command, check=True, capture_output=True, timeout=250).stdout


@pytest.fixture(scope="module", params=[1, 65_534, 65_535, 65_536, 70_000])
def archived(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, bytes]]:
    """An archive on disk, and what is in it."""
    files = some_files(request.param)
    return write(tmp_path_factory.mktemp("archives") / "a.zip", files), files


def test_python_reads_any_number_of_members(archived: tuple[Path, dict[str, bytes]]) -> None:
    """Also around 65,535, where the count stops to fit and ZIP64 begins."""
    path, files = archived
    with zipfile.ZipFile(path) as opened:
        assert opened.namelist() == list(files)
        for name in list(files)[-100:]:
            assert opened.read(name) == files[name]
    assert (b"PK\6\6" in path.read_bytes()[-200:]) == (len(files) >= 65_535)


@pytest.mark.parametrize("unzipper", UNZIPPERS, ids=lambda command: command[0])
def test_every_unzipper_reads_it(
    archived: tuple[Path, dict[str, bytes]], unzipper: tuple[str, ...]
) -> None:
    """Info-ZIP, 7-Zip, libarchive and Java find names, sizes and checksums right."""
    path, files = archived
    output = run(*unzipper, path)
    if unzipper[0] == "bsdtar":
        assert output == b"".join(files.values())
    if unzipper[0] == "jar":
        assert output.count(b"\n") == len(files)


def test_an_empty_archive_is_one() -> None:
    """No members are an archive of 22 bytes."""
    assert part_of(Archive([]), []) == b"PK\5\6" + bytes(18)


def test_it_can_be_read_from_a_pipe(tmp_path: Path) -> None:
    """Local headers say all there is to know, so that nobody has to seek."""
    files = some_files(50)
    data = write(tmp_path / "a.zip", files).read_bytes()
    bodies = subprocess.run(("bsdtar", "-xOf", "-"), input=data, check=True, capture_output=True)
    assert bodies.stdout == b"".join(files.values())


@pytest.mark.parametrize("unzipper", ["unzip", "7z", "bsdtar", "jar"])
def test_hostile_names_come_out_once_each(tmp_path: Path, unzipper: str) -> None:
    """Every unzipper extracts as many files as went in, all inside of its folder."""
    names = member_names([(name, "image/jpeg") for name in HOSTILE * 3])
    files = {name: str(number).encode() for number, name in enumerate(names)}
    path = write(tmp_path / "a.zip", files)
    target = tmp_path / "out"
    target.mkdir()
    command = {
        "unzip": ("unzip", "-qq", path, "-d", target),
        "7z": ("7z", "x", "-bso0", f"-o{target}", path),
        "bsdtar": ("bsdtar", "-xf", path, "-C", target),
        "jar": ("jar", "--extract", "--file", path),
    }[unzipper]
    subprocess.run(command, check=True, capture_output=True, cwd=target, env=UTF8)
    bodies = sorted(file.read_bytes() for file in target.rglob("*") if file.is_file())
    assert bodies == sorted(files.values())
    assert all(file.parent == target for file in target.rglob("*"))


@pytest.mark.parametrize("size", [4 * GIB - 1, 4 * GIB, 4 * GIB + 1])
def test_members_around_four_gib(tmp_path: Path, size: int) -> None:
    """A large member is listed with its size, and what follows it is found."""
    after = b"behind four gigabytes"
    archive = Archive(
        [
            Member("large.jpg", size, 0, TAKEN_AT),
            inline("after.jpg", lambda: after, TAKEN_AT),
        ]
    )
    path = write_sparse(tmp_path / "a.zip", archive)
    assert path.stat().st_size == archive.size
    with zipfile.ZipFile(path) as opened:
        assert opened.getinfo("large.jpg").file_size == size
        assert opened.read("after.jpg") == after
    if size != 4 * GIB - 1:  # there, Info-ZIP 6.0 takes the next member's offset for its size
        assert run("unzip", "-p", path, "after.jpg") == after
    assert run("7z", "e", "-so", path, "after.jpg") == after
    assert str(size).encode() in run("bsdtar", "-tvf", path)


def test_only_what_is_large_is_marked_so(tmp_path: Path) -> None:
    """ZIP64 raises the version of those members alone that need it."""
    sizes = [1, 0xFFFFFFFE, 0xFFFFFFFF, 1]
    archive = Archive(
        Member(f"{number}.jpg", size, 0, TAKEN_AT) for number, size in enumerate(sizes)
    )
    with zipfile.ZipFile(write_sparse(tmp_path / "a.zip", archive)) as opened:
        needed = [(info.extract_version, bool(info.extra)) for info in opened.infolist()]
    # The third needs it for its size, and it and the last for where they begin.
    assert needed == [(20, False), (20, False), (45, True), (45, True)]


def test_headers_are_what_strict_readers_ask_for() -> None:
    """Local and central headers agree: stored, UTF-8, real sizes, no descriptors, plain files."""
    files = some_files(20)
    data = part_of(lay_out(files), list(files.values()))
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        for info in opened.infolist():
            local = struct.unpack_from("<4s5H3L2H", data, info.header_offset)
            assert local[:4] == (b"PK\3\4", 20, 1 << 11, zipfile.ZIP_STORED)
            assert local[6:9] == (info.CRC, info.file_size, info.file_size)
            assert (info.flag_bits, info.compress_type) == (1 << 11, zipfile.ZIP_STORED)
            assert (info.create_system, info.external_attr >> 16) == (3, 0o100644)
            assert info.date_time == (2026, 5, 1, 12, 30, 14)


@pytest.mark.parametrize(
    ("moment", "kept"),
    [
        (datetime(1826, 1, 1, tzinfo=UTC), (1980, 1, 1, 0, 0, 0)),
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), (2026, 12, 31, 23, 59, 58)),
        (datetime(2200, 2, 3, 4, 5, 6, tzinfo=UTC), (2107, 2, 3, 4, 5, 6)),
    ],
)
def test_times_are_kept_as_far_as_they_fit(moment: datetime, kept: tuple[int, ...]) -> None:
    """Years outside of 1980 to 2107 become the nearest."""
    archive = Archive([Member("a.jpg", 0, 0, moment)])
    with zipfile.ZipFile(io.BytesIO(part_of(archive, [b""]))) as opened:
        assert opened.infolist()[0].date_time == kept


def test_any_part_is_what_the_whole_has_there() -> None:
    """Two thousand parts, cut anywhere, are identical to the same part of the whole."""
    files = some_files(700)
    archive, bodies = lay_out(files), list(files.values())
    whole = part_of(archive, bodies)
    chance = random.Random(3)
    for _ in range(2000):
        start = chance.randrange(len(whole) + 1)
        stop = min(start + chance.choice([0, 1, 7, 100, 2000]), len(whole) + 5)
        assert part_of(archive, bodies, start, stop) == whole[start:stop]
    assert len(whole) == archive.size


def test_inline_members_bring_their_own_bytes() -> None:
    """A member with content needs no reader, in parts neither."""
    archive = Archive([inline("a.xmp", lambda: b"labels", TAKEN_AT)])
    whole = part_of(archive, [])
    assert b"labels" in whole
    assert not any(isinstance(segment, Slice) for segment in archive.segments())
    assert part_of(archive, [], 20, 40) == whole[20:40]


def test_the_same_members_give_the_same_bytes() -> None:
    """A download can be resumed from another process, after an update of nothing but the code."""
    files = some_files(100)
    bodies = list(files.values())
    assert part_of(lay_out(files), bodies) == part_of(lay_out(files), bodies)


def test_members_take_little_memory() -> None:
    """About a hundred bytes each, names included: they are not kept as objects."""

    def members() -> Iterator[Member]:
        for number in range(20_000):
            yield Member(f"photo-{number:06d}.jpg", 270_000, number, TAKEN_AT)

    tracemalloc.start()
    try:
        archive = Archive(members())
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(archive) == 20_000
    assert held < 20_000 * 110
