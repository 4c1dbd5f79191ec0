"""The contract of `imgtag.ports.Catalog`, all of it."""

from imgtag.testing.contracts.catalog_base import C
from imgtag.testing.contracts.catalog_intake import Reserving, Storing
from imgtag.testing.contracts.catalog_labels import Editing, Labelling
from imgtag.testing.contracts.catalog_library import LookingUp, Trashing
from imgtag.testing.contracts.catalog_model import Modelling
from imgtag.testing.contracts.catalog_queries import Paging, Querying
from imgtag.testing.contracts.catalog_races import Racing


class CatalogContract(
    Reserving[C],
    Storing[C],
    Labelling[C],
    Editing[C],
    Trashing[C],
    LookingUp[C],
    Querying[C],
    Paging[C],
    Racing[C],
    Modelling[C],
):
    """Subclass it, give `events`, `catalog` and the two back doors: see `CatalogSuite`."""
