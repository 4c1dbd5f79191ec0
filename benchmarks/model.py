"""Thousands of things happen to photos on AWS (moto) and in memory: both have to end the same.

``python benchmarks/model.py --operations 5000 --seed 2``
"""

import argparse
import asyncio
import os
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

from imgtag.backends import Context
from imgtag.testing.clock import FixedClock
from tests.aws.cloud import (
    Cloud,
    Server,
    environment_of,
    make_buckets,
    make_tables,
    served,
    settings_on,
)
from tests.aws.world import World, both_sides


async def compared(server: Server, folder: Path, operations: int, seed: int) -> int:
    """Have things happen, compare, and tell how many photos there were."""
    settings, clock = settings_on(server, 1, data_dir=folder), FixedClock()
    async with AsyncExitStack() as stack:
        cloud = Cloud(server, settings, Context(settings, clock, stack))
        await make_buckets(cloud)
        await make_tables(cloud)
        world = World(await stack.enter_async_context(both_sides(cloud)), clock, seed)
        await world.go_on(operations)
        await world.come_to_rest()
        await world.must_agree()
        return len(world.photos)


def main() -> None:
    """Run it; a difference ends in an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    started = time.perf_counter()
    with served() as server, TemporaryDirectory() as folder:
        os.environ.update(environment_of(server))
        photos = asyncio.run(compared(server, Path(folder), chosen.operations, chosen.seed))
    seconds = time.perf_counter() - started
    print(f"{chosen.operations} operations on {photos} photos in {seconds:.0f} s: no difference")


if __name__ == "__main__":
    main()
