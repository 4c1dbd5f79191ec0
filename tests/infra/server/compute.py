"""ECS and App Auto Scaling: fields of services that moto drops, tags, and ARNs that stay."""

import json
from typing import Any

from botocore import xform_name
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend
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


def _keep_names() -> None:
    """Leave a scaling policy its ARN when it is changed, so that alarms still know it."""
    put = ApplicationAutoscalingBackend.put_scaling_policy

    def same(self: ApplicationAutoscalingBackend, *args: Any, **kwargs: Any) -> Any:
        before = dict(self.policies)
        policy = put(self, *args, **kwargs)
        key = next(key for key, each in self.policies.items() if each is policy)
        if key in before:
            policy.policy_arn = before[key].policy_arn
        return policy

    ApplicationAutoscalingBackend.put_scaling_policy = same  # type: ignore[method-assign]


def install() -> None:
    """Install all of it."""
    after(EC2ContainerServiceResponse, "create_service", _remember_service)
    after(Service, "__init__", _not_rebalanced)
    _tag_scaling()
    _keep_names()
