"""Open pages hear of what other processes do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from imgtag.domain.bundles import BundleState
from imgtag.domain.events import ImportRequested, PhotoStored
from imgtag.domain.labels import LabelChange
from imgtag.services.feed import Feed, Listener
from imgtag.services.watch import LOOKS_PER_COUNT, Watcher
from imgtag.testing.photos import ADA, BOB, jpeg, names
from tests.unit.services import Desk, desk


@dataclass(slots=True)
class Page:
    """An open page of this process; the desk works in another, as far as the page can tell."""

    desk: Desk
    watcher: Watcher
    listener: Listener

    async def hears(self) -> Sequence[tuple[str, str | None]]:
        """Look once, and give topic and id of what is told."""
        await self.watcher.look()
        self.listener.wake()
        return [(news.topic, news.data.get("id")) for news in await self.listener.batch()]


@pytest.fixture
def page() -> Iterator[Page]:
    """Open a page, of which the watcher knows everything there is."""
    at, feed = desk(), Feed()
    watcher = Watcher(feed, at.ports.catalog, at.ports.bundles, at.ports.imports)
    with feed.listen(ADA) as listener:
        yield Page(at, watcher, listener)


async def test_nothing_new_is_told_once(page: Page) -> None:
    """A page that has just come is told what there is, and then nothing more."""
    photo = await page.desk.stored(jpeg())
    assert set(await page.hears()) == {("labels", None), ("photo", photo.id)}
    assert await page.hears() == []


async def test_a_photo_that_was_labelled_elsewhere_is_told(page: Page) -> None:
    """With its id, for whoever waits for it, and with the labels."""
    photo, _ = await page.desk.stored(jpeg()), await page.desk.stored(jpeg(20, 20))
    await page.hears()
    await page.desk.labelling.handle(PhotoStored(ADA, photo.id))
    assert await page.hears() == [("labels", None), ("photo", photo.id)]


async def test_a_bundle_that_moves_on_elsewhere_is_told(page: Page) -> None:
    """Every step of it."""
    bundle = page.desk.make.bundle()
    await page.desk.ports.bundles.create(bundle, idempotency_key=None, event=None)
    await page.hears()
    await page.desk.ports.bundles.replace(bundle.moved(BundleState.BUILDING))
    assert await page.hears() == [("bundle", bundle.id)]


async def test_an_import_that_moves_on_elsewhere_is_told(page: Page) -> None:
    """Every page of it."""
    imported = page.desk.make.imported()
    await page.desk.ports.imports.create(imported, ImportRequested(ADA, imported.id))
    await page.hears()
    await page.desk.ports.imports.replace(imported.begun())
    assert await page.hears() == [("import", imported.id)]


async def test_an_edit_elsewhere_is_told_before_long(page: Page) -> None:
    """It changes the counts and nothing else, and they are looked at now and then."""
    photo = await page.desk.stored(jpeg())
    await page.hears()
    await page.desk.ports.catalog.edit(ADA, [photo.id], LabelChange(tuple(names("Lake")), ()))
    told = [await page.hears() for _ in range(LOOKS_PER_COUNT)]
    assert [("labels", None)] in told


async def test_others_are_told_nothing(page: Page) -> None:
    """What belongs to somebody else is neither told nor looked at."""
    await page.hears()
    await page.desk.stored(jpeg(), BOB)
    assert await page.hears() == []
