"""What a user can meet is written down: settings, routes, error codes and metrics."""

import ast
import re
from pathlib import Path

import pytest

from imgtag.api.problems import CODES
from imgtag.api.routes import ROUTES
from imgtag.imaging.model import CODES as IMAGING_CODES
from imgtag.metrics import Metrics
from imgtag.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_CODE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)+")


def read(name: str) -> str:
    """Read one page of the docs."""
    return (DOCS / name).read_text()


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    """docs/configuration.md names each setting."""
    assert f"`IMGTAG_{name.upper()}`" in read("configuration.md")


@pytest.mark.parametrize(
    "route", [f"{route.method} {route.path}" for route in ROUTES if not route.hidden]
)
def test_every_route_is_documented(route: str) -> None:
    """docs/api.md names each route."""
    assert f"`{route}`" in read("api.md")


def error_codes() -> set[str]:
    """Find the codes in the sources: `code=` arguments, class defaults, refusals."""
    codes = set(CODES.values()) | set(IMAGING_CODES) | {"internal_error", "request_timeout"}
    for path in (ROOT / "imgtag").rglob("*.py"):
        if "testing" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "code":
                codes |= text_of(node.value)
            if isinstance(node, ast.Assign) and "default_code" in ast.unparse(node.targets[0]):
                codes |= text_of(node.value)
    return codes


def text_of(node: ast.expr) -> set[str]:
    """Give the text of a literal."""
    known = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return {ast.literal_eval(node)} if known else set()


@pytest.mark.parametrize("code", sorted(error_codes()))
def test_every_error_code_is_documented(code: str) -> None:
    """docs/errors.md explains each code."""
    assert f"`{code}`" in read("errors.md")


def test_every_metric_is_documented() -> None:
    """docs/operations.md names each metric."""
    text = read("operations.md")
    families = list(Metrics().registry.collect())

    assert families
    assert [family.name for family in families if family.name not in text] == []
