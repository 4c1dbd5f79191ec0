"""A lean script that uploads a folder and watches until everything is labelled.

    python sender.py URL FOLDER

The standard library alone: a few threads, each with a connection of its own; the kernel sends the
files. What it prints is JSON: the seconds from its first request until the last label, and the
seconds of CPU that it used meanwhile.
"""

import http.client
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SENDERS = 6
BATCH = 50
WATCH_SECONDS = 0.1


class Server:
    """One connection to the service."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send JSON, get JSON."""
        headers = {"Content-Type": "application/json"} if body else {}
        text = json.dumps(body).encode() if body else None
        self._connection.request(method, path, text, headers)
        return self._answer()

    def put(self, url: str, headers: dict[str, str], path: Path) -> None:
        """Send the file at *path*."""
        with path.open("rb") as file:
            parts = urlsplit(url)
            self._connection.putrequest("PUT", parts.path, skip_accept_encoding=True)
            for name, value in headers.items():
                self._connection.putheader(name, value)
            self._connection.putheader("Content-Length", str(path.stat().st_size))
            self._connection.endheaders()
            self._connection.sock.sendfile(file)
        self._answer()

    def _answer(self) -> Any:
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status >= http.client.BAD_REQUEST:
            sys.exit(f"{answer.status}: {body.decode()}")
        return json.loads(body)


def upload(url: str, paths: Iterator[Path], lock: threading.Lock) -> None:
    """Send batches of *paths* until there are none."""
    server = Server(url)
    while True:
        with lock:
            batch = list(islice(paths, BATCH))
        if not batch:
            return
        for path, told in zip(batch, offer(server, batch), strict=True):
            server.put(told["url"], told["headers"], path)


def offer(server: Server, batch: Sequence[Path]) -> Any:
    """Ask for tickets."""
    files = [
        {"file_name": path.name, "size": path.stat().st_size, "content_type": "image/jpeg"}
        for path in batch
    ]
    return server.call("POST", "/api/uploads", {"files": files})["uploads"]


def watch(url: str, number: int) -> None:
    """Return once *number* photos are labelled."""
    server = Server(url)
    while (photos := server.call("GET", "/api/status")["photos"])["labelled"] < number:
        if photos["failed"]:
            sys.exit(f"{photos['failed']} photos failed")
        time.sleep(WATCH_SECONDS)


def main() -> None:
    """Upload, watch, tell."""
    url, folder = sys.argv[1:]
    files = sorted(Path(folder).iterdir())
    paths, lock = iter(files), threading.Lock()
    began, busy = time.perf_counter(), time.process_time()
    senders = [threading.Thread(target=upload, args=(url, paths, lock)) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    watch(url, len(files))
    print(
        json.dumps(
            {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - busy}
        )
    )


if __name__ == "__main__":
    main()
