"""A moto server, and what one test has on it."""

import json
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from imgtag.backends import Context
from imgtag.settings import Settings

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-central-1"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; *url* is its endpoint for every service."""

    url: str

    def steer(
        self, *faults: Mapping[str, Any], archived: Mapping[str, str] | None = None, seed: int = 1
    ) -> dict[str, Any]:
        """Set faults and archived objects; tell what struck and was asked until now."""
        rules = {"faults": list(faults), "archived": dict(archived or {}), "seed": seed}
        return self._post(json.dumps(rules).encode())

    def advance(self, by: timedelta) -> None:
        """Let time pass for SQS."""
        self._post(json.dumps({"advance": by.total_seconds()}).encode())

    def messages(self, queue_url: str) -> Sequence[str]:
        """Read every message of a queue, leased or not."""
        found: list[str] = self._post(json.dumps({"messages": queue_url}).encode())["messages"]
        return found

    def confirm(self) -> None:
        """Agree to every subscription, as the holders of the addresses do."""
        self._post(json.dumps({"confirm": True}).encode())

    def told(self) -> dict[str, Any]:
        """Tell what struck and what was asked so far."""
        return self._post(b"")

    def _post(self, body: bytes) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.url}/_test", body, method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            told: dict[str, Any] = json.load(answer)
        return told


@dataclass(frozen=True, slots=True)
class Cloud:
    """What one test has on AWS, and how an adapter is opened on it."""

    server: Server
    settings: Settings
    context: Context
