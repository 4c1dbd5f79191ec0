"""Cursors: where the next page starts, readable by nobody else and for no other list."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from imgtag.domain.errors import Forbidden, Invalid
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.queries import Position
from imgtag.services.signing import Signer


class Cursors:
    """Writes and reads the cursors of one owner's list, which *what* describes in full."""

    def __init__(self, signer: Signer, owner: OwnerId, what: str) -> None:
        self._signer = signer
        # Bound to the list by its name: a cursor of another owner or query has a wrong signature.
        self._purpose = "cursor." + hashlib.sha256(f"{owner} {what}".encode()).hexdigest()

    def write(self, **place: Any) -> str:
        """Make a cursor."""
        return self._signer.sign(self._purpose, place)

    def read(self, text: str) -> dict[str, Any]:
        """Read a cursor of this list. `Invalid`, code ``invalid_cursor``, for any other."""
        try:
            return self._signer.open(self._purpose, text)
        except Forbidden as error:
            msg = "this cursor belongs to another list"
            raise Invalid(msg, code="invalid_cursor", pointer="/cursor") from error

    def write_position(self, position: Position | None) -> str | None:
        """Make a cursor of a place between photos; None stays None."""
        if position is None:
            return None
        return self.write(t=int(position.time.timestamp() * 1000), i=position.id)

    def read_position(self, text: str | None) -> Position | None:
        """Read what `write_position` wrote."""
        if text is None:
            return None
        place = self.read(text)
        return Position(datetime.fromtimestamp(place["t"] / 1000, UTC), PhotoId(place["i"]))
