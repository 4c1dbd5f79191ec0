"""A backend for imgtag that lives in a package of its own: ``IMGTAG_BLOBS=shoebox``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from imgtag.backends import Backend, Context
from imgtag_example_backend.shoebox import Shoebox

__all__ = ["SHOEBOX", "Shoebox"]


@asynccontextmanager
async def _open(context: Context) -> AsyncIterator[Shoebox]:
    yield Shoebox(context.settings.data_dir / "shoebox")


SHOEBOX = Backend(blobs=_open)
