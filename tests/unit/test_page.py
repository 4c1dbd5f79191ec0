"""The files of the web page, as the service finds them."""

from pathlib import Path

import pytest
from aiohttp import web

from imgtag.api.page import Page
from imgtag.domain.errors import NotFound


def test_built_later(tmp_path: Path) -> None:
    """A page that is built while the service runs is served."""
    page = Page(tmp_path / "_web")
    assert not isinstance(page.html(), web.FileResponse)
    (tmp_path / "_web" / "assets").mkdir(parents=True)
    for name in ("index.html", "assets/index-2.js"):
        (tmp_path / "_web" / name).write_text("built")
    assert isinstance(page.html(), web.FileResponse)
    assert "immutable" in page.file("assets/index-2.js").headers["Cache-Control"]


@pytest.mark.parametrize("name", ["../secret.txt", "assets/../../secret.txt", "a\0b.js", "assets"])
def test_built_files_only(tmp_path: Path, name: str) -> None:
    """Nothing but a built file can be asked for."""
    (tmp_path / "_web" / "assets").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("secret")
    with pytest.raises(NotFound):
        Page(tmp_path / "_web").file(name)


def test_whole_path(tmp_path: Path) -> None:
    """A file elsewhere cannot be asked for by its whole path."""
    (tmp_path / "_web").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    with pytest.raises(NotFound):
        Page(tmp_path / "_web").file(str(tmp_path / "secret.txt"))


def test_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    """A path that is too long is absent like any other."""
    with pytest.raises(NotFound):
        Page(tmp_path / "_web").file("a" * 300 + ".js")


def test_only_hashed_names_are_kept_for_a_year(tmp_path: Path) -> None:
    """However the page is asked for, nobody keeps it longer than it is true."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>")
    answer = Page(tmp_path).file("assets/../index.html")
    assert answer.headers["Cache-Control"] == "no-cache"
