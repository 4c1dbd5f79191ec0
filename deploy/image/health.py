"""Exit 0 where the service in this container answers. For HEALTHCHECK: the image has no curl."""

import os
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

PATIENCE_SECONDS = 3


def answers() -> bool:
    """Ask by the name that a service without sign-in answers to."""
    connection = HTTPConnection(
        "localhost", int(os.environ.get("IMGTAG_PORT", "8080")), timeout=PATIENCE_SECONDS
    )
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False


if __name__ == "__main__":
    sys.exit(not answers())
