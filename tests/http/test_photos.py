"""Photos and labels: edits, trash, lists."""

from imgtag.testing.photos import jpeg
from tests.http.service import Service


async def test_a_users_edits_survive_relabelling(service: Service) -> None:
    """Labelling again brings no removed label back and takes no added one away."""
    photo = await service.upload(jpeg())
    await service.labelled(photo)
    edit = {"labels": {"add": ["Grandma", "mountain"], "remove": ["nature"]}}
    _, edited = await service.call("PATCH", f"/api/photos/{photo}", json=edit)
    assert {each["name"] for each in edited["labels"]} == {"Grandma", "mountain", "Outdoors"}

    status, _ = await service.call("POST", f"/api/photos/{photo}/relabel")
    again = await service.labelled(photo)

    assert status == 202
    sources = {each["name"]: each["source"] for each in again["labels"]}
    assert sources == {"Grandma": "user", "mountain": "user", "Outdoors": "machine"}


async def test_the_trash_takes_counts_with_it(service: Service) -> None:
    """A photo in the trash is in no list and no count; restored, it is in both again."""
    photo = await service.upload(jpeg())
    await service.labelled(photo)

    assert (await service.call("DELETE", f"/api/photos/{photo}"))[0] == 204
    assert (await service.call("GET", "/api/labels"))[1] == {"labels": {}}
    assert (await service.call("GET", "/api/photos"))[1]["photos"] == []
    trash = (await service.call("GET", "/api/photos?trashed=true"))[1]["photos"]
    assert [each["id"] for each in trash] == [photo]

    assert (await service.call("POST", f"/api/photos/{photo}/restore"))[0] == 200
    assert (await service.call("GET", "/api/labels"))[1]["labels"]["Nature"] == {"count": 1}


async def test_emptying_the_trash_deletes_for_good(service: Service) -> None:
    """What was in the trash is gone, bytes and all; the rest is untouched."""
    kept, gone = await service.upload(jpeg()), await service.upload(jpeg(20, 20))
    await service.labelled(kept)
    await service.labelled(gone)
    await service.call("DELETE", f"/api/photos/{gone}")

    assert (await service.call("DELETE", "/api/trash"))[1] == {"deleted": 1}
    assert (await service.call("GET", f"/api/photos/{gone}"))[0] == 404
    assert (await service.call("GET", f"/api/photos/{kept}"))[0] == 200


async def test_pages_and_layout_agree(service: Service) -> None:
    """Pages of one give the same photos in the same order as the layout."""
    for side in range(16, 21):
        await service.labelled(await service.upload(jpeg(side, 16)))
    _, layout = await service.call("GET", "/api/photos/layout?all=Nature")
    seen, cursor = [], ""
    while cursor is not None:
        query = f"?all=Nature&limit=2&cursor={cursor}" if cursor else "?all=Nature&limit=2"
        _, page = await service.call("GET", f"/api/photos{query}")
        seen += [each["id"] for each in page["photos"]]
        cursor = page["next_cursor"]

    assert len(seen) == 5
    assert seen == [row[0] for row in layout["photos"]]


async def test_a_cursor_is_good_for_its_own_list_only(service: Service) -> None:
    """The cursor of one query is refused by another."""
    for side in (16, 17):
        await service.labelled(await service.upload(jpeg(side, 16)))
    _, page = await service.call("GET", "/api/photos?limit=1")
    status, problem = await service.call(
        "GET", f"/api/photos?limit=1&all=Nature&cursor={page['next_cursor']}"
    )

    assert (status, problem["code"]) == (422, "invalid_cursor")


async def test_a_parameter_without_a_value_is_left_out(service: Service) -> None:
    """The query string may name parameters that say nothing, as a form does."""
    empty = "all=&any=&none=&unlabelled=&state=&q=&sort=&cursor=&limit="

    status, page = await service.call("GET", f"/api/photos?{empty}")
    assert (status, page) == (200, {"photos": [], "next_cursor": None})


async def test_a_file_name_is_found_however_its_letters_are_composed(service: Service) -> None:
    """A Mac may write an é as two characters, in the name and in what is looked for."""
    photo = await service.upload(jpeg(), "Cafe\u0301.jpg")
    for text in ("caf\u00e9", "cafe\u0301"):
        _, page = await service.call("GET", "/api/photos", params={"q": text})
        assert [each["id"] for each in page["photos"]] == [photo]


async def test_the_id_of_a_duplicate_means_the_photo_that_it_equals(service: Service) -> None:
    """An id that was handed out for bytes which the owner had already works everywhere."""
    data = jpeg()
    photo = await service.upload(data)
    await service.labelled(photo)
    _, ticket = await service.call("PUT", "/api/upload", json={"file_name": "again.jpg"})
    async with service.client.put(
        ticket["url"], data=data, headers={"Content-Type": "image/jpeg"}
    ) as answer:
        assert await answer.json() == {"photo_id": photo, "status": "duplicate"}
    path = f"/api/photos/{ticket['photo_id']}"

    assert (await service.call("GET", path))[1]["id"] == photo
    assert (await service.call("DELETE", path))[0] == 204
    assert (await service.call("POST", f"{path}/restore"))[1]["id"] == photo
    assert (await service.call("POST", f"{path}/relabel"))[1]["id"] == photo


async def test_labels_with_commas_are_given_by_repetition(service: Service) -> None:
    """One parameter is split at commas; repeated ones are taken as they are."""
    photo = await service.upload(jpeg())
    await service.labelled(photo)
    edit = {"labels": {"add": ["Lake, blue"]}}
    await service.call("PATCH", f"/api/photos/{photo}", json=edit)

    _, split = await service.call("GET", "/api/photos?all=Nature,Outdoors")
    _, repeated = await service.call("GET", "/api/photos?all=Lake, blue&all=Nature")
    assert len(split["photos"]) == len(repeated["photos"]) == 1


async def test_many_photos_are_edited_at_once(service: Service) -> None:
    """An edit by query or by ids changes every photo that it means."""
    ids = [await service.upload(jpeg(side, 16)) for side in (16, 17, 18)]
    for photo in ids:
        await service.labelled(photo)
    by_query = {"query": {"all": ["Nature"]}, "labels": {"add": ["Trip"]}}
    by_ids = {"photo_ids": ids[:1], "labels": {"remove": ["Trip"]}}

    assert (await service.call("POST", "/api/photos/edit", json=by_query))[1] == {"changed": 3}
    assert (await service.call("POST", "/api/photos/edit", json=by_ids))[1] == {"changed": 1}
    assert (await service.call("GET", "/api/labels"))[1]["labels"]["Trip"] == {"count": 2}


async def test_thumbnails_work_in_img_without_signing_in(service: Service) -> None:
    """A thumbnail's URL is a credential of its own, and a changed one is not."""
    photo = await service.upload(jpeg(600, 300))
    shown = await service.labelled(photo)
    url = service.url + shown["thumbnail_url"]

    async with service.client.get(url) as answer:
        assert answer.status == 200
        assert answer.content_type == "image/jpeg"
        assert (await answer.read()).startswith(b"\xff\xd8")
    async with service.client.get(url[:-2] + "xx") as answer:
        assert answer.status == 404


async def test_originals_come_in_ranges(service: Service) -> None:
    """The bytes as uploaded, whole or in part."""
    data = jpeg(200, 100)
    photo = await service.upload(data)
    url = f"{service.url}/api/photos/{photo}/original"

    async with service.client.get(url) as answer:
        assert await answer.read() == data
    async with service.client.get(url, headers={"Range": "bytes=10-19"}) as answer:
        assert answer.status == 206
        assert await answer.read() == data[10:20]


async def test_what_has_not_changed_keeps_the_policy_that_it_had(service: Service) -> None:
    """Browsers take headers of a 304 over, so that another policy would end a page's scripts."""
    async with service.client.get(f"{service.url}/api/photos/layout") as first:
        seen = {"If-None-Match": first.headers["ETag"]}
        assert "sandbox" in first.headers["Content-Security-Policy"]
    async with service.client.get(f"{service.url}/api/photos/layout", headers=seen) as again:
        assert again.status == 304
        assert "Content-Security-Policy" not in again.headers
