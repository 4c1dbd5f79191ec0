"""The contract of a catalog: it agrees with the reference after any sequence of calls."""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from imgtag.backends.memory import MemoryCatalog, MemoryQueue
from imgtag.domain.errors import ImgtagError
from imgtag.domain.events import PhotoDiscarded, PhotoStored
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.labels import Box, LabelChange, LabelHit, LabelName, LabelSet
from imgtag.domain.photos import Content, Facts, Failure, Photo, PhotoState
from imgtag.domain.queries import Query, Sort
from imgtag.ports import Catalog
from imgtag.testing.clock import START, FixedClock
from imgtag.testing.contracts.base import collect
from imgtag.testing.contracts.catalog_base import C, CatalogSuite, pages
from imgtag.testing.photos import Maker, names

NAMES: Final = names(
    "Lake", "LAKE", "lake", "Dog", "Sea, deep", "100%", "日本", "Straße", "STRASSE", "Nature"
)  # fmt: skip
FILE_NAMES: Final = ("lake.jpg", "LAKE.JPG", "100%_a.png", "Straße.heic", "日本.webp")
CONTENTS: Final = 8
RECENT: Final = 15

Call = Callable[[Catalog], Awaitable[Any]]


class CatalogModel:
    """Calls a catalog and the reference alike, and fails where their answers differ.

    Two owners, few labels and few distinct bytes make clashes likely. *seed* decides everything.
    """

    def __init__(self, catalog: Catalog, clock: FixedClock, *, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - it has to be repeatable
        self._clock = clock
        self._catalog = catalog
        self._reference = MemoryCatalog(clock, MemoryQueue(clock))
        self._make = Maker(clock, seed=seed)
        self._owners = [OwnerId(f"model-{seed}-{name}") for name in ("ada", "bob")]
        self._contents = [self._make.content() for _ in range(CONTENTS)]
        self._photos: list[tuple[OwnerId, PhotoId]] = []
        self._ended: list[tuple[OwnerId, PhotoId]] = []
        self._story = [f"seed {seed}"]

    async def run(self, steps: int) -> None:
        """Make *steps* random calls, then compare all there is to see."""
        await self._reserve()
        writes: Mapping[Callable[[], Awaitable[None]], int] = {
            self._reserve: 4,
            self._store: 6,
            self._label: 8,
            self._fail: 1,
            self._relabel: 1,
            self._edit: 5,
            self._trash: 3,
            self._restore: 2,
            self._discard: 2,
            self._look_at_one: 2,
            self._look_at_list: 3,
        }
        for _ in range(steps):
            self._clock.advance(timedelta(milliseconds=self._random.randrange(3)))
            await self._random.choices(list(writes), list(writes.values()))[0]()
            await self._compare_counts()
        await self._compare_everything()

    async def _both(self, what: str, call: Call) -> Any:
        """Make one call on both sides and give the reference's answer."""
        self._story.append(what)
        right = await _outcome(call(self._reference))
        answer = await _outcome(call(self._catalog))
        assert answer == right, "\n".join(["", *self._story[:1], *self._story[-RECENT:]])
        return right

    async def _reserve(self) -> None:
        owner = self._random.choice(self._owners)
        photos = [self._new_photo(owner) for _ in range(self._random.randint(1, 3))]
        self._photos += [(owner, photo.id) for photo in photos]
        await self._both(f"reserve {photos}", lambda catalog: catalog.reserve(owner, photos))

    def _new_photo(self, owner: OwnerId) -> Photo:
        claimed = self._random.random() < 0.6
        sha256 = self._random.choice(self._contents).sha256 if claimed else None
        return self._make.photo(owner, file_name=self._random.choice(FILE_NAMES), sha256=sha256)

    async def _store(self) -> None:
        owner, photo = self._random.choice(self._photos + self._ended)
        content = await self._arriving(owner, photo)
        event = PhotoStored(owner, photo)
        stored = await self._both(
            f"store {photo} {content}", lambda catalog: catalog.store(owner, photo, content, event)
        )
        ended = isinstance(stored, Photo) and stored.id != photo
        if ended and (owner, photo) in self._photos:
            self._photos.remove((owner, photo))
            self._ended.append((owner, photo))

    async def _arriving(self, owner: OwnerId, photo: PhotoId) -> Content:
        """Pick what was claimed, or now and then bytes that no other photo has laid claim to."""
        unfinished = await collect(self._reference.stuck(before=datetime.max.replace(tzinfo=UTC)))
        claims = {p.id: p.sha256 for p in unfinished if p.owner == owner and not p.content}
        claim = claims.get(photo)
        free = [content for content in self._contents if content.sha256 not in claims.values()]
        honest = [content for content in self._contents if content.sha256 == claim]
        return self._random.choice((honest * 9 + free[:1]) or free or [self._make.content()])

    async def _label(self) -> None:
        owner, photo = self._random.choice(self._photos)
        sha256 = await self._sha256(owner, photo)
        facts, hits = self._facts(), [self._hit() for _ in range(self._random.randrange(5))]
        model = self._random.choice(["test-1", "test-2"])
        await self._both(
            f"label {photo} {sha256} {facts} {hits} {model}",
            lambda catalog: catalog.label(owner, photo, sha256, facts, hits, model=model),
        )

    async def _fail(self) -> None:
        owner, photo = self._random.choice(self._photos)
        sha256 = await self._sha256(owner, photo)
        failure = Failure("unreadable_photo", "It could not be read")
        facts = self._random.choice([None, self._facts()])
        await self._both(
            f"fail {photo} {sha256} {facts}",
            lambda catalog: catalog.fail(owner, photo, sha256, failure, facts),
        )

    async def _sha256(self, owner: OwnerId, photo: PhotoId) -> str:
        known = await self._reference.get_many(owner, [photo])
        wrong = self._random.random() < 0.1
        return known[0].sha256 if known and known[0].sha256 and not wrong else "0" * 64

    def _facts(self) -> Facts:
        hours = self._random.choice([None, None, 0, 1, 5000])
        taken_at = None if hours is None else START - timedelta(hours=hours)
        return Facts("image/jpeg", self._random.randint(1, 9000), 3024, taken_at)

    def _hit(self) -> LabelHit:
        boxes = (Box(0.125, 0.5, 1 / 3, 0.25),) if self._random.random() < 0.2 else ()
        confidence = self._random.choice([55.5, 70.0, 98.7654321, 100.0])
        return LabelHit(self._name(), confidence, (self._name(),), boxes)

    def _name(self) -> LabelName:
        return self._random.choice(NAMES)

    async def _relabel(self) -> None:
        owner, photo = self._random.choice(self._photos)
        event = PhotoStored(owner, photo)
        await self._both(f"relabel {photo}", lambda c: c.relabel(owner, photo, event))

    async def _edit(self) -> None:
        owner = self._random.choice(self._owners)
        chosen = [photo for _, photo in self._random.choices(self._photos, k=4)]
        add = {name.folded: name for name in self._some_names()}
        remove = [name for name in self._some_names() if name.folded not in add]
        change = LabelChange(tuple(add.values()), tuple(remove))
        await self._both(f"edit {chosen} {change}", lambda c: c.edit(owner, chosen, change))

    def _some_names(self) -> Sequence[LabelName]:
        return self._random.choices(NAMES, k=self._random.randrange(3))

    def _few_names(self) -> Sequence[LabelName]:
        return self._some_names() if self._random.random() < 0.4 else ()

    async def _trash(self) -> None:
        owner, photo = self._random.choice(self._photos)
        at = self._clock.now()
        await self._both(f"trash {photo}", lambda c: c.trash(owner, photo, at))

    async def _restore(self) -> None:
        owner, photo = self._random.choice(self._photos)
        await self._both(f"restore {photo}", lambda c: c.restore(owner, photo))

    async def _discard(self) -> None:
        owner, photo = self._random.choice(self._photos)
        event = PhotoDiscarded(owner, photo)
        await self._both(f"discard {photo}", lambda c: c.discard(owner, photo, event))

    async def _look_at_one(self) -> None:
        _, photo = self._random.choice(self._photos + self._ended)
        for owner in self._owners:
            await self._both(f"get {owner} {photo}", lambda c: c.get(owner, photo))  # noqa: B023

    async def _look_at_list(self) -> None:
        owner, query = self._random.choice(self._owners), self._query()
        sort, limit = self._random.choice(list(Sort)), self._random.randint(1, 4)
        await self._both(f"page {query} {sort}", lambda c: pages(c, query, sort, limit, owner))
        await self._both(f"layout {query} {sort}", lambda c: c.layout(owner, query, sort))

    def _query(self) -> Query:
        return Query(
            all=tuple(self._few_names()),
            any=tuple(self._few_names()),
            none=tuple(self._few_names()),
            unlabelled=self._random.random() < 0.1,
            state=self._random.choice([None, None, None, *PhotoState]),
            text=self._random.choice(["", "", "", "lake", "%", "ss"]),
            photo_ids=tuple(p for _, p in self._random.choices(self._photos, k=9))
            if self._random.random() < 0.2
            else (),
            trashed=self._random.random() < 0.2,
        )

    async def _compare_counts(self) -> None:
        for owner in self._owners:
            await self._both("counts", lambda c: c.counts(owner))  # noqa: B023
            await self._both("tally", lambda c: c.tally(owner))  # noqa: B023

    async def _compare_everything(self) -> None:
        for owner in self._owners:
            ids = [photo for _, photo in self._photos]
            await self._both("all photos", lambda c: c.get_many(owner, ids))  # noqa: B023
            await self._both("covers", lambda c: c.counts(owner, covers=True))  # noqa: B023
            await self._both("recount", lambda c: c.recount(owner))  # noqa: B023
            for sort in Sort:
                await self._both("pages", lambda c: pages(c, Query(), sort, 2, owner))  # noqa: B023
        await self._both("stuck", self._stuck)
        await self._both("trashed", self._trashed)

    async def _stuck(self, catalog: Catalog) -> set[PhotoId]:
        now = self._clock.now()
        listed = await collect(catalog.stuck(before=now))
        return {p.id for p in listed if p.owner in self._owners and not p.trashed_at}

    async def _trashed(self, catalog: Catalog) -> set[PhotoId]:
        listed = await collect(catalog.trashed(before=self._clock.now()))
        return {photo.id for photo in listed if photo.owner in self._owners}


async def _outcome(call: Awaitable[Any]) -> Any:
    """Give what a caller sees: the answer, or the kind of error."""
    try:
        return _seen(await call)
    except ImgtagError as error:
        return type(error)


def _seen(answer: Any) -> Any:
    """Show removed labels by what they mean: nobody sees how they were spelled."""
    if isinstance(answer, Photo):
        removed = [LabelName(folded) for folded in answer.labels.removed]
        return replace(answer, labels=LabelSet.of(answer.labels.labels.values(), removed))
    if isinstance(answer, Sequence) and not isinstance(answer, str):
        return [_seen(item) for item in answer]
    return answer


class Modelling(CatalogSuite[C]):
    """Random calls, *model_steps* of them in each of *model_runs* runs."""

    model_runs: ClassVar[int] = 5
    model_steps: ClassVar[int] = 150

    async def test_random_calls_agree_with_the_reference(
        self, catalog: C, clock: FixedClock
    ) -> None:
        """Whatever is called, in whatever order, both catalogs answer alike."""
        for seed in range(self.model_runs):
            await CatalogModel(catalog, clock, seed=seed).run(self.model_steps)
