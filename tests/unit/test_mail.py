"""Mail goes out through TLS and with a password, and once for each mailbox."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from imgtag.backends.local.mail import SmtpMail
from imgtag.domain.errors import Unavailable
from imgtag.ports import Notice
from imgtag.settings import Settings
from imgtag.testing.clock import FixedClock
from imgtag.testing.photos import ADA
from tests.http.site import make_certificate
from tests.unit.mail_server import Mailbox, mail_server

READY = Notice("01J-ready", ADA, "Your photos are ready: Lakes", "https://example.org/b/token\n")


def mail_to(box: Mailbox, clock: FixedClock, **given: Any) -> SmtpMail:
    """Make what sends mail to *box*."""
    known = {"smtp_host": "127.0.0.1", "smtp_port": box.port, "smtp_from": "photos@example.org"}
    return SmtpMail(Settings(**{**known, "smtp_tls": "none", **given}), clock)


async def test_a_letter_says_who_and_when(clock: FixedClock) -> None:
    """It has what a mailbox needs, and asks for no automatic answers."""
    async with mail_server() as box:
        await mail_to(box, clock).send(READY, "ada@example.net")
    [letter] = box.letters
    assert letter.message["From"] == "photos@example.org"
    assert letter.message["To"] == "ada@example.net"
    assert letter.message["Date"].datetime == clock.now().replace(microsecond=0)
    assert letter.message["Auto-Submitted"] == "auto-generated"


async def test_a_letter_sent_again_is_the_same_letter(clock: FixedClock) -> None:
    """Mailboxes tell by its id, and show it once."""
    async with mail_server() as box:
        for _ in range(2):
            await mail_to(box, clock).send(READY, "ada@example.net")
    assert {letter.message["Message-ID"] for letter in box.letters} == {"<01J-ready@example.org>"}


async def test_a_name_adds_no_header(clock: FixedClock) -> None:
    """What a person called a bundle stays in the subject, line breaks or not."""
    sly = Notice("1", ADA, "Ready: a\r\nBcc: eve@example.net\nX: y", "text")
    async with mail_server() as box:
        await mail_to(box, clock).send(sly, "ada@example.net")
    [letter] = box.letters
    assert letter.message["Bcc"] is None
    assert letter.subject == "Ready: a Bcc: eve@example.net X: y"


async def test_the_password_crosses_in_tls(
    clock: FixedClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """STARTTLS comes before anything worth hiding, and the server's certificate is checked."""
    certificate, server = make_certificate()
    (tmp_path / "ca.pem").write_bytes(certificate)
    given = {"smtp_tls": "starttls", "smtp_user": "ada", "smtp_password": SecretStr("s3cret")}
    async with mail_server(tls=server, password="s3cret") as box:
        with pytest.raises(Unavailable):
            await mail_to(box, clock, **given).send(READY, "ada@example.net")
        assert "STARTTLS" in box.commands
        assert "AUTH" not in box.commands
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        await mail_to(box, clock, **given).send(READY, "ada@example.net")
    [letter] = box.letters
    assert letter.secure
    assert box.commands.index("STARTTLS") < box.commands.index("AUTH")


async def test_without_tls_on_offer_nothing_is_sent(clock: FixedClock) -> None:
    """A server, or somebody in between, that hides STARTTLS gets no mail in clear."""
    async with mail_server() as box:
        with pytest.raises(Unavailable):
            await mail_to(box, clock, smtp_tls="starttls").send(READY, "ada@example.net")
    assert box.letters == []


@pytest.mark.parametrize(
    ("verb", "answer"),
    [("EHLO", "421 later"), ("MAIL", "451 later"), ("RCPT", "450 busy"), ("DATA", "554 no")],
)
async def test_trouble_is_worth_another_attempt(clock: FixedClock, verb: str, answer: str) -> None:
    """Whatever the server says for now, the notice is kept for later."""
    async with mail_server() as box:
        box.answers[verb] = answer
        with pytest.raises(Unavailable) as caught:
            await mail_to(box, clock).send(READY, "ada@example.net")
    assert caught.value.code == "mail_unavailable"
    assert "ada" not in caught.value.detail


async def test_a_server_that_is_not_there_is_trouble(clock: FixedClock) -> None:
    """Nobody listens, and it is told in one sentence."""
    async with mail_server() as box:
        mail = mail_to(box, clock)
    with pytest.raises(Unavailable):
        await mail.send(READY, "ada@example.net")


async def test_an_address_that_is_refused_for_good_is_let_go(clock: FixedClock) -> None:
    """Sending again can't help, so that nothing is tried again."""
    async with mail_server() as box:
        box.answers["RCPT"] = "550 no such mailbox"
        await mail_to(box, clock).send(READY, "ada@example.net")
        assert "DATA" not in box.commands
    assert box.letters == []


@pytest.mark.parametrize(
    ("setting", "given"),
    [
        ("smtp_from", {"smtp_host": "mail.example"}),
        ("smtp_from", {"smtp_host": "mail.example", "smtp_from": "nobody"}),
        (
            "smtp_password",
            {
                "smtp_host": "mail.example",
                "smtp_from": "a@example.org",
                "smtp_tls": "none",
                "smtp_password": "x",
            },
        ),
    ],
)
def test_settings_that_can_not_be_right_are_told(setting: str, given: dict[str, Any]) -> None:
    """Mail needs a sender, and a password does not cross the network in clear."""
    with pytest.raises(ValidationError) as caught:
        Settings(**given)
    assert [error["loc"] for error in caught.value.errors()] == [(setting,)]
