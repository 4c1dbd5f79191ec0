"""Finding files, and choosing photos."""

import os
from pathlib import Path

import pytest

from imgtag.cli.queries import Choice
from imgtag.cli.walk import files_under, read_file
from imgtag.imaging.model import Refused


def found(*paths: Path) -> list[str]:
    """Walk, and name what was found below the first of *paths*."""
    return [str(path.relative_to(paths[0])) for path in files_under(paths)]


def test_in_order(tmp_path: Path) -> None:
    """Folders are entered in the order of names, at their place among the files."""
    for name in ("b/2.jpg", "b/1.jpg", "a.jpg", "c.jpg", "b/x/y.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert found(tmp_path) == ["a.jpg", "b/1.jpg", "b/2.jpg", "b/x/y.jpg", "c.jpg"]


def test_hidden(tmp_path: Path) -> None:
    """What is hidden is left out, unless it was asked for by name."""
    for name in (".DS_Store", ".git/x.jpg", "a.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert found(tmp_path) == ["a.jpg"]
    assert list(files_under([tmp_path / ".DS_Store"])) == [tmp_path / ".DS_Store"]


def test_links(tmp_path: Path) -> None:
    """Links are followed, no folder is entered twice, and circles end."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").touch()
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "c.jpg").symlink_to(tmp_path / "a" / "1.jpg")
    (tmp_path / "d.jpg").symlink_to(tmp_path / "d.jpg")
    assert found(tmp_path, tmp_path / "a") == ["a/1.jpg", "c.jpg"]


def test_what_vanishes_is_reported(tmp_path: Path) -> None:
    """A folder that goes away meanwhile is reported, and the walk goes on."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").touch()
    (tmp_path / "a" / "0.jpg").touch()
    errors: list[OSError] = []
    walk = files_under([tmp_path / "a", tmp_path / "b"], errors.append)
    assert next(walk).name == "0.jpg"
    (tmp_path / "a" / "1.jpg").unlink()
    assert [path.parent.name for path in walk] == ["b"]


def test_names_that_are_no_text(tmp_path: Path) -> None:
    """A file name that is no UTF-8 becomes one that is."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg"))
    path.write_bytes(b"\xff\xd8\xff")
    [one] = files_under([tmp_path])
    assert read_file(one).name == "\ufffd.jpg"


def test_what_is_no_file(tmp_path: Path) -> None:
    """A pipe is refused instead of waited for."""
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(Refused):
        read_file(tmp_path / "pipe.jpg")
    assert list(files_under([tmp_path])) == []


@pytest.mark.parametrize(
    ("given", "labels", "params"),
    [
        ((), (), []),
        (("Lake,Sea",), ("Lake", "Sea"), [("all", "Lake"), ("all", "Sea")]),
        (("a,b", "c"), ("a,b", "c"), [("all", "a,b"), ("all", "c")]),
        (("a,b", "a,b"), ("a,b",), [("all", "a,b"), ("all", "a,b")]),
        (("Lake, ,",), ("Lake",), [("all", "Lake")]),
    ],
)
def test_commas(
    given: tuple[str, ...], labels: tuple[str, ...], params: list[tuple[str, str]]
) -> None:
    """An option that comes once is split at commas; one that is repeated is taken as it is."""
    choice = Choice.of(all_=given, any_=(), none=(), unlabelled=False)
    assert choice.all == labels
    assert choice.params == params
