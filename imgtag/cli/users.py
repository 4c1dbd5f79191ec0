"""``user``: the accounts of a server with ``IMGTAG_AUTH=local``."""

import asyncio
import sys
from dataclasses import asdict
from datetime import datetime

import click

from imgtag.backends.local.users import Account
from imgtag.cli.access import open_accounts
from imgtag.cli.output import json_option, print_json, say, table
from imgtag.cli.running import Failed
from imgtag.domain.ids import OwnerId

_password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)


@click.group()
def user() -> None:
    """Keep local accounts.

    Works beside a running service, on the same data folder.
    """


@user.command()
@click.argument("name")
@click.option("--owner", metavar="ID", help="Hand over what a removed account has left.")
@_password_stdin
def add(name: str, *, owner: str | None, password_stdin: bool) -> None:
    """Add an account, with a password of at least 8 characters."""
    password = _password(from_stdin=password_stdin)
    heir = OwnerId(owner) if owner else None

    async def act() -> Account:
        async with open_accounts() as accounts:
            return await accounts.add_user(name, password, owner=heir)

    account = asyncio.run(act())
    say(f"{account.username} may sign in now (owner {account.owner})")


@user.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List the accounts, and the removed ones whose photos nobody took over."""

    async def act() -> list[Account]:
        async with open_accounts() as accounts:
            return list(await accounts.list_users())

    known = asyncio.run(act())
    if as_json:
        print_json({"users": [{**asdict(each), **_times(each)} for each in known]})
    else:
        rows = [(each.username, each.owner, *_times(each).values()) for each in known]
        table(("name", "owner", "created", "removed"), [[str(c or "") for c in r] for r in rows])


@user.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Don't ask.")
def remove(name: str, *, yes: bool) -> None:
    """Remove an account, its sessions and tokens; its photos stay until they are handed on."""
    if not (yes or click.confirm(f"Remove {name}?", err=True)):
        raise Failed("nobody was removed")

    async def act() -> Account:
        async with open_accounts() as accounts:
            return await accounts.remove_user(name)

    account = asyncio.run(act())
    say(f"{account.username} is removed; the photos stay as those of owner {account.owner}")
    say(f"hand them on with: imgtag user add NAME --owner {account.owner}")


@user.command()
@click.argument("name")
@_password_stdin
def passwd(name: str, *, password_stdin: bool) -> None:
    """Set a password; sessions and tokens of the account end."""
    password = _password(from_stdin=password_stdin)

    async def act() -> None:
        async with open_accounts() as accounts:
            await accounts.set_password(name, password)

    asyncio.run(act())
    say(f"{name} has a new password; sessions and tokens have ended")


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Failed("there is nobody to ask for a password; use --password-stdin")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password


def _times(account: Account) -> dict[str, str | None]:
    times: dict[str, datetime | None] = {
        "created_at": account.created_at,
        "removed_at": account.removed_at,
    }
    return {name: time.isoformat() if time else None for name, time in times.items()}
