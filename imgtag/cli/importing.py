"""``import``: photos from a folder or a bucket that the service can reach."""

import asyncio
import sys
from dataclasses import dataclass
from typing import Any, Final

import click

from imgtag.cli.client import Client, Server, connect, server_options
from imgtag.cli.output import (
    Meter,
    human_size,
    json_option,
    note,
    photo_meter,
    print_json,
    say,
)
from imgtag.cli.running import Exit, Failed

_UNDER_WAY: Final = frozenset({"queued", "running"})
_FIRST_WAIT_SECONDS: Final = 0.2
_LONGEST_WAIT_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What to import from where, and whether to ask a person first."""

    source: str
    server: Server
    ask: bool
    quiet: bool


@click.command("import")
@click.argument("source")
@click.option("-y", "--yes", is_flag=True, help="Don't ask before it starts.")
@click.option("--estimate", is_flag=True, help="Only say what there is and what it would cost.")
@server_options
@json_option
def import_(
    source: str,
    *,
    yes: bool,
    estimate: bool,
    server: str,
    token: str | None,
    as_json: bool,
) -> int:
    """Copy photos in from a folder or a bucket.

    SOURCE is file:///folder or s3://bucket/prefix, as the service sees it. What was copied before
    is left alone, so that the same command continues where it stopped.
    """
    ask = sys.stdin.isatty() and not (yes or as_json)
    wish = Wish(source, Server(server, token), ask, quiet=as_json)
    return asyncio.run(_estimate(wish) if estimate else _import(wish))


async def _estimate(wish: Wish) -> int:
    async with connect(wish.server) as client:
        found = await _look(client, wish)
    if wish.quiet:
        print_json(found)
    else:
        say(_in_words(found))
    return Exit.DONE


async def _import(wish: Wish) -> int:
    async with connect(wish.server) as client:
        found = await _look(client, wish)
        if not wish.quiet:
            note(_in_words(found))
        if wish.ask and not click.confirm("Import?", default=True, err=True):
            raise Failed("nothing was imported")
        imported = await client.call("POST", "/api/imports", body={"source": wish.source})
        with photo_meter("importing", quiet=wish.quiet) as meter:
            meter.expect(found["files"] + found["skipped"])
            imported = await _until_ended(client, imported, meter)
    return _conclude(imported, wish)


async def _look(client: Client, wish: Wish) -> Any:
    return await client.call("POST", "/api/imports/preview", body={"source": wish.source})


def _in_words(found: Any) -> str:
    more = "" if found["complete"] else "at least "
    text = f"{more}{found['files']} files ({human_size(found['bytes'])})"
    if found["known"]:
        text += f", {found['known']} of them imported before"
    if found["skipped"]:
        text += f", {found['skipped']} more that are no photos"
    cost = found["labelling"]
    if cost["calls"]:
        text += f"; labelling costs up to ${cost['dollars']:.2f} for {cost['calls']} calls"
    return text


async def _until_ended(client: Client, imported: Any, meter: Meter) -> Any:
    wait, done = _FIRST_WAIT_SECONDS, 0
    try:
        while imported["state"] in _UNDER_WAY:
            await asyncio.sleep(wait)
            wait = min(wait * 1.5, _LONGEST_WAIT_SECONDS)
            imported = await client.call("GET", f"/api/imports/{imported['id']}")
            meter.advance(imported["found"] - done)
            done = imported["found"]
    except asyncio.CancelledError:
        note("imgtag: the service goes on with the import; the same command follows it again")
        raise
    return imported


def _conclude(imported: Any, wish: Wish) -> int:
    if wish.quiet:
        print_json(imported)
    else:
        _tell(imported)
    if imported["state"] == "done":
        return Exit.DONE
    failure = imported.get("failure")
    raise Failed(failure["detail"] if failure else f"the import is {imported['state']}")


def _tell(imported: Any) -> None:
    for each in imported["failures"]:
        note(f"skipped: {each['file_name']}: {each['detail']}")
    untold = imported["skipped"] - len(imported["failures"])
    if untold:
        note(f"skipped: {untold} more")
    size = human_size(imported["bytes"])
    say(
        f"{imported['copied']} imported ({size}), {imported['duplicates']} known before, "
        f"{imported['skipped']} skipped"
    )
