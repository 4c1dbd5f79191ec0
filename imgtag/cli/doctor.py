"""``doctor``: whether everything is as it should be."""

import asyncio
from dataclasses import asdict

import click

from imgtag.cli.configuration import load_settings, must_have_backends
from imgtag.cli.output import json_option, note, print_json, say
from imgtag.cli.running import Exit
from imgtag.compose import SystemClock, open_backends
from imgtag.services.doctor import Report, examine
from imgtag.settings import Settings


@click.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
@json_option
def doctor(*, repair: bool, as_json: bool) -> int:
    """Check that everything is as it should be.

    Reads the settings, reaches every backend, recounts the labels, and looks for bytes without a
    photo or a bundle, for photos and bundles without bytes, and for what was given up on.
    """
    settings = load_settings()
    must_have_backends(settings)
    report = asyncio.run(_examine(settings, repair=repair))
    if as_json:
        print_json({"healthy": report.healthy, **asdict(report)})
    else:
        _tell(report)
    return Exit.DONE if report.healthy else Exit.FAILED


async def _examine(settings: Settings, *, repair: bool) -> Report:
    async with open_backends(settings) as backends:
        return await examine(backends, SystemClock(), repair=repair)


def _tell(report: Report) -> None:
    for finding in report.findings:
        mended = " (repaired)" if finding.repaired else ""
        say(f"{finding.code}: {finding.detail}{mended}")
    say(f"looked at {report.owners} owners, {report.photos} photos, {report.blobs} files")
    if report.healthy:
        say("all is well")
    else:
        note("imgtag: not everything is as it should be; --repair mends what can be mended")
