"""``download``: every photo that matches, as one verified archive."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import click

from imgtag.cli.backlog import note_backlog
from imgtag.cli.client import Client, Problem, Server, connect, server_options
from imgtag.cli.downloading import Download, Note, Target, find_note, safe_name
from imgtag.cli.output import (
    byte_meter,
    human_size,
    json_option,
    note,
    photo_meter,
    print_json,
    say,
)
from imgtag.cli.queries import Choice, choice_options
from imgtag.cli.running import Exit, Failed
from imgtag.cli.verify import check, tell_differences

_UNFINISHED: Final = frozenset({"queued", "restoring", "building"})
_GONE: Final = frozenset({404, 410})
_FIRST_WAIT_SECONDS: Final = 0.2
_LONGEST_WAIT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Order:
    """What to download from where, and into which file or folder."""

    server: Server
    wanted: Mapping[str, Any]
    output: Path | None
    quiet: bool

    @property
    def folder(self) -> Path:
        """The folder that the archive goes to."""
        if self.output is None:
            return Path()
        return self.output if self.output.is_dir() else self.output.parent

    @property
    def file(self) -> Path | None:
        """The file that was asked for, if one was."""
        return None if self.output is None or self.output.is_dir() else self.output


@click.command()
@choice_options
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to put the archive; by default it is named after the bundle.",
)
@click.option("--sidecars", is_flag=True, help="Add an XMP file with the labels to each photo.")
@server_options
@json_option
def download(  # noqa: PLR0913 - one for each option
    *,
    all_: tuple[str, ...],
    any_: tuple[str, ...],
    none: tuple[str, ...],
    unlabelled: bool,
    output: Path | None,
    sidecars: bool,
    server: str,
    token: str | None,
    as_json: bool,
) -> int:
    """Download every photo that matches as one ZIP, and verify it.

    The same command continues a download that was broken off.
    """
    choice = Choice.of(all_=all_, any_=any_, none=none, unlabelled=unlabelled)
    wanted = {"query": choice.body, "sidecars": sidecars}
    order = Order(Server(server, token), wanted, output, quiet=as_json)
    if not order.folder.is_dir():
        msg = f"there is no folder {order.folder}"
        raise click.BadParameter(msg, param_hint="'-o'")
    if output == Path("-"):
        # It is resumed where it stopped and read again to be verified.
        msg = "a bundle is written to a file"
        raise click.BadParameter(msg, param_hint="'-o'")
    if order.file and order.file.exists() and not order.file.is_file():
        # Putting the archive in its place would take a device or a pipe away.
        msg = f"{order.file} is no regular file"
        raise click.BadParameter(msg, param_hint="'-o'")
    target = asyncio.run(_fetch(order))
    return _conclude(target, as_json=as_json)


async def _fetch(order: Order) -> Target:
    async with connect(order.server) as client:
        begun = await _begun(client, order) or await _order(client, order)
        await _until_ready(client, begun, quiet=order.quiet)
        target = Target(order.folder / begun.file)
        with byte_meter(begun.file, quiet=order.quiet) as meter:
            await Download(client, begun, target, meter).run()
    return target


async def _begun(client: Client, order: Order) -> Note | None:
    """Find what an earlier call has left, as long as the server still has the same archive."""
    if order.file:
        found = Note.read(Target(order.file).note)
        if found and (found.server, found.wanted) != (order.server.url, order.wanted):
            return None
    else:
        found = find_note(order.folder, order.server.url, order.wanted)
    if found is None or Path(found.file).name != found.file:
        return None
    if await _is_alive(client, found):
        return found
    Target(order.folder / found.file).forget()
    return None


async def _is_alive(client: Client, begun: Note) -> bool:
    try:
        bundle = await client.call("GET", f"/api/bundles/{begun.bundle}")
    except Problem as error:
        if error.status in _GONE:
            return False
        raise
    return bundle["state"] in {*_UNFINISHED, "ready"} and bundle["bytes"] == begun.bytes


async def _order(client: Client, order: Order) -> Note:
    """Have a bundle made, and write down that it is ours before waiting for it."""
    await note_backlog(client)
    bundle = await client.call(
        "POST",
        "/api/bundles",
        body=order.wanted,
        headers={"Idempotency-Key": secrets.token_urlsafe(16)},
    )
    name = order.file.name if order.file else _free_name(order.folder, safe_name(bundle["name"]))
    target = Target(order.folder / name)
    target.forget()
    begun = Note(order.server.url, order.wanted, bundle["id"], name, bundle["bytes"])
    begun.write(target.note)
    return begun


async def _until_ready(client: Client, begun: Note, *, quiet: bool) -> None:
    wait, done = _FIRST_WAIT_SECONDS, 0
    with photo_meter("making the bundle", quiet=quiet) as meter:
        while True:
            bundle = await client.call("GET", f"/api/bundles/{begun.bundle}")
            if bundle["state"] not in _UNFINISHED:
                break
            meter.expect(bundle["photos"])
            meter.advance(bundle["progress"]["photos"] - done)
            done = bundle["progress"]["photos"]
            await asyncio.sleep(wait)
            wait = min(wait * 1.5, _LONGEST_WAIT_SECONDS)
    if bundle["state"] != "ready":
        failure = bundle.get("failure")
        raise Failed(failure["detail"] if failure else f"the bundle is {bundle['state']}")


def _free_name(folder: Path, stem: str) -> str:
    """Name a new file after *stem*, so that nothing is overwritten unasked."""
    names = (f"{stem}.zip" if number == 1 else f"{stem} ({number}).zip" for number in count(1))
    targets = (Target(folder / name) for name in names)
    return next(target.file.name for target in targets if not target.taken)


def _conclude(target: Target, *, as_json: bool) -> int:
    """Verify what has arrived; only what is right gets its name."""
    try:
        verdict = check(target.part, quiet=as_json)
    except Failed:
        target.note.unlink(missing_ok=True)
        raise
    if tell_differences(target.part, verdict):
        target.note.unlink(missing_ok=True)
        note(f"imgtag: {target.part} is kept for a look; the same command starts afresh")
        return Exit.FAILED
    size = target.arrived
    target.finish()
    if as_json:
        print_json({"file": str(target.file), "bytes": size, "photos": verdict.photos})
    else:
        say(f"{target.file}: {verdict.photos} photos, {human_size(size)}, verified")
    return Exit.DONE
