"""Checking archives: every way in which one can differ from its manifest."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from imgtag.__main__ import main

PHOTOS = {"lake.jpg": b"a lake" * 1000, "höhle.heic": b"a cave" * 2000, "x.png": b""}


def described(photos: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Describe photos as a manifest does."""
    return [
        {
            "name": name,
            "id": "p",
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for name, content in photos.items()
    ]


def build(
    path: Path,
    members: Mapping[str, bytes] = PHOTOS,
    manifest: Any = None,
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    """Write an archive of *members* with a manifest of `PHOTOS`."""
    told = {"photos": described(PHOTOS), "missing": []} if manifest is None else manifest
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr("manifest.json", told if isinstance(told, bytes) else json.dumps(told))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the archive will be."""
    return tmp_path / "x.zip"


def differences(path: Path, capsys: pytest.CaptureFixture[str]) -> set[tuple[str, str]]:
    """Verify, and read the differences out of the JSON."""
    code = main(["verify", str(path), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (code == 0) == told["ok"] == (not told["differences"])
    return {(each["problem"], each["name"]) for each in told["differences"]}


def test_as_it_should_be(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A right archive is told to be one, sidecars and all, deflated or not."""
    members = {**PHOTOS, "lake.jpg.xmp": b"<xmp/>"}
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        assert main(["verify", str(build(path, members, compression=compression))]) == 0
        told = capsys.readouterr()
        assert "3 photos" in told.out
        assert not told.err


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({**PHOTOS, "lake.jpg": b"a lakf" * 1000}, {("wrong_sha256", "lake.jpg")}),
        ({**PHOTOS, "lake.jpg": b"a lake"}, {("wrong_size", "lake.jpg")}),
        ({**PHOTOS, "more.jpg": b""}, {("extra", "more.jpg")}),
        ({**PHOTOS, "more.jpg.xmp": b""}, {("extra", "more.jpg.xmp")}),
        ({"lake.jpg": PHOTOS["lake.jpg"]}, {("missing", "höhle.heic"), ("missing", "x.png")}),
    ],
)
def test_differs(
    path: Path,
    capsys: pytest.CaptureFixture[str],
    members: Mapping[str, bytes],
    expected: set[tuple[str, str]],
) -> None:
    """Each kind of difference is named, with the member."""
    assert differences(build(path, members), capsys) == expected
    assert main(["verify", str(path)]) == 1
    told = capsys.readouterr()
    assert not told.out
    assert f": {len(expected)} difference" in told.err


def test_one_flipped_bit(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bit that flipped in a member is found by its CRC-32, and the others are still read."""
    content = bytearray(build(path).read_bytes())
    content[content.index(b"a cave") + 3000] ^= 1
    path.write_bytes(content)
    assert differences(path, capsys) == {("damaged", "höhle.heic")}


def test_twice(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A member that is there twice is a difference."""
    build(path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("lake.jpg", PHOTOS["lake.jpg"])
    assert differences(path, capsys) == {("twice", "lake.jpg")}


def test_manifest_admits(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the manifest itself calls missing is a difference."""
    build(path, manifest={"photos": described(PHOTOS), "missing": ["gone.jpg"]})
    assert differences(path, capsys) == {("left_out", "gone.jpg")}


@pytest.mark.parametrize(
    "manifest",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"photos": [{}], "missing": []}',
        b"\xff",
        b'{"photos": 1, "missing": []}',
    ],
)
def test_other_manifest(path: Path, capsys: pytest.CaptureFixture[str], manifest: bytes) -> None:
    """A manifest that imgtag didn't write is one line."""
    assert main(["verify", str(build(path, manifest=manifest))]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_no_manifest(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An archive without a manifest can't be verified."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lake.jpg", b"a lake")
    assert main(["verify", str(path)]) == 1
    assert "it has no manifest.json" in capsys.readouterr().err


def test_cut_anywhere(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Wherever an archive was cut off, that is told in one line and without a traceback."""
    whole = build(path).read_bytes()
    for stop in range(0, len(whole), 197):
        path.write_bytes(whole[:stop])
        assert main(["verify", str(path)]) == 1
        assert capsys.readouterr().err.count("\n") == 1


def test_spoilt_anywhere(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whichever byte of the directory is spoilt, the check ends and never with a traceback."""
    whole = build(path, {name: content[:30] for name, content in PHOTOS.items()}).read_bytes()
    for at in range(0, len(whole), 3):
        spoilt = bytearray(whole)
        spoilt[at] ^= 0xFF
        path.write_bytes(spoilt)
        assert main(["verify", str(path)]) in {0, 1}
    capsys.readouterr()


def test_no_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A file that isn't there, or a folder, is wrong usage."""
    for what in (tmp_path / "nothing.zip", tmp_path):
        assert main(["verify", str(what)]) == 2
    assert "does not exist" in capsys.readouterr().err
