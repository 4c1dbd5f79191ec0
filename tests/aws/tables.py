"""The two tables as deploy/terraform makes them; docs/aws.md lists the same keys."""

from typing import Any


def _attributes(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": "S"} for name in names]


def _keys(partition: str, order: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": order, "KeyType": "RANGE"},
    ]


def _due_index() -> dict[str, Any]:
    return {
        "IndexName": "due",
        "KeySchema": _keys("due", "at"),
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }


def catalog_table(name: str) -> dict[str, Any]:
    """Describe the catalog's table to `create_table`."""
    created = {
        "IndexName": "created",
        "KeySchema": _keys("pk", "ck"),
        "Projection": {"ProjectionType": "ALL"},
    }
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": _attributes("pk", "sk", "ck", "due", "at"),
        "KeySchema": _keys("pk", "sk"),
        "LocalSecondaryIndexes": [created],
        "GlobalSecondaryIndexes": [_due_index()],
    }


def jobs_table(name: str) -> dict[str, Any]:
    """Describe the table of bundles, sessions and outbox to `create_table`."""
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": _attributes("pk", "sk", "due", "at"),
        "KeySchema": _keys("pk", "sk"),
        "GlobalSecondaryIndexes": [_due_index()],
    }
