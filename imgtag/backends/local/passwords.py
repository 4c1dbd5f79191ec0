"""Passwords: the rules, and hashing that a flood of sign-ins can't turn into an outage."""

import asyncio
import base64
import secrets
import threading
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from imgtag.domain.errors import Invalid, Unavailable

MIN_PASSWORD_CHARACTERS: Final = 8
MAX_PASSWORD_BYTES: Final = 1024

T = TypeVar("T")


def password_of(text: str) -> str:
    """Check a new password: at least 8 characters, at most 1024 bytes once it is UTF-8.

    NFKC, so that another keyboard's way of typing the same characters is the same password
    (NIST SP 800-63B, 3.1.1.2). Raises `Invalid`, code ``invalid_password``.
    """
    password = normalised(text)
    if len(password) < MIN_PASSWORD_CHARACTERS:
        msg = f"a password has at least {MIN_PASSWORD_CHARACTERS} characters"
        raise Invalid(msg, code="invalid_password", pointer="/password")
    if len(password.encode(errors="replace")) > MAX_PASSWORD_BYTES:
        msg = f"a password has at most {MAX_PASSWORD_BYTES} bytes"
        raise Invalid(msg, code="invalid_password", pointer="/password")
    return password


def normalised(password: str) -> str:
    """Write *password* the one way that is hashed."""
    return unicodedata.normalize("NFKC", password)


class PasswordHashing:
    """Argon2id in threads: *at_once* together, *waiting* more in line, the next is refused.

    Each job takes 64 MiB and a core for a quarter of a second with the default parameters, which
    are the second recommendation of RFC 9106, section 4.
    """

    def __init__(
        self, hasher: PasswordHasher | None = None, *, at_once: int = 2, waiting: int = 14
    ) -> None:
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="password")
        self._places = threading.BoundedSemaphore(at_once + waiting)
        self._nobodys = _unguessable(self._hasher)

    async def hash(self, password: str) -> str:
        """Hash *password*; the answer carries its parameters and salt. May raise `Unavailable`."""
        return await self._in_line(lambda: self._hasher.hash(_encoded(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Compare; with *stored* None the answer is no, after the same work.

        Raises `Unavailable`, code ``too_many_sign_ins``, when the line is full.
        """
        right = await self._in_line(lambda: self._matches(stored or self._nobodys, password))
        return right and stored is not None

    def outdated(self, stored: str) -> bool:
        """Tell whether *stored* was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        """Drop what waits, and wait for what runs."""
        self._threads.shutdown(cancel_futures=True)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, _encoded(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _in_line(self, job: Callable[[], T]) -> T:
        if not self._places.acquire(blocking=False):
            msg = "too many people are signing in; try again in a moment"
            raise Unavailable(msg, code="too_many_sign_ins", retry_after_seconds=2)
        running = self._threads.submit(job)
        # A cancelled request gives its place back only when its thread is done.
        running.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(running)


@contextmanager
def hashing(hasher: PasswordHasher | None = None) -> Iterator[PasswordHashing]:
    """Keep the threads for hashing as long as the context lasts."""
    passwords = PasswordHashing(hasher)
    try:
        yield passwords
    finally:
        passwords.close()


def _encoded(password: str) -> bytes:
    return normalised(password).encode(errors="replace")


def _unguessable(hasher: PasswordHasher) -> str:
    """Make a hash that costs as much as any and that no password has."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${digest}"
