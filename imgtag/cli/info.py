"""``config`` and ``version``: what this installation is."""

import json
import platform
from typing import Any

import click

from imgtag import __version__
from imgtag.cli.configuration import PREFIX, load_settings
from imgtag.cli.output import json_option, print_json, say, table


@click.command()
@json_option
def config(*, as_json: bool) -> None:
    """Print the effective settings, secrets masked."""
    settings = load_settings()
    values: dict[str, Any] = settings.model_dump(mode="json")
    if as_json:
        print_json(values)
        return
    table(
        ("setting", "value"),
        [(f"{PREFIX}{name.upper()}", _text(value)) for name, value in values.items()],
    )


@click.command()
@json_option
def version(*, as_json: bool) -> None:
    """Print the version."""
    if as_json:
        print_json({"version": __version__, "python": platform.python_version()})
    else:
        say(f"imgtag {__version__}")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value)
