"""``labels`` and ``photos``: what the library holds."""

import asyncio
from typing import Any

import click

from imgtag.cli.backlog import note_backlog
from imgtag.cli.client import PAGE, Server, connect, server_options
from imgtag.cli.output import human_size, json_option, note, print_json, table
from imgtag.cli.queries import Choice, choice_options

_STATES = ("awaiting", "stored", "labelled", "failed")
_ORDERS = ("-taken_at", "taken_at", "-created_at", "created_at")


@click.command()
@server_options
@json_option
def labels(*, server: str, token: str | None, as_json: bool) -> None:
    """List the labels and how many photos carry each."""

    async def fetch() -> Any:
        async with connect(Server(server, token)) as client:
            found = await client.call("GET", "/api/labels")
            await note_backlog(client)
            return found

    answer = asyncio.run(fetch())
    if as_json:
        print_json(answer)
    else:
        rows = [(name, about["count"]) for name, about in answer["labels"].items()]
        table(("label", "photos"), rows)


@click.command()
@choice_options
@click.option("--name", metavar="TEXT", help="The file name contains this.")
@click.option("--state", type=click.Choice(_STATES), help="Is in this state.")
@click.option("--trashed", is_flag=True, help="Lies in the trash.")
@click.option("--sort", type=click.Choice(_ORDERS), default=_ORDERS[0], show_default=True)
@click.option(
    "--limit",
    type=click.IntRange(0),
    default=100,
    show_default=True,
    help="At most this many; 0 lists all.",
)
@server_options
@json_option
def photos(*, server: str, token: str | None, as_json: bool, limit: int, **conditions: Any) -> None:
    """List photos, newest first."""
    found, more = asyncio.run(_find(Server(server, token), _params(**conditions), limit))
    if as_json:
        print_json({"photos": found})
    else:
        table(
            ("id", "file", "state", "size", "pixels", "taken", "labels"),
            [_row(photo) for photo in found],
        )
    if more:
        note(f"imgtag: there are more than these {limit}; see --limit")


def _params(  # noqa: PLR0913 - one for each option
    *,
    all_: tuple[str, ...],
    any_: tuple[str, ...],
    none: tuple[str, ...],
    unlabelled: bool,
    name: str | None,
    state: str | None,
    trashed: bool,
    sort: str,
) -> list[tuple[str, str]]:
    choice = Choice.of(all_=all_, any_=any_, none=none, unlabelled=unlabelled)
    params = [*choice.params, ("sort", sort)]
    params += [(key, text) for key, text in (("q", name), ("state", state)) if text]
    return [*params, ("trashed", "true")] if trashed else params


async def _find(
    server: Server, params: list[tuple[str, str]], limit: int
) -> tuple[list[Any], bool]:
    """Fetch up to *limit* photos, all where that is 0, and tell whether there are more."""
    async with connect(server) as client:
        found: list[Any] = []
        size = min(limit + 1, PAGE) if limit else PAGE
        async for photo in client.pages("/api/photos", "photos", params, size=size):
            if limit and len(found) == limit:
                return found, True
            found.append(photo)
        return found, False


def _row(photo: Any) -> tuple[str, ...]:
    pixels = f"{photo['width']}x{photo['height']}" if photo["width"] else ""
    said = ", ".join(label["name"] for label in photo["labels"])
    return (
        photo["id"],
        photo["file_name"],
        photo["state"],
        human_size(photo["size"] or 0),
        pixels,
        (photo["taken_at"] or "")[:10],
        photo["failure"]["detail"] if photo.get("failure") else said,
    )
