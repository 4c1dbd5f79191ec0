"""Words that only this installation can have written: upload tickets, cursors, thumbnail URLs."""

import hashlib
import hmac
import os
import secrets
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from itsdangerous import BadSignature, URLSafeSerializer

from imgtag.domain.errors import Forbidden

_KEY_FILE: Final = "signing.key"
_SECRET_BYTES: Final = 32
_MARK_BYTES: Final = 18


class Signer:
    """Signs small JSON objects with one secret, each *purpose* under a key of its own."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._key = hashlib.sha256(f"imgtag.marks.{secret}".encode()).digest()

    def sign(self, purpose: str, claims: Mapping[str, Any]) -> str:
        """Write *claims* as text that is safe in a URL."""
        return str(self._serializer(purpose).dumps(dict(claims)))

    def open(self, purpose: str, text: str) -> dict[str, Any]:
        """Read what `sign` wrote for this purpose. `Forbidden`, code ``bad_signature``, else."""
        try:
            claims: dict[str, Any] = self._serializer(purpose).loads(text)
        except BadSignature as error:
            msg = "this was not signed here, or was changed since"
            raise Forbidden(msg, code="bad_signature") from error
        return claims

    def mark(self, purpose: str, text: str) -> str:
        """Give a short mark that proves *text* was written here: for URLs made by the hundred.

        *purpose* has 16 characters at most. BLAKE2b, with a key, takes a third of what HMAC does.
        """
        mark = blake2b(
            text.encode(), key=self._key, person=purpose.encode(), digest_size=_MARK_BYTES
        )
        return urlsafe_b64encode(mark.digest()).decode()

    def marked(self, purpose: str, text: str, mark: str) -> bool:
        """Tell whether *mark* is the mark of *text*."""
        return hmac.compare_digest(self.mark(purpose, text).encode(), mark.encode())

    def _serializer(self, purpose: str) -> URLSafeSerializer:
        return URLSafeSerializer(
            self._secret,
            salt=f"imgtag.{purpose}",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )


def kept_secret(folder: Path) -> str:
    """Read the secret that *folder* keeps, which is made the first time."""
    path = folder / _KEY_FILE
    if not path.exists() or not path.read_text():
        _make_secret(path)
    return path.read_text()


def _make_secret(path: Path) -> None:
    """Write a new secret, whole or not at all: half of one would be no secret."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(secrets.token_urlsafe(_SECRET_BYTES))
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)
