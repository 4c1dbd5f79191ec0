"""Originals on their way out of an archive tier, and who waits for them.

===================  =========  ==========================================
pk                   sk         attributes
===================  =========  ==========================================
``R#key``            waiting    event
``RC#waiting``       ``-``      n: how many originals are still on the way
===================  =========  ==========================================
"""

import json
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from imgtag.backends.aws.errors import code_of, translated
from imgtag.backends.aws.places import Places
from imgtag.backends.aws.s3_events import Restored
from imgtag.backends.aws.table import NEW, THERE, Item, Key, Table
from imgtag.domain.errors import Conflict
from imgtag.domain.events import BundleRequested, Event, from_dict, to_dict
from imgtag.domain.keys import BlobKey
from imgtag.pipeline.together import at_once

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

_AT_ONCE: Final = 32
_ONLY: Final = "-"


class Waits:
    """Remembers which bundle waits for which originals, each once."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def add(self, key: BlobKey, event: BundleRequested) -> None:
        """Let *event* be sent again when *key*, and all others it waits for, are back."""
        text = json.dumps(to_dict(event))
        item: Item = {"pk": f"R#{key}", "sk": event.bundle, "event": text}
        count = self._table.add(_counter(event.bundle), {"n": 1}, {})
        try:
            await self._table.transact([self._table.put(item, NEW), count])
        except Conflict:
            return  # it was waited for already

    async def completed(self, restored: Restored) -> Sequence[Event]:
        """Tell which events are due now that an original is back. Twice is fine."""
        due: list[Event] = []
        async for item in self._table.partition(f"R#{restored.key}"):
            counter = _counter(str(item["sk"]))
            gone = self._table.remove((str(item["pk"]), str(item["sk"])), THERE)
            try:
                await self._table.transact([gone, self._table.add(counter, {"n": -1}, {})])
            except Conflict:
                continue
            left = await self._table.get(counter)
            if left is None or int(left["n"]) <= 0:
                due.append(from_dict(json.loads(str(item["event"]))))
        return due


def _counter(waiting: str) -> Key:
    return f"RC#{waiting}", _ONLY


class Restores:
    """Brings originals back; *tier* is ``Standard`` (3 to 5 hours) or ``Bulk`` (5 to 12)."""

    def __init__(self, s3: "S3Client", places: Places, tier: str, waits: Waits | None) -> None:
        self._s3 = s3
        self._places = places
        self._tier = tier
        self._waits = waits

    async def ask(self, keys: Sequence[BlobKey], event: BundleRequested) -> int:
        """Restore what is archived; *event* comes again when all is back. Tell how many are not."""
        looks = [partial(self._ask_for, key, event) for key in keys]
        return sum(await at_once(looks, limit=_AT_ONCE))

    async def _ask_for(self, key: BlobKey, event: BundleRequested) -> bool:
        place = self._places.of_blob(key)
        with translated("photo"):
            told = await self._s3.head_object(**place.arguments)
        if "ArchiveStatus" not in told:
            return False
        if self._waits:
            await self._waits.add(key, event)
        with translated("photo"):
            try:
                # Intelligent-Tiering refuses a number of days: it comes back for good.
                request: Any = {"GlacierJobParameters": {"Tier": self._tier}}
                await self._s3.restore_object(**place.arguments, RestoreRequest=request)
            except ClientError as error:
                if code_of(error) != "RestoreAlreadyInProgress":
                    raise
        return True
