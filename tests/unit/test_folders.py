"""Folders as sources: what is listed, and what is never followed."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from imgtag.backends.local.folders import MAX_DEPTH, FolderSource
from imgtag.domain.errors import Invalid, NotFound
from imgtag.domain.sources import Source
from imgtag.ports import SourceFile

Reader = Callable[[], FolderSource]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make the allowed folder."""
    path = tmp_path / "allowed"
    path.mkdir()
    return path


@pytest.fixture
def reader(folder: Path, tmp_path: Path) -> FolderSource:
    """Read it; the data folder lies beside it."""
    return FolderSource([Source.parse(str(folder))], tmp_path / "data")


def put(path: Path, content: bytes = b"photo") -> Path:
    """Write a file, and the folders on the way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


async def listed(reader: FolderSource, folder: Path, limit: int = 100) -> list[SourceFile]:
    """Read all pages."""
    source, found, after = Source.parse(str(folder)), [], None
    while True:
        page = await reader.page(source, after=after, limit=limit)
        assert len(page.files) <= limit
        found += page.files
        after = page.next
        if after is None:
            return found


async def read(reader: FolderSource, folder: Path, file: SourceFile) -> bytes:
    """Read one file."""
    async with reader.open(Source.parse(str(folder)), file) as reading:
        content = b"".join([chunk async for chunk in reading.chunks()])
        assert content.startswith(reading.head)
    return content


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_all_files_are_listed_once(reader: FolderSource, folder: Path, limit: int) -> None:
    """In folders of any depth and names of any bytes, however long a page is."""
    names = [
        b"a.jpg",
        b"a/b/c.jpg",
        b"a/z.jpg",
        b"a0/x.jpg",
        b"b\xff/\xfe.jpg",
        "é/ü #%.jpg".encode(),
    ]
    for number, name in enumerate(names):
        put(folder / os.fsdecode(name), b"%d" % number)
    (folder / "empty").mkdir()
    found = await listed(reader, folder, limit)
    assert [file.path for file in found] == sorted(
        (name.decode(errors="replace") for name in names), key=lambda path: path.split("/")
    )
    contents = [await read(reader, folder, file) for file in found]
    assert sorted(contents) == [b"%d" % number for number in range(len(names))]
    assert len({file.mark for file in found}) == len(found)


async def test_a_page_goes_on_where_a_file_has_gone(reader: FolderSource, folder: Path) -> None:
    """The cursor is a place between names, and need not be there any more."""
    for name in ("a/1.jpg", "a/2.jpg", "b/1.jpg"):
        put(folder / name)
    source = Source.parse(str(folder))
    page = await reader.page(source, after=None, limit=1)
    (folder / "a/1.jpg").unlink()
    rest = await reader.page(source, after=page.next, limit=10)
    assert [file.path for file in rest.files] == ["a/2.jpg", "b/1.jpg"]


async def test_hidden_files_are_left_out(reader: FolderSource, folder: Path) -> None:
    """And so is all that lies in hidden folders."""
    put(folder / ".hidden.jpg")
    put(folder / ".git/a.jpg")
    put(folder / "a.jpg")
    assert [file.path for file in await listed(reader, folder)] == ["a.jpg"]


async def test_what_is_no_file_is_refused_and_never_opened(
    reader: FolderSource, folder: Path, tmp_path: Path
) -> None:
    """Links to files and folders, within and without; pipes and sockets, which would block."""
    secret = put(tmp_path / "secret/a.jpg")
    inside = put(folder / "photos/a.jpg")
    (folder / "to-file").symlink_to(secret)
    (folder / "to-folder").symlink_to(secret.parent)
    (folder / "to-inside").symlink_to(inside)
    (folder / "loop").symlink_to(folder)
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "socket"))
        found = {file.path: file for file in await listed(reader, folder)}
    assert sorted(found) == [
        "dangling", "loop", "photos/a.jpg", "pipe", "socket", "to-file", "to-folder", "to-inside",
    ]  # fmt: skip
    for path in found.keys() - {"photos/a.jpg"}:
        with pytest.raises(Invalid) as caught:
            await read(reader, folder, found[path])
        assert caught.value.code == "not_a_file"


async def test_a_link_is_no_source(reader: FolderSource, folder: Path, tmp_path: Path) -> None:
    """A folder in the allowed one that is a link elsewhere can't be asked for."""
    put(tmp_path / "secret/a.jpg")
    (folder / "out").symlink_to(tmp_path / "secret")
    for asked in (folder / "out", folder / "missing", folder / "out/deeper"):
        with pytest.raises(Invalid) as caught:
            await listed(reader, asked)
        assert caught.value.code == "source_not_found"


