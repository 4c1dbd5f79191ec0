"""Settings as the command line meets them: every problem at once, in a user's words."""

import difflib
import os
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import SettingsError

from imgtag.backends import find
from imgtag.cli.output import note
from imgtag.cli.running import Misconfigured
from imgtag.domain.errors import Invalid
from imgtag.settings import Settings

PREFIX: Final = "IMGTAG_"
PORTS: Final = ("blobs", "catalog", "queue", "labeler", "notifier", "auth", "bundles")
# Read by the command line itself, or before there are settings.
OTHER_NAMES: Final = frozenset({"IMGTAG_CONFIG", "IMGTAG_SERVER", "IMGTAG_TOKEN"})


def load_settings(**given: Any) -> Settings:
    """Read the settings; what is *given* and not None wins.

    Raises `Misconfigured` with every problem. A variable that means nothing is noted.
    """
    for warning in unknown_variables(os.environ):
        note(f"imgtag: {warning}")
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise Misconfigured(_problems(error)) from error
    except (SettingsError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured([f"the settings can't be read: {error}"]) from error
    except OSError as error:
        raise Misconfigured([f"{error.filename}: {error.strerror}"]) from error


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
    known = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields} | OTHER_NAMES
    for name in sorted(names):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1)
            yield f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else "")


def _problems(error: ValidationError) -> Iterator[str]:
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        message = each["msg"].removeprefix("Value error, ")
        place = ".".join(str(step) for step in each["loc"])
        yield f"{PREFIX}{place.upper()}: {message}" if place else message
