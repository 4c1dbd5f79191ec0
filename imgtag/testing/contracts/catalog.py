"""The contract of `imgtag.ports.Catalog`, all of it."""

from imgtag.testing.contracts.catalog_base import C
from imgtag.testing.contracts.catalog_intake import Reserving, Storing
from imgtag.testing.contracts.catalog_labels import Editing, Labelling
from imgtag.testing.contracts.catalog_library import LookingUp, Trashing


class CatalogContract(
    Reserving[C],
    Storing[C],
    Labelling[C],
    Editing[C],
    Trashing[C],
    LookingUp[C],
):
    """Subclass it, give `events`, `catalog` and the two back doors: see `CatalogSuite`."""
