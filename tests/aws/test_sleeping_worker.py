"""A worker on ECS that sleeps is woken when there is work, and by nothing else."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from imgtag.backends.aws import clients
from imgtag.backends.aws.parameters import load_parameters
from imgtag.backends.aws.waker import EcsWaker
from imgtag.compose import open_system
from imgtag.domain.errors import Invalid
from imgtag.server import create_app
from imgtag.settings import Settings
from imgtag.testing.clock import FixedClock
from tests.aws.cloud import Cloud
from tests.http.service import MEMORY


class Counting:
    """A waker that counts how often it was asked."""

    def __init__(self) -> None:
        self.times = 0

    async def wake(self) -> None:
        self.times += 1


async def service(cloud: Cloud, name: str, count: int) -> Any:
    """Make a service of ECS with so many tasks, and give the client."""
    ecs = await clients.ecs(cloud.context)
    await ecs.create_cluster(clusterName=name)
    await ecs.register_task_definition(
        family=name, containerDefinitions=[{"name": "imgtag", "image": "imgtag", "memory": 1}]
    )
    await ecs.create_service(
        cluster=name, serviceName="worker", taskDefinition=name, desiredCount=count
    )
    return ecs


async def counted(ecs: Any, cluster: str) -> int:
    """Tell how many tasks the service is to have."""
    told = await ecs.describe_services(cluster=cluster, services=["worker"])
    return int(told["services"][0]["desiredCount"])


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 1), (3, 3)])
async def test_one_task_is_started_where_none_is(cloud: Cloud, before: int, after: int) -> None:
    """However many there are otherwise, autoscaling knows best."""
    ecs = await service(cloud, f"wake-{before}", before)

    await EcsWaker(ecs, f"wake-{before}", "worker", cloud.context.clock).wake()

    assert await counted(ecs, f"wake-{before}") == after


async def test_it_looks_once_in_a_minute(cloud: Cloud, clock: FixedClock) -> None:
    """A page that sends photos by the hundred costs no call for each."""
    ecs = await service(cloud, "often", 0)
    waker = EcsWaker(ecs, "often", "worker", clock)
    await waker.wake()
    await ecs.update_service(cluster="often", service="worker", desiredCount=0)

    await waker.wake()
    assert await counted(ecs, "often") == 0

    clock.advance(timedelta(minutes=1))
    await waker.wake()
    assert await counted(ecs, "often") == 1


@pytest.mark.parametrize("fault", ["throttle", None])
async def test_nobody_is_refused_because_the_worker_sleeps_on(
    cloud: Cloud, fault: str | None
) -> None:
    """Whether ECS can't be asked, or knows no such service: it is logged, and that is all."""
    if fault:
        rule = {"operation": "AmazonEC2ContainerService", "kind": fault, "rate": 1}
        cloud.server.steer(rule)
    ecs = await clients.ecs(cloud.context)

    await EcsWaker(ecs, "nowhere", "worker", cloud.context.clock).wake()

    asked = cloud.server.told()["asked"]
    assert asked["AmazonEC2ContainerServiceV20141113.DescribeServices"] >= 1


async def test_asking_for_work_wakes_a_worker(tmp_path: Path) -> None:
    """Uploads and bundles do; looking, and what is refused, does not."""
    waker = Counting()
    settings = Settings(**{**MEMORY, "auth": "none", "data_dir": tmp_path})
    file = {"file_name": "a.jpg", "size": 5, "content_type": "image/jpeg"}
    async with open_system(settings) as system:
        app = create_app(replace(system.services, waker=waker))
        async with TestClient(TestServer(app)) as client:
            await client.get("/api/photos")
            refused = await client.post("/api/bundles", json={"query": {"any": ["Nothing"]}})
            assert (refused.status, waker.times) == (422, 0)

            taken = await client.post("/api/uploads", json={"files": [file]})
            assert (taken.status, waker.times) == (200, 1)


async def test_secrets_come_from_the_parameter_store(cloud: Cloud) -> None:
    """By their settings' names; what is set otherwise stays."""
    ssm = await clients.ssm(cloud.context)
    for name in ("secret", "cloudfront_key", "oidc_client_secret"):
        await ssm.put_parameter(Name=f"/mine/{name}", Value=f"the {name}", Type="SecureString")
    settings = Settings(parameters="/mine", secret=SecretStr("set here"))

    loaded = await load_parameters(replace(cloud.context, settings=settings))

    assert loaded.secret == SecretStr("set here")
    assert loaded.cloudfront_key == SecretStr("the cloudfront_key")
    assert loaded.oidc_client_secret == SecretStr("the oidc_client_secret")


async def test_what_is_no_secret_of_ours_is_refused_by_name(cloud: Cloud) -> None:
    """A slip of the pen doesn't go unnoticed, and its value isn't told."""
    ssm = await clients.ssm(cloud.context)
    await ssm.put_parameter(Name="/slip/secrte", Value="hush", Type="SecureString")
    context = replace(cloud.context, settings=Settings(parameters="/slip"))

    with pytest.raises(Invalid, match="secrte") as told:
        await load_parameters(context)

    assert "hush" not in told.value.detail
