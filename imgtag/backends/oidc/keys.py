"""The provider's public keys: fetched once for many, not too often, and kept when it is away."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from imgtag.domain.errors import Unauthenticated, Unavailable
from imgtag.ports import Clock

COOLDOWN: Final = timedelta(seconds=30)
FRESH_FOR: Final = timedelta(hours=1)
MAX_KEYS: Final = 64
# What each algorithm may be used with; anything else is nobody's signature.
KEY_TYPES: Final = {"RS256": ("RSA", None), "ES256": ("EC", "P-256")}

Fetch = Callable[[], Awaitable[Mapping[str, Any]]]


class KeySet:
    """Finds a key by its id.

    A key that is not known makes it look again, but at most once in 30 seconds, whoever asks. When
    the provider can't be reached, the keys that are known go on being good.
    """

    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, PyJWK] = {}
        self._asked_at: datetime | None = None
        self._lock = asyncio.Lock()

    async def find(self, key_id: str, algorithm: str) -> PyJWK:
        """Find the key *key_id*, which must be one for *algorithm*. Raises `Unauthenticated`."""
        if key_id not in self._keys or self._is_due(FRESH_FOR):
            async with self._lock:
                if self._is_due(FRESH_FOR if key_id in self._keys else COOLDOWN):
                    await self._look()
        key = self._keys.get(key_id)
        if key is None or not _suits(key, algorithm):
            raise Unauthenticated("this token is not signed by a key of the provider")
        return key

    def _is_due(self, after: timedelta) -> bool:
        return self._asked_at is None or self._clock.now() - self._asked_at >= after

    async def _look(self) -> None:
        self._asked_at = self._clock.now()
        try:
            found = await self._fetch()
        except Unavailable:
            if not self._keys:
                raise
            return
        self._keys = _read(found) or self._keys


def _read(found: Mapping[str, Any]) -> dict[str, PyJWK]:
    keys = {}
    for data in list(found.get("keys", ()))[:MAX_KEYS]:
        try:
            keys[str(data["kid"])] = PyJWK(data)
        except (PyJWTError, KeyError, TypeError):
            continue  # a kind of key that imgtag does not know is nobody's
    return keys


def _suits(key: PyJWK, algorithm: str) -> bool:
    kind, curve = KEY_TYPES[algorithm]
    data = key._jwk_data  # noqa: SLF001
    if data.get("use", "sig") != "sig" or data.get("alg", algorithm) != algorithm:
        return False
    return key.key_type == kind and (curve is None or data.get("crv") == curve)
