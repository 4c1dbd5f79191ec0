"""SQS: what a queue of dead letters allows, and attributes that stay as they were set."""

import json
from typing import Any

from moto.sqs.models import Queue

from tests.infra.server.patching import amend


def _as_aws_says_it(attributes: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is not set, and write JSON without spaces."""
    told = {
        name: value
        for name, value in attributes.items()
        if value or name not in {"RedriveAllowPolicy", "Policy"}
    }
    if told.get("RedrivePolicy"):
        told["RedrivePolicy"] = json.dumps(json.loads(told["RedrivePolicy"]), separators=(",", ":"))
    return told


def install() -> None:
    """Install all of it."""
    set_attributes = Queue._set_attributes

    def keep_policy(self: Queue, attributes: dict[str, Any], now: float | None = None) -> None:
        """Set what is given, and let the policy be if it isn't."""
        kept = getattr(self, "policy", None)
        set_attributes(self, {"Policy": kept, **attributes}, now)

    Queue.BASE_ATTRIBUTES = [*Queue.BASE_ATTRIBUTES, "RedriveAllowPolicy"]
    Queue.redrive_allow_policy = None  # type: ignore[attr-defined]
    Queue._set_attributes = keep_policy  # type: ignore[method-assign]
    amend(Queue, "attributes", _as_aws_says_it)
