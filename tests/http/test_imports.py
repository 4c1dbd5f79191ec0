"""Imports over HTTP, from real folders."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from imgtag.settings import Settings
from imgtag.testing.photos import jpeg
from tests.http.service import DEADLINE_SECONDS, Service, serving
from tests.http.test_access import add, set_up

LOCAL = {"blobs": "files", "catalog": "sqlite", "queue": "sqlite", "bundles": "sqlite"}


@pytest.fixture
def settings(settings: Callable[..., Settings], tmp_path: Path) -> Callable[..., Settings]:
    """Keep the data folder beside what is imported."""
    return partial(settings, data_dir=tmp_path / "data")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with photos, and with what is none."""
    folder = tmp_path / "my photos"
    for number in range(12):
        path = folder / "2024" / f"{number:02}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(32 + number, 24))
    (folder / "twin.JPG").write_bytes((folder / "2024/03.jpg").read_bytes())
    (folder / "notes.txt").write_text("no photo")
    (folder / "2024/link.jpg").symlink_to("/etc/hostname")
    return folder


async def ended(service: Service, imported: str, **headers: str) -> dict[str, Any]:
    """Wait until an import has ended."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            status, shown = await service.call("GET", f"/api/imports/{imported}", headers=headers)
            assert status == 200
            if shown["state"] not in {"queued", "running"}:
                return dict(shown)
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("backends", ["memory", "local"])
async def test_a_folder_becomes_labelled_photos(
    settings: Callable[..., Settings], folder: Path, backends: str
) -> None:
    """Looked at, imported, labelled; asked for again, nothing is new."""
    chosen = LOCAL if backends == "local" else {}
    allowed = folder.as_uri()
    async with serving(settings(import_sources=allowed, **chosen)) as service:
        _, config = await service.call("GET", "/api/config")
        assert config["features"]["imports"] is True
        asked = {"json": {"source": folder.as_uri()}}
        status, estimate = await service.call("POST", "/api/imports/preview", **asked)
        assert status == 200
        assert (estimate["files"], estimate["skipped"], estimate["known"]) == (14, 1, 0)
        assert estimate["labelling"] == {"calls": 0, "dollars": 0}
        async with service.client.post(service.url + "/api/imports", **asked) as answer:
            begun = await answer.json()
            assert answer.status == 202
            assert answer.headers["Location"] == f"/api/imports/{begun['id']}"
        done = await ended(service, begun["id"])
        assert (done["state"], done["source"]) == ("done", folder.as_uri())
        counts = [done[name] for name in ("found", "copied", "duplicates", "skipped")]
        assert counts == [15, 12, 1, 2]
        assert {each["file_name"]: each["code"] for each in done["failures"]} == {
            "notes.txt": "unsupported_format",
            "2024/link.jpg": "not_a_file",
        }
        assert done["finished_at"] >= done["created_at"]
        _, page = await service.call("GET", "/api/photos")
        for photo in page["photos"]:
            shown = await service.labelled(photo["id"])
            assert shown["state"] == "labelled"
            name = shown["file_name"]
            original = f"{service.url}/api/photos/{photo['id']}/original"
            async with service.client.get(original) as answer:
                assert await answer.read() == (folder / "2024" / name).read_bytes()
        assert sorted(each["file_name"] for each in page["photos"]) == [
            f"{number:02}.jpg" for number in range(12)
        ]
        _, second = await service.call("POST", "/api/imports", **asked)
        again = await ended(service, second["id"])
        assert (again["copied"], again["duplicates"]) == (0, 13)
        _, listed = await service.call("GET", "/api/imports")
        assert [each["id"] for each in listed["imports"]] == [second["id"], begun["id"]]
        assert listed["next_cursor"] is None


async def test_places_that_are_not_allowed_are_forbidden(
    settings: Callable[..., Settings], folder: Path
) -> None:
    """Elsewhere, upwards in any spelling, and no address at all: all the same."""
    inside = folder / "2024"
    elsewhere = [
        "file:///etc",
        folder.as_uri(),
        f"{inside.as_uri()}/../",
        f"{inside.as_uri()}/%2e%2e",
        f"{inside.as_uri()}/..%2f..%2fetc",
        f"{inside.as_uri()}/%252e%252e/",
        f"{inside.as_uri()}-private",
        "s3://bucket/prefix",
        "http://127.0.0.1/",
        "nonsense",
        "\u0000",
    ]
    async with serving(settings(import_sources=inside.as_uri())) as service:
        for path in ("/api/imports", "/api/imports/preview"):
            for source in elsewhere:
                status, problem = await service.call("POST", path, json={"source": source})
                assert (status, problem["code"]) == (403, "source_not_allowed"), source
        status, problem = await service.call("PUT", "/api/s3_copy", json={"source": "bucket"})
        assert (status, problem["code"]) == (403, "source_not_allowed")
        status, problem = await service.call(
            "POST", "/api/imports/preview", json={"source": f"{inside.as_uri()}/missing"}
        )
        assert (status, problem["code"]) == (422, "source_not_found")
        for body in ({}, {"source": ""}, {"source": 7}, {"source": "/x", "dry_run": True}):
            status, problem = await service.call("POST", "/api/imports", json=body)
            assert (status, problem["code"]) == (422, "invalid_request")
        _, listed = await service.call("GET", "/api/imports")
        assert listed["imports"] == []


async def test_without_a_list_nothing_may_be_imported(service: Service, folder: Path) -> None:
    """And the page is told that there is nothing to show."""
    _, config = await service.call("GET", "/api/config")
    assert config["features"]["imports"] is False
    status, problem = await service.call("POST", "/api/imports", json={"source": folder.as_uri()})
    assert (status, problem["code"]) == (403, "source_not_allowed")


async def test_imports_are_the_owners_own(settings: Callable[..., Settings], folder: Path) -> None:
    """Somebody else's is what never was; the same folder is their own photos for each."""
    async with serving(settings(auth="memory", import_sources=folder.as_uri())) as service:
        ada, bob = await set_up(service), await add(service, "bob")
        asked = {"json": {"source": folder.as_uri()}}
        _, hers = await service.call("POST", "/api/imports", headers=ada, **asked)
        await ended(service, hers["id"], **ada)
        for method in ("GET", "DELETE"):
            foreign = await service.call(method, f"/api/imports/{hers['id']}", headers=bob)
            absent = await service.call(method, f"/api/imports/{'0' * 26}", headers=bob)
            assert foreign[0] == absent[0] == 404
            assert foreign[1]["detail"] == absent[1]["detail"]
        assert (await service.call("GET", "/api/imports", headers=bob))[1]["imports"] == []
        _, estimate = await service.call("POST", "/api/imports/preview", headers=bob, **asked)
        assert estimate["known"] == 0
        _, his = await service.call("POST", "/api/imports", headers=bob, **asked)
        assert (await ended(service, his["id"], **bob))["copied"] == 12


