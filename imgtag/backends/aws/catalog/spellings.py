"""How each owner spelled each label first. That never changes, so that it may be remembered."""

from collections.abc import Iterable, Mapping

from imgtag.backends.aws.catalog.keys import Keys
from imgtag.backends.aws.table import NEW, Table
from imgtag.domain.errors import Conflict
from imgtag.domain.labels import LabelName, LabelSet


class Spellings:
    """Keeps spellings in the table, and up to *most* in memory."""

    def __init__(self, table: Table, most: int = 100_000) -> None:
        self._table = table
        self._most = most
        self._known: dict[tuple[str, str], LabelName] = {}

    async def spelled(self, keys: Keys, labels: LabelSet) -> LabelSet:
        """Spell *labels* as the owner did first."""
        given = [label.name for label in labels.labels.values()]
        known = await self._of(keys, [*given, *labels.removed.values()])
        return LabelSet.of(
            [label._replace(name=known[key]) for key, label in labels.labels.items()],
            [known[key] for key in labels.removed],
        )

    async def _of(self, keys: Keys, given: Iterable[LabelName]) -> Mapping[str, LabelName]:
        names = {name.folded: name for name in given}
        known = {
            folded: self._known[keys.owner, folded]
            for folded in names
            if (keys.owner, folded) in self._known
        }
        unknown = [folded for folded in names if folded not in known]
        stored = await self._table.get_many([keys.spelling(folded) for folded in unknown])
        for folded in unknown:
            item = stored.get(keys.spelling(folded))
            name = LabelName(str(item["nm"])) if item else await self._add(keys, names[folded])
            known[folded] = self._remember(keys, folded, name)
        return known

    async def _add(self, keys: Keys, name: LabelName) -> LabelName:
        pk, sk = keys.spelling(name.folded)
        try:
            await self._table.write({"pk": pk, "sk": sk, "nm": name}, NEW)
        except Conflict:
            item = await self._table.get((pk, sk))
            return LabelName(str(item["nm"])) if item else name
        return name

    def _remember(self, keys: Keys, folded: str, name: LabelName) -> LabelName:
        if len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known[keys.owner, folded] = name
        return name
