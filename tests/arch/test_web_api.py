"""The page's types are made from the API as it is."""

import json
from pathlib import Path

from imgtag.api.openapi import document
from imgtag.api.routes import ROUTES

WEB = Path(__file__).parents[2] / "web"


def test_the_page_knows_the_current_api() -> None:
    """web/openapi.json is what the service serves; `make web-types` renews it."""
    kept = json.loads((WEB / "openapi.json").read_text())

    assert kept == json.loads(json.dumps(document(ROUTES)))
