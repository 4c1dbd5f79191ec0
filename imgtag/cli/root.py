"""The command ``imgtag`` and the names of everything below it."""

from importlib import import_module
from keyword import iskeyword
from typing import Final

import click

from imgtag import __version__

# A command's module is imported when the command is asked for: `imgtag version` needs no numpy.
COMMANDS: Final = {
    "serve": "serve",
    "upload": "upload",
    "labels": "library",
    "photos": "library",
    "download": "download",
    "verify": "verify",
    "label": "label",
    "import": "importing",
    "user": "users",
    "token": "tokens",
    "doctor": "doctor",
    "openapi": "openapi",
    "config": "info",
    "version": "info",
}


class Commands(click.Group):
    """A group whose members are found by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the commands in the order in which one meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command, or give None where there is no such."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"imgtag.cli.{COMMANDS[cmd_name]}")
        # The name of a command may be a word of Python's.
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = getattr(module, name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="imgtag", message="%(prog)s %(version)s")
def imgtag() -> None:
    """Upload photos, see what is in them, and get every match as one ZIP."""
