"""``verify``: whether an archive is what its manifest says."""

from dataclasses import asdict
from pathlib import Path

import click

from imgtag.cli.files import RegularFile
from imgtag.cli.output import byte_meter, human_size, json_option, note, print_json, say
from imgtag.cli.running import Exit
from imgtag.cli.verification import Verdict, verify_archive


@click.command()
@click.argument("file", metavar="FILE.zip", type=RegularFile())
@json_option
def verify(file: Path, *, as_json: bool) -> int:
    """Compare every member of an archive with its manifest."""
    verdict = check(file, quiet=as_json)
    if as_json:
        print_json(
            {
                "file": str(file),
                "ok": not verdict.differences,
                "photos": verdict.photos,
                "bytes": verdict.bytes,
                "differences": [asdict(each) for each in verdict.differences],
            }
        )
    elif not verdict.differences:
        say(f"{file}: {verdict.photos} photos ({human_size(verdict.bytes)}) are as they should be")
    return Exit.FAILED if tell_differences(file, verdict, quiet=as_json) else Exit.DONE


def check(file: Path, *, quiet: bool = False) -> Verdict:
    """Verify *file*, with progress."""
    with byte_meter("verifying", quiet=quiet) as meter:
        meter.expect(file.stat().st_size)
        return verify_archive(file, meter.advance)


def tell_differences(file: Path, verdict: Verdict, *, quiet: bool = False) -> bool:
    """List the differences, if there are any, and tell whether there are."""
    if verdict.differences and not quiet:
        for each in verdict.differences:
            note(f"{each.problem}: {each.name}: {each.detail}")
        number = len(verdict.differences)
        note(f"imgtag: {file}: {number} difference{'s' * (number != 1)}")
    return bool(verdict.differences)
