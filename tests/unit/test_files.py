import os
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from imgtag.domain.errors import NotFound, Unavailable
from imgtag.pipeline import files
from imgtag.pipeline.files import GENERATION_SECONDS, Differs, FileChecker, open_file

BODY = b"bytes of a photo" * 50_000
PROMISED = (len(BODY), zlib.crc32(BODY))


class Ticker:
    """A clock that is moved by hand."""

    seconds = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.seconds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A photo's file."""
    path = tmp_path / "photo"
    path.write_bytes(BODY)
    return path


def check(checker: FileChecker, path: Path) -> None:
    """Check a file against what came."""
    with closing(open_file(path)) as file:
        if not checker.knows(file, *PROMISED):
            checker.check(file, *PROMISED)


def rot(path: Path) -> None:
    """Change a byte the way a disk does it: with no new time, as far as one can."""
    times = path.stat()
    path.write_bytes(b"B" + BODY[1:])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_only_absence_is_absence(tmp_path: Path, path: Path) -> None:
    """What can't be opened for another reason may be there all the same."""
    for absent in (tmp_path / "no", path / "no"):
        with pytest.raises(NotFound):
            open_file(absent)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(Unavailable):
        open_file(loop)


def test_other_bytes_are_told(path: Path) -> None:
    """Neither another length nor another byte gets through."""
    checker = FileChecker()
    check(checker, path)
    rot(path)
    with pytest.raises(Differs, match="not the ones that came"):
        check(checker, path)
    path.write_bytes(BODY[:-1])
    with pytest.raises(Differs, match="should have"):
        check(checker, path)


def test_what_was_found_good_is_believed_for_an_hour(path: Path) -> None:
    """A file is read once, and again when an hour has gone by."""
    clock = Ticker()
    checker = FileChecker(clock)
    with closing(open_file(path)) as file:
        assert not checker.knows(file, *PROMISED)
        checker.check(file, *PROMISED)
        for seconds in (0.0, 1.0, GENERATION_SECONDS):
            clock.seconds = seconds
            assert checker.knows(file, *PROMISED)
        clock.seconds = 2 * GENERATION_SECONDS
        assert not checker.knows(file, *PROMISED)


def test_what_was_found_good_is_good_for_that_alone(path: Path) -> None:
    """Whoever promises another length or checksum has the file read."""
    checker = FileChecker()
    check(checker, path)
    size, crc32 = PROMISED
    with closing(open_file(path)) as file:
        assert not checker.knows(file, size + 1, crc32)
        assert not checker.knows(file, size, crc32 ^ 1)


def test_no_more_than_two_generations_are_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory for verdicts is bounded by their number."""
    monkeypatch.setattr(files, "GENERATION_FILES", 3)
    checker = FileChecker()
    for number in range(20):
        path = tmp_path / str(number)
        path.write_bytes(BODY)
        check(checker, path)
        assert len(checker._new) + len(checker._old) <= 6
