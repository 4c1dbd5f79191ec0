"""CloudFront: policies for headers, functions that are published, fields that moto drops."""

import uuid
from datetime import UTC, datetime
from typing import Any

from moto.cloudfront import models, urls
from moto.cloudfront.responses import CloudFrontResponse
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, EmptyResult

from tests.infra.server.patching import after

API = "{0}/2020-05-31"


class NoSuchPolicy(ServiceException):
    """There is no policy of this id."""

    code = "NoSuchResponseHeadersPolicy"


_policies: dict[str, dict[str, Any]] = {}


def _keep(policy_id: str, asked: CloudFrontResponse) -> ActionResult:
    """Keep a configuration as it comes."""
    policy = {
        "Id": policy_id,
        "LastModifiedTime": datetime.now(UTC).replace(tzinfo=None),
        "ResponseHeadersPolicyConfig": asked._get_param("ResponseHeadersPolicyConfig"),
    }
    _policies[policy_id] = {"ResponseHeadersPolicy": policy, "ETag": uuid.uuid4().hex}
    return ActionResult(_policies[policy_id])


def create_policy(asked: CloudFrontResponse) -> ActionResult:
    """Keep one."""
    return _keep(str(uuid.uuid4()), asked)


def update_policy(asked: CloudFrontResponse) -> ActionResult:
    """Replace one."""
    return _keep(asked._get_param("Id"), asked)


def get_policy(asked: CloudFrontResponse) -> ActionResult:
    """Give one back."""
    kept = _policies.get(asked._get_param("Id"))
    if kept is None:
        raise NoSuchPolicy("no such policy")
    return ActionResult(kept)


def delete_policy(asked: CloudFrontResponse) -> EmptyResult:
    """Forget one."""
    _policies.pop(asked._get_param("Id"), None)
    return EmptyResult()


def publish(asked: CloudFrontResponse) -> ActionResult:
    """Take a function live."""
    function = asked.backend.get_function(asked._get_param("Name"))
    function.stage, function.status = "LIVE", "DEPLOYED"
    return ActionResult({"FunctionSummary": function.function_summary})


def _remember_behaviour(_: None, behaviour: Any, config: dict[str, Any]) -> None:
    """Keep what calls a function; a cache policy takes the place of what moto makes up."""
    if config.get("CachePolicyId"):
        behaviour.forwarded_values = None
    calls = config.get("FunctionAssociations") or {}
    if calls.get("Items"):
        behaviour.function_associations = {
            "Quantity": len(calls["Items"]),
            "Items": calls["Items"],
        }


def _remember_access(_: None, origin: Any, config: dict[str, Any]) -> None:
    origin.origin_access_control_id = config.get("OriginAccessControlId") or ""


def _remember_certificate(_: None, certificate: Any, config: dict[str, Any]) -> None:
    certificate.ssl_support_method = config.get("SSLSupportMethod")


def install() -> None:
    """Install all of it."""
    for path in ("response-headers-policy$", "response-headers-policy/(?P<Id>[^/]+)$"):
        urls.url_paths[f"{API}/{path}"] = CloudFrontResponse.dispatch
    urls.url_paths[f"{API}/function/(?P<Name>[^/]+)/publish$"] = CloudFrontResponse.dispatch
    methods = {
        "create_response_headers_policy": create_policy,
        "update_response_headers_policy": update_policy,
        "get_response_headers_policy": get_policy,
        "delete_response_headers_policy": delete_policy,
        "publish_function": publish,
    }
    for name, method in methods.items():
        setattr(CloudFrontResponse, name, method)
    after(models.DefaultCacheBehaviour, "__init__", _remember_behaviour)
    after(models.Origin, "__init__", _remember_access)
    after(models.ViewerCertificate, "__init__", _remember_certificate)