async def test_the_allowed_folder_itself_may_be_reached_by_a_link(tmp_path: Path) -> None:
    """That is the operator's choice."""
    put(tmp_path / "disk/2024/a.jpg")
    (tmp_path / "photos").symlink_to(tmp_path / "disk")
    reader = FolderSource([Source.parse(str(tmp_path / "photos"))], tmp_path / "data")
    found = await listed(reader, tmp_path / "photos/2024")
    assert await read(reader, tmp_path / "photos/2024", found[0]) == b"photo"


@pytest.mark.parametrize("swapped", ["a", "a/b", "a/b/c.jpg"])
async def test_a_link_put_there_after_listing_is_not_followed(
    reader: FolderSource, folder: Path, tmp_path: Path, swapped: str
) -> None:
    """Whichever name on the way is swapped, the bytes of another file are never read."""
    put(tmp_path / "secret/b/c.jpg", b"secret")
    put(folder / "a/b/c.jpg", b"public")
    (file,) = await listed(reader, folder)
    (folder / swapped).rename(tmp_path / "aside")
    (folder / swapped).symlink_to(tmp_path / "secret" / Path(swapped).relative_to("a"))
    with pytest.raises((Invalid, NotFound)):
        await read(reader, folder, file)


@pytest.mark.parametrize("content", [b"other", b"longer than before", b""])
async def test_a_file_that_changed_since_is_refused(
    reader: FolderSource, folder: Path, content: bytes
) -> None:
    """What is read is the version that was listed."""
    path = put(folder / "a.jpg")
    (file,) = await listed(reader, folder)
    path.write_bytes(content)
    os.utime(path, ns=(1, 1))
    with pytest.raises(Invalid) as caught:
        await read(reader, folder, file)
    assert caught.value.code == "file_changed"


async def test_a_file_that_changes_while_it_is_read_is_refused(
    reader: FolderSource, folder: Path
) -> None:
    """At its end at the latest."""
    path = put(folder / "a.jpg")
    (file,) = await listed(reader, folder)
    async with reader.open(Source.parse(str(folder)), file) as reading:
        path.write_bytes(b"longer than before")
        with pytest.raises(Invalid) as caught:
            _ = [chunk async for chunk in reading.chunks()]
    assert caught.value.code == "file_changed"


async def test_a_file_that_is_gone_is_not_found(reader: FolderSource, folder: Path) -> None:
    """So that the others go on."""
    path = put(folder / "a/b.jpg")
    (file,) = await listed(reader, folder)
    path.unlink()
    with pytest.raises(NotFound):
        await read(reader, folder, file)


async def test_the_data_folder_is_kept_out(folder: Path) -> None:
    """The photos of all owners lie in it, under any folder that holds it and in any below."""
    put(folder / "data/blobs/originals/theirs.jpg")
    put(folder / "mine.jpg")
    reader = FolderSource([Source.parse(str(folder))], folder / "data")
    found = await listed(reader, folder)
    assert [(file.path, file.refusal is None) for file in found] == [
        ("data", False),
        ("mine.jpg", True),
    ]
    for asked in (folder / "data", folder / "data/blobs"):
        with pytest.raises(Invalid) as caught:
            await listed(reader, asked)
        assert caught.value.code == "source_not_readable"


async def test_folders_nested_without_end_are_refused(reader: FolderSource, folder: Path) -> None:
    """Instead of keeping a descriptor open for each."""
    deep = folder.joinpath(*["d"] * (MAX_DEPTH + 2))
    put(deep / "a.jpg")
    put(folder / "z.jpg")
    found = await listed(reader, folder)
    assert [file.refusal is None for file in found] == [False, True]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_what_may_not_be_read_is_told(reader: FolderSource, folder: Path) -> None:
    """A folder and a file without permission are left out by themselves."""
    put(folder / "closed/a.jpg").parent.chmod(0)
    put(folder / "locked.jpg").chmod(0)
    found = {file.path: file for file in await listed(reader, folder)}
    (folder / "closed").chmod(0o700)
    assert found["closed"].refusal
    with pytest.raises(Invalid) as caught:
        await read(reader, folder, found["locked.jpg"])
    assert caught.value.code == "unreadable"
