"""What rows say of labels by number: their names, and where they come from."""

import json
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

import apsw

from imgtag.backends.local.database import fetch
from imgtag.domain.labels import LabelName

KEPT: Final = 10_000

_NAMES: Final = """
SELECT label, folded, name FROM labels WHERE label IN (SELECT value FROM json_each(?))
"""
_ORIGINS: Final = """
SELECT origin, model, parents FROM origins WHERE origin IN (SELECT value FROM json_each(?))
"""

Name = tuple[str, LabelName]
Origin = tuple[str | None, tuple[LabelName, ...]]
Word = TypeVar("Word")


class Words:
    """Names and origins that were looked up. A page shows few of them, many times each."""

    def __init__(self) -> None:
        self._names: dict[int, Name] = {}
        self._origins: dict[int, Origin] = {}

    def names(self, db: apsw.Connection, numbers: Collection[int]) -> Mapping[int, Name]:
        """Look labels up: the folded name, and the name."""
        return _known(self._names, numbers, lambda missing: _read_names(db, missing))

    def origins(self, db: apsw.Connection, numbers: Collection[int]) -> Mapping[int, Origin]:
        """Look origins up: the model, and the parents."""
        return _known(self._origins, numbers, lambda missing: _read_origins(db, missing))


_words_of_readers: Final[WeakKeyDictionary[apsw.Connection, Words]] = WeakKeyDictionary()


def words(db: apsw.Connection) -> Words:
    """Give what is known on this connection.

    A reader sees what is committed, and that neither changes nor goes. What a writer sees may be
    undone, and its number given to another: it looks everything up anew.
    """
    return _words_of_readers.setdefault(db, Words()) if db.readonly("main") else Words()


# An owner has a few hundred names, and reads them all at once to count them.
@lru_cache(maxsize=KEPT)
def spelled(text: str) -> LabelName:
    """Read the name of a label."""
    return LabelName(text)


def _known(
    known: dict[int, Word],
    numbers: Collection[int],
    read: Callable[[Collection[int]], Mapping[int, Word]],
) -> Mapping[int, Word]:
    if len(known) > KEPT:
        known.clear()
    missing = set(numbers) - known.keys()
    if missing:
        known.update(read(missing))
    return known


def _read_names(db: apsw.Connection, numbers: Collection[int]) -> Mapping[int, Name]:
    rows = fetch(db, _NAMES, (json.dumps(list(numbers)),))
    return {number: (folded, spelled(name)) for number, folded, name in rows}


def _read_origins(db: apsw.Connection, numbers: Collection[int]) -> Mapping[int, Origin]:
    rows = fetch(db, _ORIGINS, (json.dumps(list(numbers)),))
    return {number: (model or None, _parents(parents)) for number, model, parents in rows}


@lru_cache(maxsize=KEPT)
def _parents(text: str) -> tuple[LabelName, ...]:
    return tuple(LabelName(name) for name in json.loads(text))
