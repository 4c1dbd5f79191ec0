"""Decoders set up as a child sets them up, for the tests that need no child."""

from pathlib import Path
from typing import Protocol

import pytest
from PIL import Image

from imgtag.imaging.inspect import inspect, prepare
from imgtag.imaging.model import Inspection, Limits, Question, Refused


class Look(Protocol):
    """Inspects bytes in this process."""

    def __call__(
        self, data: bytes, question: Question | None = ..., limits: Limits | None = ...
    ) -> Inspection | Refused:
        """Inspect *data*."""


class Write(Protocol):
    """Writes a photo to a file."""

    def __call__(self, data: bytes, name: str = ...) -> Path:
        """Write *data* to the file *name*."""


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Look:
    """Inspect as the child does, and answer with the refusal where there is one."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    prepare(Limits())

    def call(
        data: bytes, question: Question | None = None, limits: Limits | None = None
    ) -> Inspection | Refused:
        try:
            return inspect(data, question or Question(), limits or Limits())
        except Refused as refused:
            return refused

    return call


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write photos to a folder of this test."""

    def call(data: bytes, name: str = "photo") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return call
