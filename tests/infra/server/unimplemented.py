"""What moto can't do is said at once: a status of 500 is retried by Terraform for many minutes."""

import sys
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse


class NotImplementedByMoto(ServiceException):
    """The test server lacks this operation."""

    code = "NotImplementedByMoto"


def install() -> None:
    """Answer 400, which nobody retries, and tell it on standard error."""
    call = BaseResponse.call_action

    def call_action(self: BaseResponse) -> Any:
        try:
            return call(self)
        except NotImplementedError as error:
            sys.stderr.write(f"missing in moto: {self.service_name}: {error}\n")
            sys.stderr.flush()
            _, headers, body = self.serialized(ActionResult(NotImplementedByMoto(str(error))))
            return 400, headers, body

    BaseResponse.call_action = call_action  # type: ignore[method-assign]
