"""Choosing photos on the command line, alike for every command."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Choice:
    """Photos that have *all*, *any* and *none* of some labels."""

    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    unlabelled: bool = False

    @classmethod
    def of(
        cls, *, all_: Sequence[str], any_: Sequence[str], none: Sequence[str], unlabelled: bool
    ) -> "Choice":
        """Read options; one that comes once may name several labels between commas."""
        return cls(_names(all_), _names(any_), _names(none), unlabelled)

    @property
    def body(self) -> dict[str, Any]:
        """Say it as the API's JSON."""
        return {
            "all": list(self.all),
            "any": list(self.any),
            "none": list(self.none),
            "unlabelled": self.unlabelled,
        }

    @property
    def params(self) -> list[tuple[str, str]]:
        """Say it as a query string, in which a single value is split at its commas."""
        params: list[tuple[str, str]] = []
        for name, labels in (("all", self.all), ("any", self.any), ("none", self.none)):
            repeated = labels * 2 if len(labels) == 1 and "," in labels[0] else labels
            params += [(name, label) for label in repeated]
        return [*params, ("unlabelled", "true")] if self.unlabelled else params


def choice_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--all``, ``--any``, ``--none`` and ``--unlabelled`` to a command."""
    options = (
        click.option("--all", "all_", multiple=True, metavar="LABEL", help="Has all of these."),
        click.option("--any", "any_", multiple=True, metavar="LABEL", help="Has any of these."),
        click.option("--none", multiple=True, metavar="LABEL", help="Has none of these."),
        click.option("--unlabelled", is_flag=True, help="Has no label at all."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _names(given: Sequence[str]) -> tuple[str, ...]:
    if len(given) > 1:
        return tuple(dict.fromkeys(given))
    return tuple(name for text in given for name in text.split(",") if name.strip())
