"""What docs/operations.md says of backups works as it stands there, beside a busy service."""

import asyncio
import os
import re
import sys
from pathlib import Path

from aiohttp import ClientSession, ClientTimeout

from tests.runtime.process import imgtag, running
from tests.runtime.test_process import MANY, SETTLED_SECONDS, UPLOADERS, upload_until_the_end

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"


def commands() -> list[str]:
    """Read the blocks of the chapter on one machine: how to back up, and how to restore."""
    chapter = OPERATIONS.read_text().partition("### One machine")[2].partition("###")[0]
    return re.findall(r"^```sh\n(.*?)^```", chapter, re.MULTILINE | re.DOTALL)


async def shell(script: str, **variables: Path) -> str:
    """Run *script* as somebody would who copied it; answer with what it said."""
    environment = {name: str(value) for name, value in variables.items()}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        "bash", "-eu", "-o", "pipefail", "-c", script,
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(SETTLED_SECONDS):
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def test_a_busy_service_can_be_backed_up_and_restored(tmp_path: Path) -> None:
    """Everything that was acknowledged before is in the copy, and the doctor finds it well."""
    back_up, restore = commands()
    data, backup, restored = (tmp_path / name for name in ("data", "backup", "restored"))
    acknowledged: dict[str, str] = {}
    enough = asyncio.Event()
    patience = ClientTimeout(total=20)
    async with (
        running(data) as service,
        ClientSession(timeout=patience) as client,
        asyncio.TaskGroup() as tasks,
    ):
        uploads = [
            tasks.create_task(
                upload_until_the_end(client, service.url, first, acknowledged, enough)
            )
            for first in range(UPLOADERS)
        ]
        async with asyncio.timeout(SETTLED_SECONDS):
            await enough.wait()
        before = dict(acknowledged)
        await shell(back_up, DATA=data, BACKUP=backup)
        for upload in uploads:
            upload.cancel()
    assert len(before) >= MANY

    await shell(restore, DATA=restored, BACKUP=backup)
    assert (await imgtag(restored, "doctor"))[0] == 0
    async with running(restored) as service, ClientSession(timeout=patience) as client:
        for photo in before:
            async with client.get(f"{service.url}/api/photos/{photo}/original") as answer:
                assert answer.status == 200
