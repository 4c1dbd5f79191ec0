"""Addresses are checked when given, and hinted at when shown."""

import pytest

from imgtag.domain.addresses import Channel, address_of, hint_of
from imgtag.domain.errors import Invalid


@pytest.mark.parametrize(
    "text", ["ada@example.org", " a.b+c_d@sub.example.co.uk ", "x@xn--bcher-kva.example"]
)
def test_e_mail_addresses_are_taken(text: str) -> None:
    """As people write them, less the spaces around."""
    assert address_of(Channel.EMAIL, text) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "ada@",
        "@example.org",
        "ada@localhost",
        "ada@example..org",
        "ada@-example.org",
        "ada @example.org",
        "ada@example.org, eve@example.org",
        "ada@example.org\r\nBcc: eve@example.org",
        "<ada@example.org>",
        "ada@example.org\0",
        f"{'a' * 250}@example.org",
    ],
)
def test_what_is_no_e_mail_address_is_refused(text: str) -> None:
    """Nothing that a mail program could take for two addresses, or for a header."""
    with pytest.raises(Invalid) as caught:
        address_of(Channel.EMAIL, text)
    assert (caught.value.code, caught.value.pointer) == ("invalid_email", "/email")
    assert "example.org" not in caught.value.detail


@pytest.mark.parametrize("text", ["+447700900123", "+44 7700 900123", "+44 (7700) 900-123"])
def test_phone_numbers_are_taken(text: str) -> None:
    """As people write them, without what only makes them readable."""
    assert address_of(Channel.SMS, text) == "+447700900123"


@pytest.mark.parametrize("text", ["", "07700900123", "+0447700900123", "+44", "+4477009001234567"])
def test_what_is_no_phone_number_is_refused(text: str) -> None:
    """Without its country, a number is nobody's."""
    with pytest.raises(Invalid) as caught:
        address_of(Channel.SMS, text)
    assert (caught.value.code, caught.value.pointer) == ("invalid_phone", "/sms")


def test_a_hint_is_not_the_address() -> None:
    """Its holder knows it again, and nobody else can use it."""
    assert hint_of(Channel.EMAIL, "ada.lovelace@example.org") == "a…@example.org"
    assert hint_of(Channel.SMS, "+447700900123") == "…123"
