"""ECS and App Auto Scaling: fields of services that moto drops, and tags of scalable targets."""

import json
from typing import Any

from botocore import xform_name
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.ecs.models import Service
from moto.ecs.responses import EC2ContainerServiceResponse

from tests.infra.server.patching import after

KEPT = ("deploymentConfiguration", "enableECSManagedTags", "enableExecuteCommand")


def _remember_service(answer: Any, asked: EC2ContainerServiceResponse) -> Any:
    service: Service = answer.result["service"]
    for name in KEPT:
        value = asked._get_param(name)
        if value is not None:
            setattr(service, xform_name(name), value)
    providers = asked._get_param("capacityProviderStrategy")
    if providers:
        service.capacity_provider_strategy = providers  # type: ignore[attr-defined]
        service.launch_type = None
        for deployment in service.deployments:
            deployment.pop("launchType", None)
            deployment["capacityProviderStrategy"] = providers
    return answer


def _not_rebalanced(_: None, service: Any, *_args: Any, **_kwargs: Any) -> None:
    service.availability_zone_rebalancing = "DISABLED"


def _tag_scaling() -> None:
    tags: dict[str, dict[str, str]] = {}

    def remember(answer: str, asked: ApplicationAutoScalingResponse) -> str:
        arn = json.loads(answer)["ScalableTargetARN"]
        tags.setdefault(arn, {}).update(asked._get_param("Tags") or {})
        return answer

    def listed(self: ApplicationAutoScalingResponse) -> str:
        return json.dumps({"Tags": tags.get(self._get_param("ResourceARN"), {})})

    after(ApplicationAutoScalingResponse, "register_scalable_target", remember)
    ApplicationAutoScalingResponse.list_tags_for_resource = listed  # type: ignore[attr-defined]


def install() -> None:
    """Install all of it."""
    after(EC2ContainerServiceResponse, "create_service", _remember_service)
    after(Service, "__init__", _not_rebalanced)
    _tag_scaling()
