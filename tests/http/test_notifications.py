"""Where news goes, over HTTP; and that it goes there."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from imgtag.backends.memory import MemoryNotifier
from imgtag.settings import Settings
from tests.http.service import Service, serving
from tests.http.site import eventually
from tests.unit.mail_server import mail_server

EMAIL = "ada.lovelace@example.org"


async def set_to(service: Service, **addresses: str | None) -> tuple[int, Any]:
    """Change where news goes."""
    return await service.call("PUT", "/api/notifications", json=addresses)


async def test_addresses_are_set_one_by_one(service: Service) -> None:
    """What is left out stays, null and an empty text end it, and hints are all that is told."""
    assert (await service.call("GET", "/api/notifications"))[1] == {
        "unconfirmed": [],
        "channels": ["email", "sms"],
    }
    assert (await set_to(service, email=EMAIL))[0] == 200
    status, told = await set_to(service, sms="+44 7700 900123")
    assert status == 200
    assert told == {
        "email": "a…@example.org",
        "sms": "…123",
        "unconfirmed": [],
        "channels": ["email", "sms"],
    }
    assert "email" not in (await set_to(service, email=None))[1]
    assert "sms" not in (await set_to(service, sms=""))[1]


async def test_wrong_addresses_change_nothing(service: Service) -> None:
    """Each has a code of its own and a pointer, and a good one beside it is not taken either."""
    for addresses, code, pointer in (
        ({"email": "ada"}, "invalid_email", "/email"),
        ({"sms": "07700900123"}, "invalid_phone", "/sms"),
        ({"email": EMAIL, "sms": "1"}, "invalid_phone", "/sms"),
        ({"fax": "1"}, "invalid_request", "/fax"),
    ):
        status, problem = await service.call("PUT", "/api/notifications", json=addresses)
        assert (status, problem["code"]) == (422, code)
        assert [each["pointer"] for each in problem["errors"]] == [pointer]
    _, told = await service.call("GET", "/api/notifications")
    assert "email" not in told


async def test_the_page_is_told_whether_anything_is_sent(
    service: Service, settings: Callable[..., Settings], tmp_path: Path
) -> None:
    """An outbox that nobody empties is no reason to ask for an address."""
    _, config = await service.call("GET", "/api/config")
    assert config["features"]["notifications"] is True
    async with serving(settings(notifier="outbox", data_dir=tmp_path / "other")) as silent:
        _, config = await silent.call("GET", "/api/config")
    assert config["features"]["notifications"] is False


async def test_a_bundle_is_told_of(service: Service, photo: bytes) -> None:
    """With a link that works without signing in."""
    await bundle_of(service, photo)
    notifier = service.system.services.notifications._notifier
    assert isinstance(notifier, MemoryNotifier)
    await eventually(lambda: bool(notifier.sent))
    link = next(line for line in notifier.sent[0].text.splitlines() if "/b/" in line)
    async with service.client.get(link) as answer:
        assert answer.status == 200
        assert (await answer.read()).startswith(b"PK")


@pytest.fixture
async def posting(
    settings: Callable[..., Settings],
) -> AsyncIterator[tuple[Service, Any]]:
    """A service with everything on this machine, that sends mail."""
    async with mail_server() as box:
        local = settings(
            **dict.fromkeys(("catalog", "queue", "bundles"), "sqlite"),
            notifier="outbox",
            smtp_host="127.0.0.1",
            smtp_port=box.port,
            smtp_tls="none",
            smtp_from="photos@example.org",
        )
        async with serving(local) as service:
            yield service, box


async def test_mail_is_sent_to_who_asked_for_it(
    posting: tuple[Service, Any], photo: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A file in the outbox, a letter to the address, and the address in no log."""
    service, box = posting
    assert (await set_to(service, email=EMAIL))[0] == 200
    await bundle_of(service, photo)
    await eventually(lambda: bool(box.letters))
    [letter] = box.letters
    [file] = (tmp_path / "outbox").glob("*.json")
    assert letter.to == EMAIL
    assert "/b/" in letter.text
    assert json.loads(file.read_bytes())["text"].split() == letter.text.split()
    assert EMAIL not in "".join(capfd.readouterr())


async def bundle_of(service: Service, photo: bytes) -> None:
    """Make a bundle of one photo."""
    await service.labelled(await service.upload(photo))
    status, bundle = await service.call(
        "POST", "/api/bundles", json={"query": {}, "name": "Everything"}
    )
    assert (status, bundle["state"]) == (202, "ready")
