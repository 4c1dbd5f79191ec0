"""Devices and pipes where files belong: they have no end, and are not ours to replace."""

import os
from pathlib import Path

import pytest

from imgtag.__main__ import main


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A pipe that nobody writes to."""
    path = tmp_path / "lake.jpg"
    os.mkfifo(path)
    return path


@pytest.mark.parametrize("command", [["verify"], ["label"], ["download", "-o"]])
def test_a_pipe_is_no_file(
    command: list[str], pipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is wrong usage, told at once, and the pipe stays."""
    assert main([*command, str(pipe)]) == 2
    assert "no regular file" in capsys.readouterr().err
    assert pipe.is_fifo()


def test_a_bundle_goes_to_no_stream(capsys: pytest.CaptureFixture[str]) -> None:
    """A `-` is no file's name here."""
    assert main(["download", "-o", "-"]) == 2
    assert "written to a file" in capsys.readouterr().err