async def test_the_feed_tells_of_an_import(settings: Callable[..., Settings], folder: Path) -> None:
    """A page that listens hears how it ended."""
    async with serving(settings(import_sources=folder.as_uri())) as service:
        async with service.client.get(service.url + "/api/events") as stream:
            await service.call("POST", "/api/imports", json={"source": folder.as_uri()})
            told: list[dict[str, Any]] = []
            async with asyncio.timeout(DEADLINE_SECONDS):
                async for line in stream.content:
                    if line.startswith(b"event: import"):
                        told.append(json.loads((await stream.content.readline())[5:]))
                        if told[-1]["state"] == "done":
                            break
        assert told[-1]["copied"] == 12
        async with service.client.get(service.url + "/api/events") as stream:
            async with asyncio.timeout(DEADLINE_SECONDS):
                async for line in stream.content:
                    if line.startswith(b"event: import"):
                        break
            assert json.loads((await stream.content.readline())[5:]) == told[-1]


async def test_an_import_is_cancelled_once(settings: Callable[..., Settings], folder: Path) -> None:
    """And again without complaint; one that nobody has is not found."""
    async with serving(settings(import_sources=folder.as_uri())) as service:
        _, begun = await service.call("POST", "/api/imports", json={"source": folder.as_uri()})
        for _ in range(2):
            status, _ = await service.call("DELETE", f"/api/imports/{begun['id']}")
            assert status == 204
        shown = await ended(service, begun["id"])
        assert shown["state"] in {"cancelled", "done"}
        for method in ("GET", "DELETE"):
            status, _ = await service.call(method, f"/api/imports/{'0' * 26}")
            assert status == 404
