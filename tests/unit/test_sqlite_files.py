"""Where photos lie on the disk, what a killed process leaves there, and whose folder it is."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imgtag.backends.local import durable, files
from imgtag.backends.local.files import FileBlobStore, open_blobs
from imgtag.backends.local.lock import open_data_dir
from imgtag.backends.local.outbox import OutboxNotifier
from imgtag.backends.memory import MemoryRecordStore
from imgtag.domain.errors import Invalid, Unavailable
from imgtag.domain.ids import Id, OwnerId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.ports import Notice
from imgtag.testing.clock import FixedClock

NOTICE = Notice("1", OwnerId("ada"), "s", "t")
KEY = BlobKey(OwnerId("Ada-1"), BlobKind.ORIGINAL, Id("01rbrpnvg0n4w7bzjgkb1fnr70"))

HOLDER = """
import sys
from pathlib import Path
from imgtag.backends.local.durable import workshop
from imgtag.backends.local.lock import open_data_dir
with open_data_dir(Path(sys.argv[1])) as folder, workshop(folder / "incoming") as mine:
    (mine / "half").write_bytes(b"half a photo")
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FileBlobStore]:
    """Open an empty store."""
    async with open_blobs(tmp_path / "blobs") as store:
        yield store


async def write(store: FileBlobStore, key: BlobKey, *pieces: bytes) -> None:
    """Write a blob in pieces."""
    async with store.write(key, content_type="image/jpeg") as writer:
        for piece in pieces:
            await writer.write(piece)


async def test_a_photo_lies_under_its_id(store: FileBlobStore, tmp_path: Path) -> None:
    """Spread by the random end of the id, and apart from owners that differ in case only."""
    await write(store, KEY, b"photo")
    expected = tmp_path / "blobs" / "originals" / "=ada-1" / "70" / "01rbrpnvg0n4w7bzjgkb1fnr70"
    assert store.local_path(KEY) == str(expected)
    assert expected.read_bytes() == b"photo"
    assert expected.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"\0\0\0\x18ftypmif1", "image/heif"),
        (b"PK\x03\x04", "application/zip"),
        (b'{"photos": []}', "application/json"),
        (b"", "application/octet-stream"),
    ],
)
async def test_a_file_from_a_backup_is_known_by_its_head(
    store: FileBlobStore, head: bytes, content_type: str
) -> None:
    """A copy that lost its attributes is described by what is in it."""
    path = store._path(KEY)
    path.parent.mkdir(parents=True)
    path.write_bytes(head)
    assert (await store.stat(KEY)).content_type == content_type


async def test_files_of_others_are_no_blobs(store: FileBlobStore) -> None:
    """What a file manager leaves behind is not listed."""
    await write(store, KEY, b"photo")
    store._path(KEY).with_name(".DS_Store").write_bytes(b"")
    (store._path(KEY).parents[2] / "Thumbs.db").write_bytes(b"")
    assert [key async for key in store.keys()] == [KEY]  # noqa: SIM118


async def test_bytes_name_and_folders_are_synced_in_order(
    store: FileBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file before it gets its name, then its folder; each new folder in the one above."""
    steps: list[str] = []

    def note(step: str) -> None:
        steps.append(f"{step}, named" if store._path(KEY).exists() else step)

    def note_folder(folder: str) -> None:
        note(str(Path(folder).relative_to(store._root)))

    monkeypatch.setattr(files, "sync_file", lambda _: note("the file"))
    monkeypatch.setattr(files, "sync_folder", note_folder)
    monkeypatch.setattr(durable, "sync_folder", note_folder)
    await write(store, KEY, b"photo")
    await write(store, KEY, b"photo")
    folder = "originals/=ada-1/70"
    assert steps == [
        *("the file", ".", "originals", "originals/=ada-1", f"{folder}, named"),
        *("the file, named", f"{folder}, named"),
    ]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("size", [10, 2_000_000])
async def test_a_failing_disk_leaves_the_older_photo(
    store: FileBlobStore, monkeypatch: pytest.MonkeyPatch, code: int, size: int
) -> None:
    """`storage_full` or `storage_failed`, no remains, and what was there is still there."""
    await write(store, KEY, b"older")

    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files, "sync_file", fail)
    with pytest.raises(Unavailable) as error:
        await write(store, KEY, b"n" * size, b"ewer")
    assert error.value.code == ("storage_failed" if code == errno.EIO else "storage_full")
    assert str(store._root) not in error.value.detail
    assert store._path(KEY).read_bytes() == b"older"
    assert not list(store._temporary.iterdir())


def test_folders_are_known_only_up_to_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forgetting them costs an fsync each, and nothing else."""
    monkeypatch.setattr(durable, "_MAX_KNOWN_FOLDERS", 3)
    folders = durable.Folders(tmp_path)
    for number in [*range(6), *range(6)]:
        folders.ensure(f"{tmp_path}/a/{number}")
        assert len(folders._known) <= 4
    assert len(list((tmp_path / "a").iterdir())) == 6


def test_a_second_service_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    """It is told which process has the folder; a killed one has it no longer."""
    folder = tmp_path / "data"
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"open\n"
        with (
            pytest.raises(Invalid, match=f"process {holder.pid}") as refusal,
            open_data_dir(folder),
        ):
            pass
        assert refusal.value.code == "data_dir_in_use"
        with durable.workshop(folder / "incoming") as mine:
            others = [path for path in mine.parent.iterdir() if path != mine]
            assert [path.name for other in others for path in other.iterdir()] == ["half"]
        holder.kill()
        holder.wait()
    with open_data_dir(folder), durable.workshop(folder / "incoming") as mine:
        assert list(mine.parent.iterdir()) == [mine]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_can_not_be_made_is_reported(tmp_path: Path) -> None:
    """One clear line, without a path of the machine."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Invalid) as refusal, open_data_dir(tmp_path / "file" / "data"):
        pass
    assert refusal.value.code == "data_dir_unusable"
    assert str(tmp_path) not in refusal.value.detail


async def test_a_notice_is_one_file_however_often_it_is_sent(tmp_path: Path) -> None:
    """It is whole, named after its id whatever is in it, and the same when it is sent again."""
    notifier = OutboxNotifier(tmp_path, MemoryRecordStore(FixedClock()))
    notice = Notice("bundle/../x", OwnerId("ada"), "Your photos are ready", "At /b/täst")
    for _ in range(2):
        await notifier.notify(notice)
    (path,) = list(os.scandir(tmp_path))
    assert path.name == "bundle%2F..%2Fx.json"
    text = (tmp_path / path.name).read_text(encoding="utf-8")
    assert '"text": "At /b/täst"' in text


async def test_an_outbox_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    """So that whoever notifies tries again later."""
    folder = tmp_path / "outbox"
    folder.mkdir()
    shutil.rmtree(folder)
    with pytest.raises(Unavailable):
        await OutboxNotifier(folder, MemoryRecordStore(FixedClock())).notify(NOTICE)


@pytest.mark.parametrize(
    "pieces",
    [
        (b"\xff\xd8", b"\xff\xe0 and more bytes than sixteen"),
        (b"", b"\xff\xd8\xff and more of it"),
        (),
    ],
)
async def test_a_type_that_the_bytes_deny_is_kept(
    store: FileBlobStore, pieces: tuple[bytes, ...]
) -> None:
    """Whatever the bytes look like, and in whatever pieces they come, the type is what was said."""
    async with store.write(KEY, content_type="application/x-other") as writer:
        for piece in pieces:
            await writer.write(piece)
    assert (await store.stat(KEY)).content_type == "application/x-other"
