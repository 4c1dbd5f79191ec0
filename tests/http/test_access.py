"""Who may call what."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from imgtag.api import events
from imgtag.api.access import Access
from imgtag.api.routes import ROUTES
from imgtag.settings import Settings
from imgtag.testing.photos import jpeg
from tests.http.service import DEADLINE_SECONDS, Service, serving

PASSWORD = "a long enough password"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def accounts(settings: Callable[..., Settings]) -> AsyncIterator[Service]:
    """A service with local accounts and no account yet."""
    async with serving(settings(auth="memory")) as running:
        yield running


async def set_up(service: Service, username: str = "ada") -> dict[str, str]:
    """Make the first account; answer with headers that carry its session."""
    code = await service.system.services.auth.setup_code()
    body = {"code": code, "username": username, "password": PASSWORD}
    async with service.client.post(service.url + "/api/setup", json=body) as answer:
        assert answer.status == 201
        cookie = answer.cookies["imgtag_session"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        return {"Cookie": f"imgtag_session={cookie.value}", **SAME_SITE}


async def add(service: Service, username: str) -> dict[str, str]:
    """Make another account; answer with headers that carry its session."""
    auth: Any = service.system.services.auth
    auth.add(username, PASSWORD)
    body = {"username": username, "password": PASSWORD}
    async with service.client.post(service.url + "/api/session", json=body) as answer:
        assert answer.status == 200
        return {"Cookie": f"imgtag_session={answer.cookies['imgtag_session'].value}", **SAME_SITE}


CLOSED = [route for route in ROUTES if route.access in {Access.READ, Access.WRITE}]


STRANGERS = ({}, {"Authorization": "Bearer imgtag_made_up"}, {"Authorization": "Basic eA=="})


async def test_nobody_gets_in_without_a_credential(accounts: Service) -> None:
    """Every route that reads or writes says 401 to a stranger, and to a made-up token."""
    for route, headers in product(CLOSED, STRANGERS):
        path = route.path.replace("{id}", "0" * 26)
        status, problem = await accounts.call(route.method, path, headers=headers)

        assert (status, problem["code"]) == (401, "unauthenticated"), path


async def test_setting_up_works_once(accounts: Service) -> None:
    """The first account needs the code, and there is only one first account."""
    body = {"code": "guess", "username": "eve", "password": PASSWORD}
    assert (await accounts.call("POST", "/api/setup", json=body))[0] == 403
    headers = await set_up(accounts)

    assert (await accounts.call("POST", "/api/setup", json=body))[0] == 409
    status, session = await accounts.call("GET", "/api/session", headers=headers)
    assert (status, session["username"], session["mode"]) == (200, "ada", "local")
    _, config = await accounts.call("GET", "/api/config")
    assert config["auth"]["mode"] == "local"
    assert not config["auth"]["setup_due"]
    assert config["auth"]["login_url"] is config["auth"]["logout_url"] is None


async def test_signing_out_ends_the_session(accounts: Service) -> None:
    """After signing out, the old cookie is worth nothing; no other site's page signs out."""
    headers = await set_up(accounts)
    session = {"Cookie": headers["Cookie"]}

    assert (await accounts.call("DELETE", "/api/session", headers=session))[0] == 403
    assert (await accounts.call("DELETE", "/api/session", headers=headers))[0] == 204
    assert (await accounts.call("GET", "/api/session", headers=headers))[0] == 401


PROOFS = [
    ({"Sec-Fetch-Site": "same-origin"}, 200),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"Sec-Fetch-Site": "none"}, 403),
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Sec-Fetch-Site": "same-site", "Origin": "https://evil.example"}, 403),
    ({"Sec-Fetch-Site": "same-origin", "Origin": "https://photos.example"}, 200),
    ({"Origin": "OURS"}, 200),
    ({}, 403),
]


async def test_a_cookie_changes_things_from_our_own_pages_only(accounts: Service) -> None:
    """With a cookie, a state-changing call has to prove that it came from a page of ours."""
    session = {"Cookie": (await set_up(accounts))["Cookie"]}
    for given, expected in PROOFS:
        proof = {name: value.replace("OURS", accounts.url) for name, value in given.items()}
        status, _ = await accounts.call("DELETE", "/api/trash", headers={**session, **proof})

        assert status == expected, given


async def test_owners_see_nothing_of_each_other(accounts: Service) -> None:
    """To everybody else, a photo and a bundle are what never was: the same 404."""
    ada = await set_up(accounts)
    bob = await add(accounts, "bob")
    photo = await accounts.upload(jpeg(), **ada)
    await accounts.labelled(photo, **ada)
    _, bundle = await accounts.call(
        "POST", "/api/bundles", json={"query": {"all": ["Nature"]}}, headers=ada
    )
    probes = [
        ("GET", f"/api/photos/{photo}", {}),
        ("PATCH", f"/api/photos/{photo}", {"json": {"labels": {"add": ["Mine"]}}}),
        ("DELETE", f"/api/photos/{photo}", {}),
        ("POST", f"/api/photos/{photo}/restore", {}),
        ("POST", f"/api/photos/{photo}/relabel", {}),
        ("GET", f"/api/photos/{photo}/original", {}),
        ("GET", f"/api/photos/{photo}/thumbnail", {}),
        ("GET", f"/api/bundles/{bundle['id']}", {}),
        ("DELETE", f"/api/bundles/{bundle['id']}", {}),
        ("GET", f"/api/bundles/{bundle['id']}/archive", {}),
    ]
    for method, path, more in probes:
        foreign = await accounts.call(method, path, headers=bob, **more)
        absent = await accounts.call(
            method,
            path.replace(photo, "0" * 26).replace(bundle["id"], "0" * 26),
            headers=bob,
            **more,
        )
        assert foreign[0] == absent[0] == 404, path
        assert foreign[1]["detail"] == absent[1]["detail"]

    for path in ("/api/labels", "/api/photos", "/api/photos/layout", "/api/bundles", "/api/status"):
        assert photo not in str(await accounts.call("GET", path, headers=bob))
    edit = {"photo_ids": [photo], "labels": {"add": ["Mine"]}}
    assert (await accounts.call("POST", "/api/photos/edit", json=edit, headers=bob))[1] == {
        "changed": 0
    }
    status, _ = await accounts.call(
        "POST", "/api/bundles", json={"query": {"photo_ids": [photo]}}, headers=bob
    )
    assert status == 422
    assert (await accounts.call("GET", f"/api/photos/{photo}", headers=ada))[1]["labels"]


