"""Words that only this installation can have written: upload tickets, cursors, thumbnail URLs."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer

from imgtag.domain.errors import Invalid


class Signer:
    """Signs small JSON objects with one secret, each *purpose* under a key of its own."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def sign(self, purpose: str, claims: Mapping[str, Any]) -> str:
        """Write *claims* as text that is safe in a URL."""
        return str(self._serializer(purpose).dumps(dict(claims)))

    def open(self, purpose: str, text: str) -> dict[str, Any]:
        """Read what `sign` wrote for the same purpose. `Invalid`, code ``bad_signature``, else."""
        try:
            claims: dict[str, Any] = self._serializer(purpose).loads(text)
        except BadSignature as error:
            msg = "this was not signed here, or was changed since"
            raise Invalid(msg, code="bad_signature") from error
        return claims

    def mark(self, purpose: str, text: str) -> str:
        """Give a short mark that proves *text* was written here: for URLs made by the hundred."""
        key = f"imgtag.{purpose}.{self._secret}".encode()
        return urlsafe_b64encode(hmac.digest(key, text.encode(), "sha256")[:18]).decode()

    def marked(self, purpose: str, text: str, mark: str) -> bool:
        """Tell whether *mark* is the mark of *text*."""
        return hmac.compare_digest(self.mark(purpose, text).encode(), mark.encode())

    def _serializer(self, purpose: str) -> URLSafeSerializer:
        return URLSafeSerializer(
            self._secret,
            salt=f"imgtag.{purpose}",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )
