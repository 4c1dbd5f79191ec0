"""The page's types are made from the API as it is."""

import json
from pathlib import Path

from imgtag.api.openapi import document
from imgtag.api.routes import ROUTES

WEB = Path(__file__).parents[2] / "web"


def test_the_page_knows_the_current_api() -> None:
    """web/openapi.json holds all that is served, as it is; `make web-types` renews it.

    It may hold more: what the page shows only where the configuration says that it is there.
    """
    kept = json.loads((WEB / "openapi.json").read_text())
    served = json.loads(json.dumps(document(ROUTES)))

    assert {path: kept["paths"].get(path) for path in served["paths"]} == served["paths"]
    schemas = served["components"]["schemas"]
    assert {name: kept["components"]["schemas"].get(name) for name in schemas} == schemas