async def test_the_same_photo_of_two_owners_is_two_photos(accounts: Service) -> None:
    """Nobody learns from a duplicate what somebody else has."""
    ada, bob = await set_up(accounts), await add(accounts, "bob")
    data = jpeg()

    assert await accounts.upload(data, **ada) != await accounts.upload(data, **bob)


async def test_tokens_do_what_their_scopes_say(accounts: Service) -> None:
    """A read token reads; it writes nothing, makes no tokens, and ends when revoked."""
    ada = await set_up(accounts)
    body = {"name": "reader", "scopes": ["read"]}
    status, made = await accounts.call("POST", "/api/tokens", json=body, headers=ada)
    bearer = {"Authorization": f"Bearer {made['token']}"}

    assert status == 201
    assert (await accounts.call("GET", "/api/labels", headers=bearer))[0] == 200
    assert (await accounts.call("DELETE", "/api/trash", headers=bearer))[1][
        "code"
    ] == "scope_missing"
    _, listed = await accounts.call("GET", "/api/tokens", headers=ada)
    assert made["token"] not in str(listed)
    assert (await accounts.call("DELETE", f"/api/tokens/{made['id']}", headers=ada))[0] == 204
    assert (await accounts.call("GET", "/api/labels", headers=bearer))[0] == 401


async def test_tokens_are_listed_by_the_page(accounts: Service) -> None:
    """Oldest first, each once, and a cursor as long as there are more."""
    ada = await set_up(accounts)
    for number in range(3):
        body = {"name": f"token {number}"}
        await accounts.call("POST", "/api/tokens", json=body, headers=ada)
    _, first = await accounts.call("GET", "/api/tokens?limit=2", headers=ada)
    path = f"/api/tokens?limit=2&cursor={first['next_cursor']}"
    _, last = await accounts.call("GET", path, headers=ada)
    ids = [token["id"] for token in first["tokens"] + last["tokens"]]

    assert (len(first["tokens"]), len(last["tokens"]), last["next_cursor"]) == (2, 1, None)
    assert ids == sorted(set(ids))


async def test_where_nobody_signs_in_only_this_machines_names_are_answered(
    service: Service,
) -> None:
    """Another Host, as after DNS rebinding, is refused, whatever it asks for."""
    for host in (
        "evil.example",
        "192.168.1.5",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "[::1",
    ):
        status, problem = await service.call("GET", "/api/labels", headers={"Host": host})
        assert (status, problem["code"]) == (403, "host_not_allowed")
    assert (await service.call("GET", "/api/labels", headers={"Host": "localhost:1"}))[0] == 200


async def test_other_origins_are_let_in_by_name_only(settings: Callable[..., Settings]) -> None:
    """CORS answers the origins that are set, and no other, without credentials."""
    async with serving(settings(cors_origins="http://ui.example:3000")) as service:
        asked = {"Access-Control-Request-Method": "PUT", "Origin": "http://ui.example:3000"}
        async with service.client.options(service.url + "/api/upload", headers=asked) as answer:
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Origin"] == "http://ui.example:3000"
            assert "Access-Control-Allow-Credentials" not in answer.headers
        for origin in ("http://evil.example", "null", "http://ui.example:3000.evil.example"):
            async with service.client.get(
                service.url + "/api/config", headers={"Origin": origin}
            ) as answer:
                assert "Access-Control-Allow-Origin" not in answer.headers


async def _listen(service: Service, headers: dict[str, str]) -> list[bytes]:
    """Hear of everything until the server ends the stream."""
    async with service.client.get(service.url + "/api/events", headers=headers) as answer:
        assert answer.status == 200
        return [line async for line in answer.content]


async def test_a_feed_ends_with_its_credential(
    accounts: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that was signed out, a token revoked or expired: what they opened is cut off."""
    monkeypatch.setattr(events, "KEEP_ALIVE_SECONDS", 0.05)
    session = await set_up(accounts)
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    tokens = []
    for ends in (None, soon):
        body = {"name": "feed", "expires_at": ends}
        _, token = await accounts.call("POST", "/api/tokens", json=body, headers=session)
        tokens.append(token)
    bearers = [{"Authorization": f"Bearer {token['token']}"} for token in tokens]
    async with asyncio.timeout(DEADLINE_SECONDS), asyncio.TaskGroup() as tasks:
        listening = [tasks.create_task(_listen(accounts, each)) for each in (session, *bearers)]
        await listening[2]
        assert not listening[1].done()
        await accounts.call("DELETE", f"/api/tokens/{tokens[0]['id']}", headers=session)
        await listening[1]
        assert not listening[0].done()
        await accounts.call("DELETE", "/api/session", headers=session)
    assert all(task.result() for task in listening)
