"""A mail server on loopback, as much of RFC 5321 as a client needs; letters are read by Python."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast


@dataclass(frozen=True, slots=True)
class Letter:
    """What was delivered to one address; *secure* tells whether it came through TLS."""

    to: str
    message: EmailMessage
    secure: bool

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        """The text, decoded."""
        return str(self.message.get_content())


@dataclass(slots=True)
class Mailbox:
    """A running server. It answers a command with what *answers* says, else with consent."""

    port: int = 0
    tls: ssl.SSLContext | None = None
    password: str | None = None
    letters: list[Letter] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)


class _Talk:
    """One connection."""

    def __init__(
        self, box: Mailbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._box = box
        self._reader = reader
        self._writer = writer
        self._to: list[str] = []
        self._secure = False

    async def run(self) -> None:
        with suppress(ConnectionError), closing(self._writer):
            await self._serve()

    async def _serve(self) -> None:
        self._say("220 ready")
        while line := await self._reader.readline():
            verb = line.decode().split()[0].upper()
            self._box.commands.append(verb)
            if verb in self._box.answers:
                self._say(self._box.answers[verb])
            elif verb == "QUIT":
                self._say("221 bye")
                break
            else:
                await self._do(verb, line.decode().strip())

    async def _do(self, verb: str, line: str) -> None:
        match verb:
            case "EHLO":
                self._greet()
            case "STARTTLS":
                self._say("220 go on")
                await self._writer.start_tls(cast("ssl.SSLContext", self._box.tls))
                self._secure = True
            case "AUTH":
                given = base64.b64decode(line.split()[2]).decode().split("\0")[2]
                self._say("235 welcome" if given == self._box.password else "535 who are you?")
            case "RCPT":
                self._to.append(line.partition("<")[2].partition(">")[0])
                self._say("250 fine")
            case "DATA":
                self._say("354 go on")
                await self._take()
            case _:
                self._say("250 fine")

    def _greet(self) -> None:
        self._say("250-127.0.0.1")
        if self._box.tls and not self._secure:
            self._say("250-STARTTLS")
        if self._box.password:
            self._say("250-AUTH PLAIN")
        self._say("250 SMTPUTF8")

    async def _take(self) -> None:
        lines = []
        while (line := await self._reader.readline()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        message = message_from_bytes(b"".join(lines), EmailMessage, policy=policy.default)
        self._box.letters += [Letter(to, message, self._secure) for to in self._to]
        self._to.clear()
        self._say("250 taken")

    def _say(self, line: str) -> None:
        self._writer.write(f"{line}\r\n".encode())


@asynccontextmanager
async def mail_server(
    *, tls: ssl.SSLContext | None = None, password: str | None = None
) -> AsyncIterator[Mailbox]:
    """Run a server until the context is left; with *tls*, it offers STARTTLS."""
    box = Mailbox(tls=tls, password=password)

    async with asyncio.TaskGroup() as talks:

        def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            talks.create_task(_Talk(box, reader, writer).run())

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            box.port = server.sockets[0].getsockname()[1]
            yield box
