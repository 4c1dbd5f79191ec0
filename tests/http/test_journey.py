"""The main job, over HTTP."""

import io
import json
import zipfile

from tests.http.service import Service


async def test_upload_label_bundle_download(service: Service, photo: bytes) -> None:
    """A photo goes in, its labels are counted, and it comes out in a bundle."""
    photo_id = await service.upload(photo)
    shown = await service.labelled(photo_id)

    assert shown["state"] == "labelled"
    assert (shown["width"], shown["height"]) == (64, 48)
    status, counts = await service.call("GET", "/api/labels")
    assert status == 200
    assert counts == {"labels": {"Nature": {"count": 1}, "Outdoors": {"count": 1}}}

    status, preview = await service.call(
        "POST", "/api/bundles/preview", json={"query": {"all": ["Nature"]}}
    )
    assert status == 200
    status, bundle = await service.call("POST", "/api/download", json={"labels": ["Nature"]})
    assert status == 202
    assert bundle["state"] == "ready"
    assert bundle["bytes"] == preview["bytes"]
    async with service.client.get(bundle["link"]) as answer:
        archive = await answer.read()
        assert answer.status == 200
        assert answer.content_length == len(archive) == bundle["bytes"]
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == ["lake.jpg", "manifest.json"]
        assert opened.read("lake.jpg") == photo
        manifest = json.loads(opened.read("manifest.json"))
        assert manifest["photos"][0]["id"] == photo_id
