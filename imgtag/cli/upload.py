"""``upload``: photos from this machine into the library."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from imgtag.cli.backlog import backlog
from imgtag.cli.client import Client, Server, connect, server_options
from imgtag.cli.output import (
    Meter,
    byte_meter,
    human_size,
    json_option,
    note,
    photo_meter,
    print_json,
    say,
)
from imgtag.cli.running import Exit
from imgtag.cli.uploading import Outcome, Uploader, size_of
from imgtag.cli.walk import files_under

_WAIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """How to upload."""

    server: Server
    parallel: int
    wait: bool
    quiet: bool


@click.command()
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    metavar="PATH...",
    type=click.Path(exists=True, path_type=Path),
)
@click.option(
    "--parallel",
    type=click.IntRange(1, 32),
    default=4,
    show_default=True,
    help="How many photos to send at once.",
)
@click.option("--wait", is_flag=True, help="Wait until everything is labelled.")
@server_options
@json_option
def upload(
    paths: tuple[Path, ...],
    *,
    parallel: int,
    wait: bool,
    server: str,
    token: str | None,
    as_json: bool,
) -> int:
    """Upload photos, and folders with everything below them.

    What the server has already is skipped, so that the same command continues where it stopped.
    """
    options = Options(Server(server, token), parallel, wait, quiet=as_json)
    outcome = Outcome()
    try:
        asyncio.run(_upload(paths, options, outcome))
    except BaseException:
        if outcome.begun:
            _sum_up(outcome, as_json=as_json)
        raise
    _sum_up(outcome, as_json=as_json)
    return Exit.DONE if outcome.complete else Exit.FAILED


async def _upload(paths: Sequence[Path], options: Options, outcome: Outcome) -> None:
    def unreadable(error: OSError) -> None:
        outcome.fail(Path(error.filename or "?"), error.strerror or str(error), "unreadable")

    async with connect(options.server) as client:
        await client.call("GET", "/api/session")
        with byte_meter("uploading", quiet=options.quiet) as meter, _expecting(paths, meter):
            uploader = Uploader(client, outcome, meter, parallel=options.parallel)
            await uploader.send_all(files_under(paths, unreadable))
        if options.wait:
            await _wait_for_labels(client, outcome, quiet=options.quiet)


@contextmanager
def _expecting(paths: Sequence[Path], meter: Meter) -> Iterator[None]:
    """Add up in the background how many bytes there are, so that the rest can be estimated."""
    enough = threading.Event()

    def add_up() -> None:
        total = 0
        for path in files_under(paths):
            if enough.is_set():
                return
            total += size_of(path)
        meter.expect(total)

    adding = threading.Thread(target=add_up, name="adding-up", daemon=True)
    adding.start()
    try:
        yield
    finally:
        enough.set()
        adding.join()


async def _wait_for_labels(client: Client, outcome: Outcome, *, quiet: bool) -> None:
    """Wait until no photo waits for labels, then note those of ours that got none."""
    with photo_meter("labelling", quiet=quiet) as meter:
        done = 0
        meter.expect(len(outcome.photo_ids))
        while waiting := await backlog(client):
            now_done = max(done, len(outcome.photo_ids) - waiting)
            meter.advance(now_done - done)
            done = now_done
            await asyncio.sleep(_WAIT_SECONDS)
    ours = set(outcome.photo_ids)
    async for photo in client.pages("/api/photos", "photos", [("state", "failed")]):
        if photo["id"] in ours:
            failure = photo["failure"]
            outcome.reject(Path(photo["file_name"]), failure["code"], failure["detail"])


def _sum_up(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        print_json(outcome.as_json())
        return
    for word, unsent in (("rejected", outcome.rejected), ("failed", outcome.failed)):
        for each in unsent:
            note(f"{word}: {each.path}: {each.detail}")
    say(
        f"{outcome.uploaded} uploaded ({human_size(outcome.bytes)}), {outcome.skipped} skipped, "
        f"{len(outcome.rejected)} rejected, {len(outcome.failed)} failed"
    )
