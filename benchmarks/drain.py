"""Empty a queue of 10,000 events while one call of AWS in twenty goes wrong, and lose nothing.

Every upload is told several times, as at-least-once allows, and some hundred events wait at a time.
Against moto, which takes most of the time: what counts is that nothing is lost, and not how fast.
``python benchmarks/drain.py``
"""

import argparse
import asyncio
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

from imgtag.backends import Context
from imgtag.compose import SystemClock
from tests.aws.cloud import (
    Cloud,
    Server,
    environment_of,
    make_queues,
    make_tables,
    served,
    settings_on,
)
from tests.aws.draining import Drained, drain

FAULTS_PER_CALL = 0.05


async def emptied(server: Server, folder: Path, photos: int, told: int) -> Drained:
    """Make what it takes and empty a queue."""
    settings = settings_on(server, 1, data_dir=folder)
    async with AsyncExitStack() as stack:
        cloud = Cloud(server, settings, Context(settings, SystemClock(), stack))
        await make_tables(cloud)
        await make_queues(cloud)
        return await drain(cloud, photos, told=told)


def main() -> int:
    """Measure, print, and fail where something was lost or too little went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--told", type=int, default=10, help="how often each upload is told")
    chosen = parser.parse_args()
    with served() as server, TemporaryDirectory() as folder:
        os.environ.update(environment_of(server))
        photos = chosen.events // chosen.told
        drained = asyncio.run(emptied(server, Path(folder), photos, chosen.told))
    share = drained.struck / drained.asked
    print(f"{drained.events} events of {drained.photos} photos in {drained.seconds:.0f} s")
    print(f"{drained.asked} calls of AWS, of which {drained.struck} ({share:.1%}) went wrong")
    print(f"labelled {drained.labelled}, counted {drained.counted}, recounted {drained.recounted}")
    print(f"left {drained.left}, given up {drained.dead}, labeler asked {drained.labeler_calls}")
    return 0 if drained.nothing_was_lost and share >= FAULTS_PER_CALL else 1


if __name__ == "__main__":
    raise SystemExit(main())
