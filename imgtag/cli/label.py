"""``label``: what the configured labeler says about files, without a server."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from imgtag.cli.configuration import load_settings
from imgtag.cli.files import RegularFile
from imgtag.cli.output import json_option, note, print_json, table
from imgtag.cli.running import Exit
from imgtag.compose import LabellingTools, open_labelling
from imgtag.domain.errors import Invalid
from imgtag.domain.ids import Id, OwnerId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.labels import LabelHit
from imgtag.domain.photos import Failure
from imgtag.imaging.model import RenditionSpec
from imgtag.ports import Rendition, Subject
from imgtag.settings import Settings

# A labeler is told where a photo lies, and these lie nowhere that it knows.
_NOWHERE = BlobKey(OwnerId("nobody"), BlobKind.ORIGINAL, Id("0" * 26))


@dataclass(frozen=True, slots=True)
class Labelled:
    """A file, and what is in it or why that can't be said."""

    file: Path
    hits: Sequence[LabelHit] = ()
    failure: Failure | None = None


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=RegularFile(),
)
@json_option
def label(files: tuple[Path, ...], *, as_json: bool) -> int:
    """Say what is in photos; needs no server.

    The labeler is the one that the settings name.
    """
    results = asyncio.run(_label_all(load_settings(), files))
    if as_json:
        print_json({"files": [_as_json(result) for result in results]})
    else:
        rows = [
            (str(result.file), f"{hit.confidence:.1f}", hit.name)
            for result in results
            for hit in result.hits
        ]
        table(("file", "confidence", "label"), rows)
    failed = [result for result in results if result.failure]
    for result in failed:
        if result.failure and not as_json:
            note(f"imgtag: {result.file}: {result.failure.detail}")
    return Exit.FAILED if failed else Exit.DONE


async def _label_all(settings: Settings, files: Sequence[Path]) -> Sequence[Labelled]:
    async with open_labelling(settings) as tools:
        return [result async for result in _labelled(tools, files)]


async def _labelled(tools: LabellingTools, files: Sequence[Path]) -> AsyncIterator[Labelled]:
    for file in files:
        try:
            yield Labelled(file, await _label(tools, file))
        except Invalid as error:
            yield Labelled(file, failure=Failure(error.code, error.detail))
        except OSError as error:
            yield Labelled(file, failure=Failure("unreadable", error.strerror or str(error)))


async def _label(tools: LabellingTools, file: Path) -> Sequence[LabelHit]:
    labeler = tools.labeler
    spec = RenditionSpec(labeler.rendition_side, raster=labeler.raster)
    seen = await tools.inspector.inspect(file, spec, digest=True)
    if seen.content is None:
        msg = "the photo was not measured"
        raise Invalid(msg)
    rendition = Rendition(seen.rendition or seen.thumbnail, seen.raster)
    subject = Subject(_NOWHERE, seen.content.sha256, seen.content.size, seen.facts, rendition)
    return tools.limits.keep(await labeler.detect(subject))


def _as_json(result: Labelled) -> dict[str, object]:
    if result.failure:
        return {"file": str(result.file), "failure": asdict(result.failure)}
    return {"file": str(result.file), "labels": [asdict(hit) for hit in result.hits]}
