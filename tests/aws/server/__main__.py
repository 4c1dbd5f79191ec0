"""Start moto on a free loopback port and print the port: ``python -m tests.aws.server``."""

import os
import sys
import threading

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from tests.aws.server import dynamodb, sqs
from tests.aws.server.layer import App, Layer


class Handler(MotoRequestHandler):
    """Speaks HTTP/1.1, so that clients keep their connections, and keeps quiet."""

    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve moto with its layer."""
    dynamodb.speed_up()
    sqs.install()
    serve(Layer(DomainDispatcherApplication(create_backend_app)))


def serve(app: App) -> None:
    """Serve until standard input closes, so that the server never outlives its test run."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler)
    server.daemon_threads = True
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
