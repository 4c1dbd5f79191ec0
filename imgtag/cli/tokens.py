"""``token``: API tokens, for programs and for this command line."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from imgtag.cli.access import open_authenticator, whose
from imgtag.cli.output import json_option, note, print_json, say, table
from imgtag.domain.ids import TokenId
from imgtag.ports import ApiToken, Scope

_user = click.option("--user", "username", metavar="NAME", help="Whose token it is.")


@click.group()
def token() -> None:
    """Make, list and revoke API tokens.

    Works beside a running service, on the same data folder.
    """


@token.command()
@click.argument("name")
@_user
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it may do; by default all.",
)
@click.option("--days", type=click.IntRange(1, 36_500), help="How long it lives; else for good.")
@json_option
def create(
    name: str, *, username: str | None, scopes: tuple[str, ...], days: int | None, as_json: bool
) -> None:
    """Make a token called NAME. It is printed this once."""
    allowed = frozenset(Scope(scope) for scope in scopes) or frozenset(Scope)
    ends = datetime.now(UTC) + timedelta(days=days) if days else None

    async def act() -> tuple[ApiToken, str]:
        async with open_authenticator() as auth:
            return await auth.create_token(await whose(auth, username), name, allowed, ends)

    made, secret = asyncio.run(act())
    if as_json:
        print_json({**_as_json(made), "token": secret})
    else:
        note("Keep it well: it is not shown again.")
        say(secret)


@token.command("list")
@_user
@json_option
def list_(*, username: str | None, as_json: bool) -> None:
    """List tokens, without their secrets."""

    async def act() -> Sequence[ApiToken]:
        async with open_authenticator() as auth:
            return await auth.tokens((await whose(auth, username)).owner)

    known = [_as_json(each) for each in asyncio.run(act())]
    if as_json:
        print_json({"tokens": known})
    else:
        columns = ("id", "name", "scopes", "created_at", "expires_at", "last_used_at")
        table(columns, [[_text(each[column]) for column in columns] for each in known])


@token.command()
@click.argument("token_id", metavar="ID")
@_user
def revoke(token_id: str, *, username: str | None) -> None:
    """End the token with this ID at once."""

    async def act() -> None:
        async with open_authenticator() as auth:
            owner = (await whose(auth, username)).owner
            await auth.revoke_token(owner, TokenId(token_id))

    asyncio.run(act())
    say("the token has ended")


def _as_json(token: ApiToken) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "created_at": _time(token.created_at),
        "expires_at": _time(token.expires_at),
        "last_used_at": _time(token.last_used_at),
    }


def _time(time: datetime | None) -> str | None:
    return time.isoformat(timespec="seconds") if time else None


def _text(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value or "")
