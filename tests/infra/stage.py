"""imgtag on what Terraform has made: the function and a worker, each with its role's own key."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientResponse, ClientSession, DummyCookieJar
from yarl import URL

from imgtag.compose import SystemClock
from tests.aws.function import FakeLambda
from tests.aws.function import serving as serving_function
from tests.infra.conftest import Installation
from tests.oidc.provider import FakeProvider
from tests.oidc.provider import serving as serving_provider

API: Final = "api"
WORKER: Final = "worker"
DEADLINE_SECONDS: Final = 180


@dataclass(frozen=True, slots=True)
class Stage:
    """What a person has before them: *url* is where the gateway answers."""

    installation: Installation
    http: ClientSession
    url: str
    surroundings: Mapping[str, str]

    @property
    def public_url(self) -> str:
        """The address that imgtag believes to have."""
        return str(self.installation.outputs["url"])

    async def call(self, method: str, path: str, **more: Any) -> Any:
        """Make a call as the person who has signed in."""
        async with self.http.request(method, self.url + path, **more) as answer:
            assert answer.status < 300, (path, answer.status, await answer.text())
            return await answer.json() if await answer.read() else None

    async def until(self, path: str, wanted: Any) -> Any:
        """Ask until the answer is as *wanted*."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                told = await self.call("GET", path)
                if wanted(told):
                    return told
                await asyncio.sleep(0.1)

    async def follow(self, link: str) -> bytes:
        """Fetch what a link leads to, as somebody who has nothing else."""
        async with ClientSession() as http:
            here = link.replace(self.public_url, self.url)
            async with http.get(here, allow_redirects=False) as answer:
                assert answer.status == 303, (link, answer.status)
                signed = answer.headers["Location"]
            async with http.get(signed) as answer:
                assert answer.status == 200
                return await answer.read()

    async def upload(self, ticket: Mapping[str, Any], content: bytes) -> None:
        """Send bytes straight to S3."""
        async with (
            ClientSession() as http,
            http.put(ticket["url"], data=content, headers=ticket["headers"]) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def imgtag(self, *arguments: str) -> tuple[int, str]:
        """Run a command as the owner of the account does; give its status and what it says."""
        environment = {
            **self.installation.settings_of_api(),
            **self.surroundings,
            "AWS_ACCESS_KEY_ID": "owner",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "imgtag", *arguments,
            env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()


@asynccontextmanager
async def process(
    role: str, environment: Mapping[str, str], log: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run one role as its container does; it ends with the context at the latest."""
    with log.open("wb") as output:
        started = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "imgtag", "serve", "--role", role,
            env={**environment, "AWS_ACCESS_KEY_ID": role}, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


@asynccontextmanager
async def staged(installation: Installation, folder: Path) -> AsyncIterator[Stage]:
    """Start the function behind its gateway, a worker, and whoever signs people in.

    Both get the environment that Terraform has given them, and what AWS adds. The hosted page of
    Cognito, which moto lacks, is another provider here.
    """
    settings = installation.settings_of_api()
    provider = FakeProvider(SystemClock(), client=settings["IMGTAG_OIDC_CLIENT_ID"])
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        surroundings = {
            "PATH": os.environ["PATH"],
            "AWS_REGION": str(installation.outputs["region"]),
            "AWS_ENDPOINT_URL": installation.aws.url,
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
            "IMGTAG_OIDC_ISSUER": await enter(serving_provider(provider)),
            "IMGTAG_POLL_SECONDS": "1",
        }
        runtime, url = await enter(serving_function(FakeLambda()))
        function = {**settings, **surroundings, "AWS_LAMBDA_RUNTIME_API": runtime}
        worker = {**installation.settings_of_worker(), **surroundings}
        await enter(process(API, function, folder / "api.log"))
        await enter(process(WORKER, worker, folder / "worker.log"))
        cookie = await signed_in(url, str(installation.outputs["url"]))
        headers = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
        http = await enter(ClientSession(headers=headers, cookie_jar=DummyCookieJar()))
        yield Stage(installation, http, url, surroundings)


async def signed_in(url: str, public_url: str) -> str:
    """Go where a browser would be sent, and give the cookie that it ends up with."""
    async with ClientSession(cookie_jar=DummyCookieJar()) as http:
        async with http.get(f"{url}/api/auth/login", allow_redirects=False) as begun:
            kept, there = _cookie(begun), begun.headers["Location"]
        async with http.get(there, allow_redirects=False) as consented:
            back = consented.headers["Location"]
        assert back.startswith(f"{public_url}/api/auth/callback?")
        here = URL(back.replace(public_url, url), encoded=True)
        async with http.get(here, headers={"Cookie": kept}, allow_redirects=False) as ended:
            assert ended.status < 400, await ended.text()
            return _cookie(ended)


def _cookie(answer: ClientResponse) -> str:
    """Read the last cookie that was set, as a browser sends it back."""
    set_ = [each for each in answer.headers.getall("Set-Cookie") if "Max-Age=0" not in each]
    assert all("; Secure" in each and "; HttpOnly" in each for each in set_)
    return "; ".join(each.partition(";")[0] for each in set_)
