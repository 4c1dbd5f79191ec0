"""Rooms that one can read in a sitting."""

import ast
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).parents[2] / "imgtag"
# The ports are the system on one page, and the suites are lists of what is true.
LONG_ON_PURPOSE = {"ports.py", "schemas.py"}


def sources() -> list[Path]:
    """List the package's own files."""
    return [path for path in ROOT.rglob("*.py") if "testing" not in path.parts]


def test_files_are_rooms() -> None:
    """No file has more than 360 lines."""
    long = {
        path.name: lines
        for path in sources()
        if (lines := len(path.read_text().splitlines())) > 360 and path.name not in LONG_ON_PURPOSE
    }

    assert long == {}


def test_functions_are_short() -> None:
    """Half of all functions have at most ten lines, nine of ten at most thirty, none over sixty."""
    lengths = [
        (node.end_lineno or 0) - node.lineno + 1
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert median(lengths) <= 10
    assert quantiles(lengths, n=10)[-1] <= 30
    assert max(lengths) <= 60
