"""A real service on port 0: memory backends, real decoding, a real consumer."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from imgtag.settings import Settings
from imgtag.testing.photos import jpeg
from tests.http.service import MEMORY, Service, serving


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    """Make settings for a service in memory; what is given wins."""

    def make(**given: Any) -> Settings:
        known = {**MEMORY, "auth": "none", "data_dir": tmp_path, "imaging_workers": 1}
        return Settings(**{**known, "poll_seconds": 0.2, **given})

    return make


@pytest.fixture
async def service(settings: Callable[..., Settings]) -> AsyncIterator[Service]:
    """A service where nobody has to sign in."""
    async with serving(settings()) as running:
        yield running


@pytest.fixture
def photo() -> bytes:
    """A small JPEG."""
    return jpeg(64, 48)
