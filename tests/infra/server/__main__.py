"""Start the server on a free loopback port and print the port: ``python -m tests.infra.server``."""

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from tests.aws.server import dynamodb
from tests.aws.server.__main__ import serve
from tests.aws.server.layer import Layer
from tests.infra.server import accounts, cloudfront, compute, queues, storage, unimplemented
from tests.infra.server.recorder import Recorder


def main() -> None:
    """Serve until standard input closes."""
    for each in (unimplemented, accounts, cloudfront, compute, queues, storage):
        each.install()
    dynamodb.speed_up()
    moto = DomainDispatcherApplication(create_backend_app)
    serve(Recorder(Layer(storage.Tiering(moto))))


if __name__ == "__main__":
    main()
