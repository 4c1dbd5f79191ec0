"""Tables that grow with the program: each component brings its own steps, in order."""

from dataclasses import dataclass
from typing import Final

import apsw

from imgtag.domain.errors import Invalid

# "imgt" in ASCII, for `file` and for whoever finds the database: sqlite.org/pragma.html.
APPLICATION_ID: Final = 0x696D6774
LAYOUT: Final = 1

_COMPONENTS: Final = """
CREATE TABLE IF NOT EXISTS components (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Component:
    """The tables of one part. A step, once released, is never edited: a change is one more step."""

    name: str
    steps: tuple[str, ...]


def stamp(db: apsw.Connection) -> None:
    """Make sure that the file is imgtag's, of a layout this version knows; an empty one becomes so.

    Raises `Invalid`, code ``not_a_catalog`` or ``schema_too_new``.
    """
    layout, application = db.pragma("user_version"), db.pragma("application_id")
    if layout == 0 and not db.execute("SELECT count(*) FROM sqlite_schema").get:
        db.pragma("application_id", APPLICATION_ID)
        db.pragma("user_version", LAYOUT)
    elif application != APPLICATION_ID:
        msg = "the database in the data folder is not imgtag's"
        raise Invalid(msg, code="not_a_catalog")
    elif layout > LAYOUT:
        raise _too_new("database", layout, LAYOUT)
    db.execute(_COMPONENTS)


def migrate(db: apsw.Connection, component: Component) -> None:
    """Bring *component* up to date within the caller's transaction.

    Raises `Invalid`, code ``schema_too_new``, for tables that a later version has made.
    """
    row = db.execute("SELECT version FROM components WHERE name = ?", (component.name,)).fetchone()
    version = row[0] if row else 0
    if version > len(component.steps):
        raise _too_new(component.name, version, len(component.steps))
    for step in component.steps[version:]:
        db.execute(step)
    db.execute(
        "INSERT INTO components VALUES (?, ?) ON CONFLICT DO UPDATE SET version = excluded.version",
        (component.name, len(component.steps)),
    )


def _too_new(what: str, found: int, known: int) -> Invalid:
    msg = (
        f"the {what} in the data folder has version {found} and this imgtag knows {known}: "
        "run the newer imgtag that made it"
    )
    return Invalid(msg, code="schema_too_new")
