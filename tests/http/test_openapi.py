"""The description of the API, held against the API."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable

from imgtag.api.openapi import document
from imgtag.api.routes import ROUTES
from imgtag.settings import Settings
from imgtag.testing.photos import jpeg
from tests.http.service import Service, serving

CHECKS = (
    "not_a_server_error,status_code_conformance,"
    "content_type_conformance,response_schema_conformance"
)
EXAMPLES = os.environ.get("IMGTAG_TEST_EXAMPLES", "8")


def test_every_operation_is_described() -> None:
    """Each route that is not hidden has an operation with a name of its own and a success."""
    described = document(ROUTES)
    operations = [each for path in described["paths"].values() for each in path.values()]

    assert len(operations) == len([route for route in ROUTES if not route.hidden])
    assert len({each["operationId"] for each in operations}) == len(operations)
    assert all(any(int(status) < 400 for status in each["responses"]) for each in operations)


async def test_the_service_tells_what_the_document_says(service: Service) -> None:
    """The served document is the one that is made from the route table."""
    _, served = await service.call("GET", "/api/openapi.json")

    assert served == document(ROUTES)


async def test_generated_requests_meet_no_fault_of_ours(
    settings: Callable[..., Settings],
) -> None:
    """Schemathesis finds no server error and no answer that the document doesn't allow."""
    async with serving(settings(max_photo_bytes=10_000)) as service:
        await service.labelled(await service.upload(jpeg()))
        command = [
            sys.executable, "-m", "schemathesis.cli", "run", f"{service.url}/api/openapi.json",
            # One worker: up to 3.11.8 Python may fail to parse in two threads (gh-106905).
            "--max-examples", EXAMPLES, "--seed", "7", "--workers", "1",
            "--checks", CHECKS,
            "--phases", "coverage,fuzzing", "--request-timeout", "20", "--no-color",
            # The first never ends, and Schemathesis 4.32 can't read the tuples of the second.
            "--exclude-path", "/api/events", "--exclude-path", "/api/photos/layout",
        ]  # fmt: skip
        run = await to_end(command)

    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]


async def to_end(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program while the service in this loop goes on answering."""
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=False, timeout=240
    )
