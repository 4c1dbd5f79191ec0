"""A real `imgtag serve`, in a process of its own that can be told to end, or be killed."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_SECONDS = 30
END_SECONDS = 20


def environment(data_dir: Path, **settings: object) -> Mapping[str, str]:
    """Make the environment of a service on *data_dir*."""
    chosen = {f"IMGTAG_{name.upper()}": str(value) for name, value in settings.items()}
    return {"PATH": os.environ["PATH"], "IMGTAG_DATA_DIR": str(data_dir), **chosen}


async def imgtag(
    data_dir: Path,
    *arguments: str,
    surroundings: Mapping[str, str] | None = None,
    **settings: object,
) -> tuple[int, str, str]:
    """Run a command to its end; answer with status, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "imgtag", *arguments,
        env={**environment(data_dir, **settings), **(surroundings or {})},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(START_SECONDS):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


@dataclass(frozen=True, slots=True)
class Running:
    """A service that has said that it is ready."""

    process: asyncio.subprocess.Process
    url: str
    log: Path

    async def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; answer with the exit status."""
        self.process.send_signal(number)
        async with asyncio.timeout(END_SECONDS):
            return await self.process.wait()


@asynccontextmanager
async def running(
    data_dir: Path,
    *,
    role: str = "all",
    port: int = 0,
    surroundings: Mapping[str, str] | None = None,
    **settings: Any,
) -> AsyncIterator[Running]:
    """Start a service; it is killed at the latest when the context is left.

    *port* 0 takes a free one. *surroundings* are added to its environment. What it logs is kept
    beside the data folder.
    """
    log = data_dir.with_suffix(".log")
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "imgtag", "serve", "--port", str(port), "--role", role,
            env={**environment(data_dir, **settings), **(surroundings or {})},
            stdout=asyncio.subprocess.PIPE, stderr=errors,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            line = (await process.stdout.readline()).decode()
        ready = "imgtag worker is running" if role == "worker" else "imgtag is ready: "
        assert line.startswith(ready), line + log.read_text()
        yield Running(process, f"http://127.0.0.1:{port}" if port else line.split()[3], log)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
