"""What a library can't tell yet: photos that still wait for their labels."""

from imgtag.cli.client import Client
from imgtag.cli.output import note


async def backlog(client: Client) -> int:
    """Tell how many photos have arrived and wait for labels."""
    waiting: int = (await client.call("GET", "/api/status"))["photos"]["stored"]
    return waiting


async def note_backlog(client: Client) -> None:
    """Say beside the answer that more photos may belong to it, so that nobody misses them."""
    waiting = await backlog(client)
    if waiting:
        photos = "photo still waits" if waiting == 1 else "photos still wait"
        note(f"imgtag: {waiting} {photos} for labels, and may belong here too")
