import json
from collections.abc import Iterator
from datetime import UTC, datetime

from imgtag.domain.ids import PhotoId
from imgtag.domain.labels import LabelName
from imgtag.domain.manifest import ManifestEntry, read_entries, write_manifest
from imgtag.domain.queries import Query

MADE_AT = datetime(2026, 5, 2, 8, 0, 0, 250000, tzinfo=UTC)


def entries(count: int) -> Iterator[ManifestEntry]:
    """Make up *count* entries."""
    for number in range(count):
        yield ManifestEntry(
            name=f"sée \u2028 {number}.jpg",
            id=PhotoId.mint(MADE_AT, number.to_bytes(10, "big")),
            sha256=f"{number:064x}",
            size=number << 20,
            crc32=number,
            taken_at=MADE_AT,
            labels=("Coast", 'a "quoted"\nlabel'),
        )


def written(count: int) -> bytes:
    """Write a manifest of *count* entries."""
    return b"".join(write_manifest(Query(all=(LabelName("Coast"),)), MADE_AT, entries(count)))


def test_a_manifest_is_json_with_what_users_may_rely_on() -> None:
    """Any JSON reader finds the query, the photos and nothing missing."""
    manifest = json.loads(written(2))
    assert list(manifest) == ["query", "created_at", "photos", "missing"]
    assert manifest["query"]["all"] == ["Coast"]
    assert manifest["created_at"] == "2026-05-02T08:00:00.250Z"
    assert manifest["missing"] == []
    assert list(manifest["photos"][1]) == [
        "name", "id", "sha256", "size", "labels", "crc32", "taken_at",
    ]  # fmt: skip
    assert manifest["photos"][1]["crc32"] == "00000001"


def test_entries_are_read_back_as_they_were_written() -> None:
    """Writing and reading again loses nothing, whatever is in the names."""
    lines = written(300).splitlines(keepends=True)
    assert list(read_entries(lines)) == list(entries(300))


def test_a_manifest_without_photos_is_json_too() -> None:
    """Nothing is an answer."""
    assert json.loads(written(0))["photos"] == []


def test_the_same_input_gives_the_same_bytes() -> None:
    """The archive's ETag stands on this."""
    assert written(20) == written(20)
