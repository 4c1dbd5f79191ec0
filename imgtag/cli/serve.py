"""``serve``: the service itself."""

import click
import uvloop

from imgtag.cli.configuration import load_settings, must_have_backends
from imgtag.runtime import Role
from imgtag.runtime import serve as run_service


@click.command()
@click.option("--host", help="The address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="0 takes a free one.  [default: 8080]")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.ALL.value,
    show_default=True,
    help="Which half of the service this process runs.",
)
def serve(*, host: str | None, port: int | None, role: str) -> int:
    """Run the service until SIGTERM or Ctrl-C, which drain it."""
    settings = load_settings(host=host, port=port)
    must_have_backends(settings)
    return uvloop.run(run_service(settings, Role(role)))
