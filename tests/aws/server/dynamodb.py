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


def _snapshot(table: tables.Table, _memo: dict[int, Any]) -> tables.Table:
    return _with_items(
        table,
        {
            key: {name: _twin(item) for name, item in partition.items()}
            for key, partition in table.items.items()
        },
    )


def _with_items(table: tables.Table, items: dict[Any, Any]) -> tables.Table:
    twin = copy.copy(table)
    twin.items = type(table.items)(dict, items)
    return twin


def _twin(item: Any) -> Any:
    """Copy an item as far as an update changes it in place."""
    twin = copy.copy(item)
    twin.attrs = copy.copy(item.attrs)
    return twin


def _transact_small(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    """Let moto work on the partitions that the transaction names, and put them back after."""
    touched: dict[str, set[str]] = {}
    for action in transact_items:
        (operation,) = action.values()
        key = operation.get("Key") or operation["Item"]
        touched.setdefault(operation["TableName"], set()).add(key["pk"]["S"])
    whole = {name: self.tables[name] for name in touched}
    for name, table in whole.items():
        self.tables[name] = _with_items(table, _partitions(table, touched[name]))
    try:
        _transact(self, transact_items)
    finally:
        for name, table in whole.items():
            table.items.update(_partitions(self.tables[name], touched[name]))
            self.tables[name] = table


def _partitions(table: tables.Table, keys: set[str]) -> dict[Any, Any]:
    wanted = [tables.DynamoType({"S": key}) for key in keys]
    return {key: table.items.get(key, {}) for key in wanted}


def _query_one(self: tables.Table, hash_key: Any, *args: Any, **kwargs: Any) -> Any:
    by_name = dict(kwargs.get("hash_key_conditions") or [])
    partition = hash_key or by_name.get(self.hash_key_attr)
    if partition is None:
        return _query(self, hash_key, *args, **kwargs)
    small = _with_items(self, {partition: self.items.get(partition, {})})
    return _query(small, hash_key, *args, **kwargs)


def speed_up() -> None:
    """Install both."""
    tables.Table.__deepcopy__ = _snapshot  # type: ignore[attr-defined]
    tables.Table.query = _query_one  # type: ignore[method-assign]
    DynamoDBBackend.transact_write_items = _transact_small  # type: ignore[method-assign]
