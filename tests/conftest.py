"""What every test stands on: an environment without anybody's settings or credentials."""

import os

import pytest

from imgtag.testing.clock import FixedClock


@pytest.fixture(autouse=True)
def blank_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings or the credentials of whoever runs it."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "IMGTAG_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("IMGTAG_CONFIG", os.devnull)


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands until it is moved."""
    return FixedClock()
