"""Labels: what a photo shows, who said so, and the rules by which users and machines share them."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple, Self

from imgtag.domain.errors import Invalid
from imgtag.domain.ids import PhotoId

MAX_LABEL_CHARACTERS = 100
USER_CONFIDENCE = 100.0


class LabelName(str):
    """The name of a label: 1 to 100 printable characters, NFC, single spaces.

    Two names that differ only in case or width are the same label: see `folded`.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Normalise *text*, or raise `Invalid`, code ``invalid_label``."""
        name = " ".join(unicodedata.normalize("NFC", text).split())
        if not 1 <= len(name) <= MAX_LABEL_CHARACTERS or not name.isprintable():
            msg = f"a label is 1 to {MAX_LABEL_CHARACTERS} printable characters"
            raise Invalid(msg, code="invalid_label")
        return super().__new__(cls, name)

    @property
    def folded(self) -> str:
        """What makes two names the same label."""
        return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", self).casefold())


class Source(StrEnum):
    """Who put a label on a photo."""

    MACHINE = "machine"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Box:
    """Where in the photo, as fractions of its upright width and height, 0 to 1."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class LabelHit:
    """One thing a labeler says it sees. *confidence* is 0 to 100."""

    name: LabelName
    confidence: float
    parents: tuple[LabelName, ...] = ()
    boxes: tuple[Box, ...] = ()


# This one and LabelCount are tuples, for an answer has a thousand of them: a frozen dataclass takes
# four times as long to make.
class Label(NamedTuple):
    """A label on a photo. *model* is set where *source* is a machine."""

    name: LabelName
    confidence: float
    source: Source
    model: str | None = None
    parents: tuple[LabelName, ...] = ()
    boxes: tuple[Box, ...] = ()


class LabelCount(NamedTuple):
    """How many live photos carry a label: the size of a set. *cover* is the newest of them."""

    name: LabelName
    photos: int
    cover: PhotoId | None = None


@dataclass(frozen=True, slots=True)
class LabelChange:
    """What a user wants changed on photos. A name in both *add* and *remove* is refused."""

    add: tuple[LabelName, ...] = ()
    remove: tuple[LabelName, ...] = ()

    def __post_init__(self) -> None:
        both = {name.folded for name in self.add} & {name.folded for name in self.remove}
        if both:
            msg = "a label can't be added and removed at once"
            raise Invalid(msg, code="invalid_label", pointer="/labels")


def _by_folded(labels: Iterable[Label]) -> Mapping[str, Label]:
    return MappingProxyType({label.name.folded: label for label in labels})


@dataclass(frozen=True, slots=True)
class LabelSet:
    """All labels of one photo, and the machine labels that its owner took away for good.

    *labels* and *removed* are keyed by folded name and never share a key.
    """

    labels: Mapping[str, Label] = field(default_factory=lambda: MappingProxyType({}))
    removed: Mapping[str, LabelName] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, labels: Iterable[Label], removed: Iterable[LabelName] = ()) -> Self:
        """Build a set from its members."""
        return cls(_by_folded(labels), MappingProxyType({name.folded: name for name in removed}))

    def relabelled(self, hits: Sequence[LabelHit], *, model: str) -> Self:
        """Replace everything a machine said by *hits*.

        What the user added stays as it is, and what the user removed does not return.
        """
        kept = {k: label for k, label in self.labels.items() if label.source is Source.USER}
        for hit in hits:
            folded = hit.name.folded
            if folded not in kept and folded not in self.removed:
                kept[folded] = Label(
                    hit.name, hit.confidence, Source.MACHINE, model, hit.parents, hit.boxes
                )
        return replace(self, labels=MappingProxyType(kept))

    def edited(self, change: LabelChange) -> Self:
        """Apply a user's *change*. An added label is the user's own, whoever said it before."""
        labels, removed = dict(self.labels), dict(self.removed)
        for name in change.add:
            known = labels.get(name.folded)
            labels[name.folded] = Label(
                known.name if known else name,
                USER_CONFIDENCE,
                Source.USER,
                parents=known.parents if known else (),
                boxes=known.boxes if known else (),
            )
            removed.pop(name.folded, None)
        for name in change.remove:
            if labels.pop(name.folded, None) is not None:
                removed[name.folded] = name
        return replace(self, labels=MappingProxyType(labels), removed=MappingProxyType(removed))

    def sorted(self) -> tuple[Label, ...]:
        """The labels, surest first, then by name."""
        # Sorting keeps what is equal in its order.
        by_name = sorted(self.labels.values(), key=attrgetter("name"))
        return tuple(sorted(by_name, key=attrgetter("confidence"), reverse=True))


@dataclass(frozen=True, slots=True)
class LabelLimits:
    """How much of a labeler's answer is kept. *min_confidence* is 0 to 100."""

    min_confidence: float
    max_labels: int

    def keep(self, hits: Iterable[LabelHit]) -> tuple[LabelHit, ...]:
        """Pick the surest hits that are sure enough, one per label."""
        best: dict[str, LabelHit] = {}
        for hit in hits:
            known = best.get(hit.name.folded)
            if hit.confidence >= self.min_confidence and (
                not known or hit.confidence > known.confidence
            ):
                best[hit.name.folded] = hit
        ranked = sorted(best.values(), key=lambda hit: (-hit.confidence, hit.name))
        return tuple(ranked[: self.max_labels])
