"""A site that hands out one archive, from files, from memory, or through TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Self

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from imgtag.api.delivery import DELIVERY, Delivery, send_archive
from imgtag.pipeline.budget import ByteBudget
from imgtag.pipeline.download import Damaged, Download, Source
from imgtag.pipeline.files import FileChecker
from imgtag.pipeline.threads import Threads
from tests.unit.archives import lay_out, part_of

DEADLINE_SECONDS = 15
MIB = 1 << 20


@dataclass(slots=True)
class Site:
    """A site that is up: what it hands out, and what it was told of damage."""

    port: int
    tls: ssl.SSLContext | None
    archive: bytes
    budget: ByteBudget
    damaged: list[Damaged] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the archive is."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/"

    async def connect(self) -> "Client":
        """Ask for the archive on a connection of one's own, and read nothing yet."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls)
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await writer.drain()
        return Client(reader, writer)


@dataclass(frozen=True, slots=True)
class Client:
    """A connection that has asked."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@asynccontextmanager
async def handing_out(
    files: dict[str, bytes], source: Source, *, tls: bool = False
) -> AsyncIterator[Site]:
    """Run a site that hands out the archive of *files*, which come from *source*."""
    archive = lay_out(files)
    server, client = tls_contexts() if tls else (None, None)
    site = Site(0, client, part_of(archive, list(files.values())), ByteBudget(8 * MIB))

    async def note(damaged: Damaged) -> None:
        site.damaged.append(damaged)

    async def answer(request: web.Request) -> web.StreamResponse:
        download = Download(archive, source, "Séa.zip", "mark", note)
        return await send_archive(request, download)

    app = web.Application()
    app.router.add_get("/", answer)
    with Threads(2, "delivery") as threads:
        app[DELIVERY] = Delivery(site.budget, FileChecker(), photos=threads, archives=threads)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server).start()
            site.port = runner.addresses[0][1]
            yield site
        finally:
            await runner.cleanup()


def tls_contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for 127.0.0.1, and the contexts of a server and of a client."""
    certificate, server = make_certificate()
    return server, ssl.create_default_context(cadata=certificate.decode())


def make_certificate() -> tuple[bytes, ssl.SSLContext]:
    """Make a certificate for 127.0.0.1, as PEM, and the context of a server that has it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "imgtag")])
    address = x509.IPAddress(ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    ).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with NamedTemporaryFile() as file:
        file.write(certificate + private)
        file.flush()
        server.load_cert_chain(file.name)
    return certificate, server


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds, with a deadline."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not holds():  # noqa: ASYNC110 - it is not ours to set an event
            await asyncio.sleep(0.01)


def open_files() -> int:
    """Count the descriptors of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))
