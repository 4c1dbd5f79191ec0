"""``openapi``: the description of the HTTP API, for programs."""

import click

from imgtag.api.openapi import document
from imgtag.api.routes import ROUTES
from imgtag.cli.output import print_json


@click.command()
def openapi() -> None:
    """Print the OpenAPI document of the HTTP API."""
    print_json(document(ROUTES))
