"""What moto's SNS lets pass: one endpoint with two policies, and mail that nobody agreed to."""

from urllib.parse import parse_qs

from moto.sns import models

PENDING = "PendingConfirmation"


def refusal(body: bytes) -> str | None:
    """Say why SNS would refuse a call that moto takes."""
    query = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    match query["Action"]:
        case "Subscribe":
            if _differs(query):
                reason = "Subscription already exists with different attributes"
                return f"Invalid parameter: Attributes Reason: {reason}"
        case "Unsubscribe":
            known = _all().get(query["SubscriptionArn"])
            if known and known.attributes[PENDING] == "true":
                reason = "Cannot unsubscribe a subscription that is pending confirmation"
                return f"Invalid parameter: {reason}"
    return None


def note(body: bytes) -> None:
    """Leave a new subscription to an e-mail address pending, as SNS does."""
    query = parse_qs(body.decode())
    if query["Action"] == ["Subscribe"] and query["Protocol"] == ["email"]:
        for each in _all().values():
            if each.endpoint == query["Endpoint"][0] and each.attributes[PENDING] is False:
                each.attributes[PENDING] = "true"


def confirm() -> None:
    """Agree in the name of everybody."""
    for each in _all().values():
        each.attributes[PENDING] = "false"


def _differs(query: dict[str, str]) -> bool:
    wanted = query.get("Attributes.entry.1.value")
    return any(
        each.attributes.get("FilterPolicy") != wanted
        for each in _all().values()
        if (each.topic_arn, each.protocol, each.endpoint)
        == (query["TopicArn"], query["Protocol"], query["Endpoint"])
    )


def _all() -> dict[str, models.Subscription]:
    return {
        arn: subscription
        for account in models.sns_backends.values()
        for region in account.values()
        for arn, subscription in region.subscriptions.items()
    }
