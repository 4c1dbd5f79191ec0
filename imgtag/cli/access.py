"""The people and tokens of this installation, reached without a running service."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from imgtag.backends import Context, find, must_be_set
from imgtag.backends.local.accounts import LocalAccounts
from imgtag.cli.configuration import load_settings
from imgtag.cli.running import Failed
from imgtag.compose import SystemClock
from imgtag.ports import Authenticator, Principal


@asynccontextmanager
async def open_authenticator() -> AsyncIterator[Authenticator]:
    """Open what knows people, as the settings name it; a service may be running meanwhile."""
    settings = load_settings()
    must_be_set(settings, "auth", "bundles")
    async with AsyncExitStack() as stack:
        context = Context(settings, SystemClock(), stack)
        yield await stack.enter_async_context(find("auth", settings.auth)(context))


@asynccontextmanager
async def open_accounts() -> AsyncIterator[LocalAccounts]:
    """Open the local accounts. Raises `Failed` where people are known otherwise."""
    async with open_authenticator() as auth:
        if not isinstance(auth, LocalAccounts):
            msg = f"this server has no accounts of its own (auth is {auth.mode!r}); "
            raise Failed(msg + "set IMGTAG_AUTH=local for that")
        yield auth


async def whose(auth: Authenticator, username: str | None) -> Principal:
    """Find the person that a token is about. Raises `Failed` where that can't be told."""
    if isinstance(auth, LocalAccounts):
        if username is None:
            raise Failed("say whose token it is, with --user NAME")
        return await auth.principal(username)
    anybody = await auth.anonymous()
    if anybody is None:
        raise Failed("tokens of people who sign in elsewhere are made on the page")
    return anybody
