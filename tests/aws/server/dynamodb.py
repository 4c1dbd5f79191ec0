"""Changes to moto's DynamoDB that keep its behaviour and take its cost away.

A transaction copies whole tables to be able to roll back, and a query sorts whole tables to find
one partition; both grow with the square of a test.
"""

import copy
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models import table as tables

_transact = DynamoDBBackend.transact_write_items
_query = tables.Table.query


def _itself(table: tables.Table, _memo: dict[int, Any]) -> tables.Table:
    """Let moto's own backup, one of the whole table for each item, cost nothing."""
    return table


def _with_items(table: tables.Table, items: dict[Any, Any]) -> tables.Table:
    twin = copy.copy(table)
    twin.items = type(table.items)(dict, items)
    return twin


def _transact_small(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    """Back up the items that the transaction names, and put them back if it fails."""
    backup = [_backed_up(self, action) for action in transact_items]
    try:
        _transact(self, transact_items)
    except BaseException:
        for partition, name, item in backup:
            if item is None:
                partition.pop(name, None)
            else:
                partition[name] = item
        raise


def _backed_up(self: DynamoDBBackend, action: dict[str, Any]) -> tuple[dict[Any, Any], Any, Any]:
    (operation,) = action.values()
    key = operation.get("Key") or operation["Item"]
    table = self.tables[operation["TableName"]]
    partition = table.items[tables.DynamoType(key["pk"])]
    name = tables.DynamoType(key["sk"])
    return partition, name, copy.deepcopy(partition.get(name))


def _query_one(self: tables.Table, hash_key: Any, *args: Any, **kwargs: Any) -> Any:
    by_name = dict(kwargs.get("hash_key_conditions") or [])
    partition = hash_key or by_name.get(self.hash_key_attr)
    if partition is None:
        return _query(self, hash_key, *args, **kwargs)
    small = _with_items(self, {partition: self.items.get(partition, {})})
    return _query(small, hash_key, *args, **kwargs)


def speed_up() -> None:
    """Install both."""
    tables.Table.__deepcopy__ = _itself  # type: ignore[attr-defined]
    tables.Table.query = _query_one  # type: ignore[method-assign]
    DynamoDBBackend.transact_write_items = _transact_small  # type: ignore[method-assign]
