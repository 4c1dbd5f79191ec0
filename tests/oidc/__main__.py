"""Serve the provider and print its issuer, until standard input ends: ``python -m tests.oidc``."""

import asyncio
import sys

from imgtag.compose import SystemClock
from tests.oidc.provider import FakeProvider, serving


async def main() -> None:
    """Serve."""
    async with serving(FakeProvider(SystemClock())) as issuer:
        sys.stdout.write(f"{issuer}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
