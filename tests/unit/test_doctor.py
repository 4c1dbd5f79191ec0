"""The doctor compares what should be with what is."""

from dataclasses import replace
from datetime import timedelta

from imgtag.domain.bundles import BundleState
from imgtag.domain.events import PhotoStored
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.domain.photos import Failure, PhotoState
from imgtag.domain.queries import Query
from imgtag.services.doctor import examine
from imgtag.testing.faults import Faults, faulty
from imgtag.testing.photos import ADA, jpeg
from tests.unit.parted import PartedBlobStore
from tests.unit.services import BAD, Desk, desk
from tests.unit.test_sweep import sweeper


async def codes(at: Desk) -> list[str]:
    """Tell what the doctor finds."""
    return [each.code for each in (await examine(at.ports, at.clock, repair=False)).findings]


async def test_the_doctor_finds_what_is_wrong_and_mends_it() -> None:
    """Missing and orphaned bytes are found either way; orphans go on demand."""
    at = desk()
    kept, lost = await at.stored(jpeg()), await at.stored(jpeg(20, 20))
    assert (await examine(at.ports, at.clock, repair=False)).findings == []
    await at.ports.blobs.delete(BlobKey(ADA, BlobKind.ORIGINAL, lost.id))
    orphan = BlobKey(ADA, BlobKind.THUMBNAIL, at.make.photo_id())
    async with at.ports.blobs.write(orphan, content_type="image/jpeg") as writer:
        await writer.write(jpeg())

    report = await examine(at.ports, at.clock, repair=False)
    assert {finding.code for finding in report.findings} == {"missing_bytes", "orphan_bytes"}
    assert not report.healthy
    await examine(at.ports, at.clock, repair=True)
    again = await examine(at.ports, at.clock, repair=False)
    assert [finding.code for finding in again.findings] == ["missing_bytes"]
    assert (await at.ports.blobs.stat(BlobKey(ADA, BlobKind.ORIGINAL, kept.id))).size


async def test_the_doctor_finds_bundles_without_manifest_and_manifests_without_bundle() -> None:
    """Either is found, and mended; a manifest whose bundle may be on its way is left alone."""
    at = desk()
    _, bundles = sweeper(at)
    photo = await at.stored(jpeg())
    await at.labelling.handle(PhotoStored(ADA, photo.id))
    kept, lost = await bundles.create(ADA, Query()), await bundles.create(ADA, Query())
    await at.ports.blobs.delete(BlobKey(ADA, BlobKind.MANIFEST, lost.id))
    orphans = [
        BlobKey(ADA, kind, at.make.bundle_id()) for kind in (BlobKind.MANIFEST, BlobKind.ARCHIVE)
    ]
    for orphan in orphans:
        async with at.ports.blobs.write(orphan, content_type="application/json") as writer:
            await writer.write(b"{}")
    assert await codes(at) == ["missing_manifest"]

    at.clock.advance(timedelta(hours=2))
    assert sorted(await codes(at)) == ["missing_manifest", "orphan_bytes", "orphan_bytes"]
    await examine(at.ports, at.clock, repair=True)
    assert await codes(at) == []
    assert (await bundles.get(ADA, kept.id)).state is BundleState.READY
    failed = await bundles.get(ADA, lost.id)
    assert failed.failure
    assert (failed.state, failed.failure.code) == (BundleState.FAILED, "missing_manifest")


async def test_the_doctor_sends_again_what_was_given_up_on() -> None:
    """A photo that failed by no fault of its own is labelled again, and no dead letter stays."""
    at = desk()
    stuck, damaged = await at.stored(jpeg()), await at.stored(BAD)
    for delivery in await at.ports.photo_events.receive(limit=2, wait=timedelta(0)):
        if isinstance(delivery.event, PhotoStored) and delivery.event.photo == stuck.id:
            await at.labelling.give_up(delivery.event, Failure("storage_full", "no space left"))
            await delivery.bury("no space left")
        else:
            await at.labelling.handle(PhotoStored(ADA, damaged.id))
            await delivery.acknowledge()
    assert sorted(await codes(at)) == ["dead_letters", "given_up"]

    assert (await examine(at.ports, at.clock, repair=True)).healthy
    for delivery in await at.ports.photo_events.receive(limit=9, wait=timedelta(0)):
        assert delivery.event
        await at.labelling.handle(delivery.event)
        await delivery.acknowledge()
    assert await codes(at) == []
    states = [(await at.ports.catalog.get(ADA, each.id)).state for each in (stuck, damaged)]
    assert states == [PhotoState.LABELLED, PhotoState.FAILED]


async def test_the_doctor_names_what_does_not_answer() -> None:
    """Each backend that can't answer, and nothing else: the rest could not be told from that."""
    at, faults = desk(), Faults()
    faults.fail("tally", nth=None)
    at.ports = replace(at.ports, catalog=faulty(at.ports.catalog, faults))
    report = await examine(at.ports, at.clock, repair=True)
    assert [(each.code, each.detail) for each in report.findings] == [
        ("unreachable", "catalog: this was made to fail")
    ]
    assert not report.healthy


async def test_the_doctor_misses_an_archive_that_was_built() -> None:
    """A bundle that is ready, and whose archive is gone, can only be ordered again."""
    at = desk()
    blobs = PartedBlobStore(at.clock)
    at.ports = replace(at.ports, blobs=blobs)
    bundle = at.make.bundle().ready(at.clock.now())
    await at.ports.bundles.create(bundle, idempotency_key=None, event=None)
    blobs.put(BlobKey(ADA, BlobKind.MANIFEST, bundle.id), b"{}", "application/json")
    archive = BlobKey(ADA, BlobKind.ARCHIVE, bundle.id)
    blobs.put(archive, bytes(bundle.bytes), "application/zip")
    assert await codes(at) == []
    await blobs.delete(archive)
    assert await codes(at) == ["missing_archive"]
    await examine(at.ports, at.clock, repair=True)
    assert (await at.ports.bundles.get(ADA, bundle.id)).state is BundleState.FAILED
    assert await codes(at) == []
