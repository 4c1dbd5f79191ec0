"""A thousand things happen to photos on AWS and in memory: both end the same."""

import pytest

from imgtag.testing.clock import FixedClock
from tests.aws.cloud import Cloud
from tests.aws.world import World, both_sides

OPERATIONS = 1000


@pytest.mark.timeout(900)
async def test_both_end_the_same(buckets: Cloud, tables: Cloud, clock: FixedClock) -> None:
    """Whatever was uploaded, told twice and late, edited, thrown away, labelled again, deleted."""
    assert buckets is tables
    async with both_sides(buckets) as sides:
        world = World(sides, clock, seed=1)
        await world.go_on(OPERATIONS)
        await world.come_to_rest()
        assert await world.must_agree() > 0
