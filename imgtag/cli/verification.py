"""Checking an archive against its manifest, streaming, whatever wrote it."""

import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from imgtag.cli.running import Failed

MANIFEST: Final = "manifest.json"
SIDECAR: Final = ".xmp"
_CHUNK_BYTES: Final = 1024 * 1024
# Half a gigabyte describes a million photos.
_MAX_MANIFEST_BYTES: Final = 512 * 1024 * 1024
# What the standard library raises for archives that were cut, patched or made up.
_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A member that is not as the manifest says.

    *problem* is ``missing``, ``extra``, ``twice``, ``damaged``, ``wrong_size``, ``wrong_sha256`` or
    ``left_out``, which the manifest itself admits.
    """

    name: str
    problem: str
    detail: str


@dataclass(slots=True)
class Verdict:
    """What a check has found. *bytes* are those of the members that were read."""

    photos: int = 0
    bytes: int = 0
    differences: list[Difference] = field(default_factory=list)

    def differs(self, name: str, problem: str, detail: str) -> None:
        """Note a difference."""
        self.differences.append(Difference(name, problem, detail))


def verify_archive(path: Path, advance: Callable[[int], None] = lambda _: None) -> Verdict:
    """Compare every member with the manifest; *advance* hears of bytes as they are read.

    Raises `Failed` for what is no archive of imgtag, and `OSError`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _compare(archive, advance)
    except _DAMAGE as error:
        msg = f"{path}: this is not a whole ZIP archive: {error}"
        raise Failed(msg) from error


def _compare(archive: zipfile.ZipFile, advance: Callable[[int], None]) -> Verdict:
    verdict = Verdict()
    photos = _manifest(archive, verdict)
    members = _members(archive, verdict)
    for name, photo in photos.items():
        info = members.pop(name, None)
        if info is None:
            verdict.differs(name, "missing", "the manifest names it and it isn't there")
            continue
        verdict.photos += 1
        _check_photo(archive, info, photo, verdict, advance)
    for name, info in members.items():
        if name.endswith(SIDECAR) and name.removesuffix(SIDECAR) in photos:
            _digest(archive, info, verdict, advance)
        elif name != MANIFEST:
            verdict.differs(name, "extra", "the manifest doesn't name it")
    return verdict


def _manifest(archive: zipfile.ZipFile, verdict: Verdict) -> Mapping[str, Any]:
    """Read what should be there, by name."""
    try:
        info = archive.getinfo(MANIFEST)
    except KeyError:
        msg = f"{archive.filename}: it has no {MANIFEST}, so there is nothing to compare with"
        raise Failed(msg) from None
    if info.file_size > _MAX_MANIFEST_BYTES:
        msg = f"{archive.filename}: its {MANIFEST} is too large"
        raise Failed(msg)
    try:
        told = json.loads(archive.read(info))
        photos = {photo["name"]: (photo["size"], photo["sha256"]) for photo in told["photos"]}
        left_out = list(told["missing"])
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        msg = f"{archive.filename}: its {MANIFEST} is not one that imgtag writes"
        raise Failed(msg) from error
    if len(photos) != len(told["photos"]):
        verdict.differs(MANIFEST, "twice", "it names a photo twice")
    for name in left_out:
        verdict.differs(str(name), "left_out", "the manifest says that it was left out")
    return photos


def _members(archive: zipfile.ZipFile, verdict: Verdict) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        if info.filename in members:
            verdict.differs(info.filename, "twice", "the archive has it twice")
        members[info.filename] = info
    return members


def _check_photo(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    expected: tuple[int, str],
    verdict: Verdict,
    advance: Callable[[int], None],
) -> None:
    size, sha256 = expected
    if info.file_size != size:
        detail = f"it has {info.file_size} bytes and should have {size}"
        verdict.differs(info.filename, "wrong_size", detail)
        return
    found = _digest(archive, info, verdict, advance)
    if found and found != sha256:
        detail = f"its SHA-256 is {found} and should be {sha256}"
        verdict.differs(info.filename, "wrong_sha256", detail)


def _digest(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    verdict: Verdict,
    advance: Callable[[int], None],
) -> str | None:
    """Hash a member; None, and a difference, where it can't be read or its CRC-32 is wrong."""
    digest = hashlib.sha256()
    try:
        for chunk in _chunks(archive, info):
            digest.update(chunk)
            verdict.bytes += len(chunk)
            advance(len(chunk))
    except _DAMAGE as error:
        verdict.differs(info.filename, "damaged", str(error))
        return None
    return digest.hexdigest()


def _chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(info) as member:
        while chunk := member.read(_CHUNK_BYTES):
            yield chunk
