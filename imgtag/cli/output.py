"""What commands print: tables and progress on a terminal, plain lines in a pipe, or JSON."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol, TypeVar

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

Command = TypeVar("Command")

_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")
_STEP: Final = 1024

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def print_json(value: Any) -> None:
    """Print *value* as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def say(text: str) -> None:
    """Print one line."""
    click.echo(printable(text))


def note(text: str) -> None:
    """Print one line beside the output proper."""
    click.echo(printable(text), err=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[str | int]]) -> None:
    """Print rows: drawn with headings on a terminal, else one line each, parted by tabs."""
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(printable(str(cell)) for cell in row))
        return
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for at, column in enumerate(columns):
        number = bool(rows) and all(isinstance(row[at], int) for row in rows)
        drawn.add_column(column, justify="right" if number else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(printable(str(cell))) for cell in row))
    Console().print(drawn)


def printable(text: str) -> str:
    """Spell out what would steer a terminal or break a line: a file's name may hold anything."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def human_size(count: float) -> str:
    """Write a number of bytes for people."""
    for unit in _UNITS[:-1]:
        if count < _STEP:
            return f"{count:.0f} {unit}" if unit == _UNITS[0] else f"{count:.1f} {unit}"
        count /= _STEP
    return f"{count:.1f} {_UNITS[-1]}"


class Meter(Protocol):
    """Shows how far something has come."""

    def expect(self, total: int) -> None:
        """Say how much there will be."""

    def advance(self, amount: int) -> None:
        """Say that *amount* more is done; less than nothing takes some back."""


class _Quiet:
    def expect(self, total: int) -> None:
        pass

    def advance(self, amount: int) -> None:
        pass


class _Drawn:
    def __init__(self, progress: Progress, what: str) -> None:
        self._progress = progress
        self._task = progress.add_task(what, total=None)

    def expect(self, total: int) -> None:
        self._progress.update(self._task, total=total)

    def advance(self, amount: int) -> None:
        self._progress.advance(self._task, amount)


@contextmanager
def byte_meter(what: str, *, quiet: bool = False) -> Iterator[Meter]:
    """Show bytes, their rate and the time that is left, where a person is looking."""
    with _meter(what, [DownloadColumn(binary_units=True), TransferSpeedColumn()], quiet) as meter:
        yield meter


@contextmanager
def photo_meter(what: str, *, quiet: bool = False) -> Iterator[Meter]:
    """Show a number of photos out of all, where a person is looking."""
    with _meter(what, [MofNCompleteColumn()], quiet) as meter:
        yield meter


@contextmanager
def _meter(what: str, columns: Sequence[ProgressColumn], quiet: bool) -> Iterator[Meter]:  # noqa: FBT001
    if quiet or not sys.stderr.isatty():
        yield _Quiet()
        return
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with progress:
        yield _Drawn(progress, what)
