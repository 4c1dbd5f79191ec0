"""Read photos of 270 kB from an S3-shaped server: the SDK's `get_object` and imgtag's lean reader.

Both in one run, in turns, against a server in a process of its own that does nothing but send.
``python benchmarks/s3_read.py``
"""

import argparse
import asyncio
import multiprocessing
import os
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from aiohttp import web

from imgtag.backends import Context
from imgtag.backends.aws import BACKENDS, clients
from imgtag.domain.ids import OwnerId, PhotoId
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.settings import Settings

SIZE = 270_000
Read = Callable[[], Awaitable[int]]


class _Clock:
    def now(self) -> datetime:
        """Tell the time."""
        return datetime.now(UTC)


def serve(pipe: "multiprocessing.connection.Connection") -> None:
    """Answer every GET with the same bytes."""
    body = os.urandom(SIZE)
    headers = {"ETag": '"0"', "Last-Modified": "Wed, 01 May 2024 00:00:00 GMT"}

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, headers=headers, content_type="image/jpeg")

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/{tail:.*}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        pipe.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(run())


async def measure(read: Read, *, objects: int, in_flight: int) -> tuple[float, float]:
    """Read *objects*, *in_flight* at a time; answer with objects a second and CPU ms of each."""
    left = iter(range(objects))

    async def work() -> None:
        for _ in left:
            got = await read()
            if got != SIZE:
                raise RuntimeError(got)

    cpu, began = _cpu_seconds(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(work())
    seconds = time.perf_counter() - began
    return objects / seconds, 1000 * (_cpu_seconds() - cpu) / objects


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def compare(objects: int, rounds: int) -> None:
    """Measure both in turns and print the medians."""
    settings = Settings(profile="aws", s3_bucket="photos", s3_working_bucket="working")
    async with AsyncExitStack() as stack:
        context = Context(settings, _Clock(), stack)
        store = await stack.enter_async_context(BACKENDS["s3"].blobs(context))
        s3 = await clients.s3(context)
        photo = PhotoId.mint(datetime.now(UTC), bytes(10))
        key = BlobKey(OwnerId("ada"), BlobKind.ORIGINAL, photo)

        async def lean() -> int:
            async with store.read(key) as chunks:
                return sum([len(chunk) async for chunk in chunks])

        async def sdk() -> int:
            told = await s3.get_object(Bucket="photos", Key=str(key))
            return len(await told["Body"].read())

        for in_flight in (8, 32):
            results: dict[str, list[tuple[float, float]]] = {"get_object": [], "reader": []}
            for _ in range(rounds):
                for name, read in (("get_object", sdk), ("reader", lean)):
                    found = await measure(read, objects=objects, in_flight=in_flight)
                    results[name].append(found)
            _print(in_flight, results)


def _print(in_flight: int, results: dict[str, list[tuple[float, float]]]) -> None:
    medians = {
        name: tuple(statistics.median(values) for values in zip(*found, strict=True))
        for name, found in results.items()
    }
    for name, (rate, cpu) in medians.items():
        print(f"{in_flight:>3} in flight  {name:<11} {rate:>7.0f} objects/s  {cpu:.2f} CPU ms each")
    (slow, slow_cpu), (fast, fast_cpu) = medians["get_object"], medians["reader"]
    less = slow_cpu / fast_cpu
    print(f"{in_flight:>3} in flight  {fast / slow:.1f} times as fast, {less:.1f} x less CPU")


def main() -> None:
    """Start the server, compare, stop it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=700)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ours.recv()}",
    }
    try:
        asyncio.run(compare(arguments.objects, arguments.rounds))
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
