"""Killed at any moment, the local backends keep every promise that they made.

``CRASH_KILLS=1000 pytest tests/runtime/test_crash_local.py`` kills more often.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

HARNESS: Final = Path(__file__).with_name("crash_local.py")
KILLS: Final = int(os.environ.get("CRASH_KILLS", "150"))


def crash(folder: Path, *options: str) -> Any:
    """Run the harness and read its report."""
    command = [sys.executable, str(HARNESS), str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=KILLS + 120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_nothing_that_was_acknowledged_is_lost(tmp_path: Path) -> None:
    """Photos, bytes, labels, counts, trash and events are as promised after every kill."""
    report = crash(tmp_path / "library", "--kills", str(KILLS), "--seconds", str(KILLS))
    assert report["problems"] == []
    assert report["acknowledged"] > report["kills"] > 0


@pytest.mark.parametrize(
    ("mutant", "symptom"),
    [("row-first", "its bytes are not there"), ("split-counts", "recount")],
)
def test_a_broken_order_is_noticed(tmp_path: Path, mutant: str, symptom: str) -> None:
    """The checker sees a row that comes before its bytes, and counts that come after labels."""
    report = crash(tmp_path / "library", "--kills", "300", "--mutant", mutant)
    assert symptom in report["problems"][0]
