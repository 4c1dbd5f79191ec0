"""One DynamoDB table: keys of two strings, items of strings and numbers.

Limits are those of docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html.
"""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from imgtag.backends.aws.errors import code_of, translated
from imgtag.domain.errors import Invalid, Unavailable
from imgtag.pipeline.together import at_once

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

Key = tuple[str, str]
Item = dict[str, str | int]
Action = dict[str, Any]

MAX_ACTIONS: Final = 100
MAX_GET: Final = 100
MAX_ITEM_BYTES: Final = 400 * 1024
MAX_TRANSACTION_BYTES: Final = 4 * 1024 * 1024
ATTEMPTS: Final = 12
_PARALLEL: Final = 8
_LONGEST_BACK_OFF_SECONDS: Final = 2.0
_IN_CONFLICT: Final = frozenset(
    {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
)


def encode(values: Mapping[str, str | int]) -> dict[str, Any]:
    """Write values as DynamoDB's."""
    return {
        name: {"N": str(value)} if isinstance(value, int) else {"S": value}
        for name, value in values.items()
    }


def decode(item: Mapping[str, Any]) -> Item:
    """Read what `encode` wrote."""
    return {
        name: int(value["N"]) if "N" in value else str(value["S"]) for name, value in item.items()
    }


def key_of(item: Mapping[str, str | int]) -> Key:
    """Tell the key of an item."""
    return str(item["pk"]), str(item["sk"])


def _key(key: Key) -> dict[str, Any]:
    return encode({"pk": key[0], "sk": key[1]})


def bytes_of(item: Mapping[str, str | int]) -> int:
    """Tell the most that an item counts for: its names, and its values as text."""
    return sum(len(name.encode()) + len(str(value).encode()) for name, value in item.items())


def must_fit(item: Mapping[str, str | int]) -> None:
    """Raise `Invalid`, code ``too_many_labels``, for an item that DynamoDB would refuse."""
    if bytes_of(item) > MAX_ITEM_BYTES:
        raise Invalid("a photo can't carry that many labels", code="too_many_labels")


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold for an action: an expression, and its *values*; ``#`` names need *names*."""

    expression: str
    values: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, Any]:
        """As the actions of a transaction take it."""
        found: dict[str, Any] = {"ConditionExpression": self.expression}
        if self.values:
            found["ExpressionAttributeValues"] = encode(self.values)
        return found


NEW: Final = Condition("attribute_not_exists(pk)")
THERE: Final = Condition("attribute_exists(pk)")


