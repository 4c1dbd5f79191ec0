"""Settings as the command line meets them: every problem at once, in a user's words."""

import difflib
import os
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import SettingsError

from imgtag.backends import PORTS, find
from imgtag.cli.output import note
from imgtag.cli.running import Misconfigured
from imgtag.domain.errors import Invalid
from imgtag.settings import CLIENT_NAMES, Settings, config_file

PREFIX: Final = "IMGTAG_"
# Read by the command line itself, or before there are settings.
OTHER_NAMES: Final = frozenset(
    {"IMGTAG_CONFIG", *(f"{PREFIX}{name.upper()}" for name in CLIENT_NAMES)}
)


def load_settings(**given: Any) -> Settings:
    """Read the settings; what is *given* and not None wins.

    Raises `Misconfigured` with every problem. A variable that means nothing is noted.
    """
    for warning in unknown_variables(os.environ):
        note(f"imgtag: {warning}")
    missing = list(_missing_file())
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise Misconfigured([*missing, *_problems(error)]) from error
    except (SettingsError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured([f"the settings can't be read: {error}"]) from error
    except OSError as error:
        raise Misconfigured([f"{error.filename}: {error.strerror}"]) from error
    if missing:
        raise Misconfigured(missing)
    return settings


def must_have_backends(settings: Settings) -> None:
    """Raise `Misconfigured` with every backend that is named and can't be had."""
    problems = []
    for port in PORTS:
        try:
            find(port, getattr(settings, port))
        except Invalid as error:
            problems.append(f"{PREFIX}{port.upper()}: {error.detail}")
    if problems:
        raise Misconfigured(problems)


def unknown_variables(names: Iterable[str]) -> Iterator[str]:
    """Find variables that look like settings and are none, and what was meant perhaps."""
    for name in sorted(names):
        if name.upper().startswith(PREFIX) and name.upper() not in _known():
            yield _unknown(name)


def _known() -> frozenset[str]:
    return OTHER_NAMES | {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.upper(), _known(), n=1)
    return f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else "")


def _missing_file() -> Iterator[str]:
    """Tell where a file was asked for by name; without a name it may be absent."""
    there = config_file().exists() and not config_file().is_dir()
    if os.environ.get("IMGTAG_CONFIG") and not there:
        yield f"IMGTAG_CONFIG: there is no file {config_file()}"


def _problems(error: ValidationError) -> Iterator[str]:
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        message = each["msg"].removeprefix("Value error, ")
        place = PREFIX + ".".join(str(step) for step in each["loc"]).upper()
        if each["type"] == "extra_forbidden":
            yield _unknown(place)
        else:
            yield f"{place}: {message}" if each["loc"] else message
