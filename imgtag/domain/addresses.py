"""Where people are reached: checked when given, and only hinted at when shown."""

import re
from enum import StrEnum
from typing import Final

from imgtag.domain.errors import Invalid

# RFC 5321, 4.5.3.1.3, less the angle brackets.
MAX_EMAIL_CHARACTERS: Final = 254
# What browsers take for an e-mail address: html.spec.whatwg.org, "valid e-mail address".
_LABEL: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_EMAIL: Final = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})+")
# ITU-T E.164: at most 15 digits, the country's code first.
_PHONE: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_PUNCTUATION: Final = re.compile(r"[\s().-]+")


class Channel(StrEnum):
    """A way to reach somebody who is away."""

    EMAIL = "email"
    SMS = "sms"


def address_of(channel: Channel, text: str) -> str:
    """Read an address as a person writes it. Raises `Invalid`, which does not repeat it."""
    return _email(text.strip()) if channel is Channel.EMAIL else _phone(text)


def _email(text: str) -> str:
    if len(text) > MAX_EMAIL_CHARACTERS or not _EMAIL.fullmatch(text):
        msg = "this is not an e-mail address"
        raise Invalid(msg, code="invalid_email", pointer="/email")
    return text


def _phone(text: str) -> str:
    number = _PUNCTUATION.sub("", text)
    if not _PHONE.fullmatch(number):
        msg = "a phone number begins with + and the country's code"
        raise Invalid(msg, code="invalid_phone", pointer="/sms")
    return number


def hint_of(channel: Channel, address: str) -> str:
    """Say as much of *address* as its holder needs to know it again."""
    if channel is Channel.SMS:
        return f"…{address[-3:]}"
    name, _, host = address.rpartition("@")
    return f"{name[:1]}…@{host}"
