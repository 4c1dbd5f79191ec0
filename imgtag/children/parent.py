"""A child process, as its parent sees it."""

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, Self, TypeVar

from imgtag.domain.errors import Unavailable

T = TypeVar("T")

_ENTRY: Final = "imgtag.children.child"
# Without these a Python that is not where it was built, or its libraries, can't be found.
_KEPT_VARIABLES: Final = ("PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Child:
    """A process that was started. *socket* is our end, which is the caller's to read and close."""

    def __init__(self, process: asyncio.subprocess.Process, sock: socket.socket) -> None:
        self._process = process
        self.socket = sock

    @classmethod
    async def start(cls, module: str, argument: str, **variables: str) -> Self:
        """Start a process that runs ``MODULE.serve`` with *argument*, as `child` describes.

        It sees no variable of ours but *variables*.

        Raises `Unavailable` where the system starts no process.
        """
        ours, theirs = socket.socketpair()
        with ExitStack() as undo, theirs:
            undo.enter_context(ours)
            ours.settimeout(0)
            try:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", _ENTRY, module, argument),
                    stdin=theirs.fileno(),
                    stdout=asyncio.subprocess.DEVNULL,
                    env={**_environment(), **variables},
                )
            except OSError as error:
                raise not_started(module, str(error.strerror)) from error
            undo.pop_all()
        return cls(process, ours)

    @property
    def process_id(self) -> int:
        """Its number in the system."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.returncode is None

    @property
    def ended_by(self) -> int:
        """The number of the signal that ended it; 0 while it runs, or when it ended by itself."""
        return max(0, -(self._process.returncode or 0))

    def kill(self) -> None:
        """End it, whatever it does. Again is fine."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def connected(self, connecting: Awaitable[T]) -> T:
        """Wait until *connecting* has taken over the socket; kill the child where it has not."""
        try:
            return await connecting
        except BaseException:
            self.kill()
            self.socket.close()
            raise

    async def ended(self, seconds: float) -> None:
        """Wait until the system has buried it, *seconds* at most."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), seconds)


def not_started(module: str, why: str) -> Unavailable:
    """Make the error for a child that is of no use."""
    return Unavailable(f"the process {module} did not start: {why}")


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    imports = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    return {**kept, "PYTHONPATH": imports}