@dataclass(frozen=True, slots=True)
class Table:
    """A table by *name*."""

    client: "DynamoDBClient"
    name: str

    def put(self, item: Mapping[str, str | int], condition: Condition | None = None) -> Action:
        """Make an action that writes *item*."""
        must_fit(item)
        return {"Put": {"TableName": self.name, "Item": encode(item), **_arguments(condition)}}

    def remove(self, key: Key, condition: Condition | None = None) -> Action:
        """Make an action that removes an item."""
        return {"Delete": {"TableName": self.name, "Key": _key(key), **_arguments(condition)}}

    def require(self, key: Key, condition: Condition) -> Action:
        """Make an action that only checks."""
        check = {"TableName": self.name, "Key": _key(key), **condition.arguments}
        return {"ConditionCheck": check}

    def add(self, key: Key, numbers: Mapping[str, int], texts: Mapping[str, str]) -> Action:
        """Make an action that adds to *numbers* and sets *texts* that aren't set yet."""
        values: dict[str, str | int] = {}
        sets, adds = [], []
        for name, value in texts.items():
            values[f":{name}"] = value
            sets.append(f"#{name} = if_not_exists(#{name}, :{name})")
        for name, number in numbers.items():
            values[f":{name}"] = number
            adds.append(f"#{name} :{name}")
        expression = f"{'SET ' + ', '.join(sets) if sets else ''} ADD {', '.join(adds)}"
        return {
            "Update": {
                "TableName": self.name,
                "Key": _key(key),
                "UpdateExpression": expression.strip(),
                # Some of DynamoDB's many reserved words are states of photos.
                "ExpressionAttributeNames": {f"#{name}": name for name in (*texts, *numbers)},
                "ExpressionAttributeValues": encode(values),
            }
        }

    async def transact(self, actions: Sequence[Action]) -> None:
        """Do all of *actions* or none. Raises `Conflict` where a condition does not hold.

        A `Conflict` may also follow an answer that got lost after all was done: a caller that
        cares leaves a mark of its own in what it writes, and looks for it.
        """
        if len(actions) > MAX_ACTIONS:
            msg = f"{len(actions)} actions do not go into one transaction"
            raise ValueError(msg)
        token = secrets.token_hex(16)
        for attempt in range(ATTEMPTS):
            try:
                with translated("table"):
                    await self._transact(actions, token)
            except Busy:
                await back_off(attempt)
            else:
                return
        raise Unavailable("DynamoDB is busy", code="aws_busy")

    async def _transact(self, actions: Sequence[Action], token: str) -> None:
        try:
            await self.client.transact_write_items(
                TransactItems=actions,  # type: ignore[arg-type]
                ClientRequestToken=token,
            )
        except ClientError as error:
            if _is_busy(error):
                raise Busy from error
            raise

    async def get(self, key: Key) -> Item | None:
        """Fetch an item as it is now."""
        with translated("table"):
            told = await self.client.get_item(
                TableName=self.name, Key=_key(key), ConsistentRead=True
            )
        return decode(told["Item"]) if "Item" in told else None

    async def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """Fetch those items that exist."""
        unique = list(dict.fromkeys(keys))
        batches = [unique[start : start + MAX_GET] for start in range(0, len(unique), MAX_GET)]
        fetches = [partial(self._get_batch, batch) for batch in batches]
        found: dict[Key, Item] = {}
        for part in await at_once(fetches, limit=_PARALLEL):
            found.update(part)
        return found

    async def _get_batch(self, keys: Sequence[Key]) -> dict[Key, Item]:
        found: dict[Key, Item] = {}
        wanted: Any = {self.name: {"Keys": [_key(key) for key in keys], "ConsistentRead": True}}
        for attempt in range(ATTEMPTS):
            with translated("table"):
                told = await self.client.batch_get_item(RequestItems=wanted)
            for raw in told["Responses"].get(self.name, ()):
                item = decode(raw)
                found[key_of(item)] = item
            wanted = told.get("UnprocessedKeys")
            if not wanted:
                return found
            await back_off(attempt)
        raise Unavailable("DynamoDB is busy", code="aws_busy")

    async def write(
        self, item: Mapping[str, str | int], condition: Condition | None = None
    ) -> None:
        """Write one item. Raises `Conflict` where *condition* does not hold."""
        with translated("table"):
            await self.client.put_item(
                TableName=self.name, Item=encode(item), **_arguments(condition)
            )

    async def count(self, key: Key, condition: Condition | None = None) -> None:
        """Add one to ``n`` of an item. Raises `Conflict` where *condition* does not hold."""
        values = {":one": 1, **(condition.values if condition else {})}
        guard = {"ConditionExpression": condition.expression} if condition else {}
        with translated("table"):
            await self.client.update_item(
                TableName=self.name,
                Key=_key(key),
                UpdateExpression="ADD n :one",
                ExpressionAttributeValues=encode(values),
                **guard,  # type: ignore[arg-type]
            )

    async def delete(self, key: Key, condition: Condition | None = None) -> None:
        """Remove one item; absent is fine. `Conflict` where *condition* does not hold."""
        with translated("table"):
            await self.client.delete_item(
                TableName=self.name, Key=_key(key), **_arguments(condition)
            )

    async def query(self, pk: str, **options: Any) -> tuple[Sequence[Item], Item | None]:
        """Fetch one page of a partition, and from where the next one goes on."""
        condition = options.pop("and_sk", "")
        values = {":pk": pk, **options.pop("values", {})}
        with translated("table"):
            told = await self.client.query(
                TableName=self.name,
                KeyConditionExpression=f"pk = :pk{condition}",
                ExpressionAttributeValues=encode(values),
                ConsistentRead=True,
                **options,
            )
        last = told.get("LastEvaluatedKey")
        return [decode(item) for item in told["Items"]], decode(last) if last else None

    async def partition(self, pk: str, **options: Any) -> AsyncIterator[Item]:
        """Read a partition to its end."""
        start: dict[str, Any] = {}
        while True:
            items, last = await self.query(pk, **dict(options), **start)
            for item in items:
                yield item
            if last is None:
                return
            start = {"ExclusiveStartKey": encode(last)}


class Busy(Exception):
    """Somebody else is writing the same items at this moment."""


def _arguments(condition: Condition | None) -> dict[str, Any]:
    return condition.arguments if condition else {}


def _is_busy(error: ClientError) -> bool:
    if code_of(error) in {"TransactionInProgressException", "TransactionConflictException"}:
        return True
    reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
    return bool(reasons & _IN_CONFLICT) and "ConditionalCheckFailed" not in reasons


async def back_off(attempt: int) -> None:
    """Wait for a random part of a time that doubles: see "Exponential Backoff And Jitter", AWS."""
    ceiling = min(_LONGEST_BACK_OFF_SECONDS, 0.02 * 2**attempt)
    await asyncio.sleep(random.uniform(0, ceiling))  # noqa: S311
