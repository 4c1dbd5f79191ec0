"""How a command ends: its exit code, and one line for people where something went wrong."""

import io
import sys
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Final

import click

from imgtag.domain.errors import ImgtagError


class Exit(IntEnum):
    """What the exit codes mean, as docs/cli.md tells users."""

    DONE = 0
    FAILED = 1
    WRONG_USAGE = 2
    INTERRUPTED = 130


# Errors that other settings would have spared.
_MISCONFIGURED: Final = frozenset(
    {"unknown_backend", "setting_missing", "invalid_setting", "invalid_model"}
)


class Failed(Exception):
    """Something that a person should know, in one line, and no traceback."""


class Misconfigured(Exception):
    """Settings that can't be right: every problem, one line each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


def run(command: click.Command, arguments: Sequence[str]) -> int:
    """Run *command* and give its exit code, whatever happens short of a mistake in imgtag."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = command.main(list(arguments), prog_name="imgtag", standalone_mode=False)
        sys.stdout.flush()
    except Exception as error:
        ended = _explained(_first(error))
        if ended is None:
            raise
        return ended
    except KeyboardInterrupt:
        return _interrupted()
    except SystemExit as error:
        # This is how click ends when nobody reads its output any more.
        code = error.code
    return int(code or Exit.DONE)


def complain(text: str) -> None:
    """Write one line to standard error."""
    click.echo(f"imgtag: {text}", err=True)


def _explained(error: BaseException) -> int | None:
    """Tell the person what *error* means, or give None for a mistake of ours."""
    code = Exit.FAILED
    match error:
        case click.Abort():
            return _interrupted()
        case BrokenPipeError():
            return _silenced()
        case click.UsageError():
            error.show()
            return Exit.WRONG_USAGE
        case Misconfigured():
            code = Exit.WRONG_USAGE
        case ImgtagError() if error.code in _MISCONFIGURED:
            code = Exit.WRONG_USAGE
        case _:
            pass
    lines = _lines(error)
    for line in lines:
        complain(line)
    return code if lines else None


def _lines(error: BaseException) -> Sequence[str]:
    match error:
        case Misconfigured():
            return error.problems
        case ImgtagError():
            return [error.detail]
        case Failed():
            return [str(error)]
        case click.ClickException():
            return [error.format_message()]
        case OSError():
            what = error.strerror or str(error) or type(error).__name__
            return [f"{error.filename}: {what}" if error.filename else what]
        case _:
            return []


def _first(error: BaseException) -> BaseException:
    """Look into the groups that task groups raise: the first error is the one that began it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _interrupted() -> int:
    complain("interrupted")
    return Exit.INTERRUPTED


def _silenced() -> int:
    """End as `head` and `less` expect it: whoever read the output has gone."""
    sys.stdout = io.StringIO()
    return Exit.FAILED
