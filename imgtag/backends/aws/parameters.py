"""Settings that are secret, from the Parameter Store of Systems Manager."""

from typing import Final

from pydantic import SecretStr

from imgtag.backends import Context
from imgtag.backends.aws import clients
from imgtag.backends.aws.errors import translated
from imgtag.domain.errors import Invalid
from imgtag.settings import SECRETS, Settings

_PAGE: Final = 10


async def load_parameters(context: Context) -> Settings:
    """Fill in the secrets that lie under the path which the settings name; what is set stays.

    A parameter is called as its setting is: ``/imgtag/secret`` is ``IMGTAG_SECRET``.
    """
    settings = context.settings
    path = settings.parameters.rstrip("/") + "/"
    ssm = await clients.ssm(context)
    found: dict[str, str] = {}
    pages = ssm.get_paginator("get_parameters_by_path")
    with translated("parameters"):
        async for page in pages.paginate(
            Path=path, WithDecryption=True, PaginationConfig={"PageSize": _PAGE}
        ):
            found |= {each["Name"].removeprefix(path): each["Value"] for each in page["Parameters"]}
    unknown = sorted(found.keys() - SECRETS)
    if unknown:
        msg = f"these parameters under {path} are no secrets of imgtag: {', '.join(unknown)}"
        raise Invalid(msg, code="invalid_setting")
    missing = {
        name: SecretStr(value) for name, value in found.items() if not getattr(settings, name)
    }
    return settings.model_copy(update={**missing, "parameters": ""})
