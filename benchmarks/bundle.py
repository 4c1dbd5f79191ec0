"""How fast a bundle goes out over plain HTTP: imgtag, nginx with one static file, node archiver.

The same client discards the same bytes from each in turn; medians count. Shown too: the server's
CPU time, and the peak memory of imgtag's process for archives of different sizes.

    python benchmarks/bundle.py [--photos N] [--rounds N]

Needs nginx and node; archiver is installed from the lock beside this file.
"""

import argparse
import hashlib
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

HERE = Path(__file__).parent / "bundle"
sys.path.insert(0, str(HERE))

from layout import write_archive  # noqa: E402 - it lies beside the servers

MEAN_BYTES = 405_000
TICKS = os.sysconf("SC_CLK_TCK")
NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/log; {user}
events {{ }}
http {{
  access_log off; sendfile on; tcp_nopush on; default_type application/zip;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port}; root {folder}/www; index photos.zip; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server under test: where it listens, and the process that does the work."""

    name: str
    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """Tell how much CPU time it has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak_mb(self) -> float:
        """Tell the most memory it has ever had resident."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024


@dataclass(slots=True)
class Figures:
    """One server's runs: MB/s and CPU seconds per GB."""

    mb_per_second: list[float] = field(default_factory=list)
    cpu_per_gb: list[float] = field(default_factory=list)


def fetch(port: int, digest: "hashlib._Hash | None" = None) -> int:
    """Get the archive and throw it away; answer with its length."""
    buffer = memoryview(bytearray(1 << 20))
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(1)
        total = 0
        while size := connection.recv_into(buffer):
            total += size
            if digest:
                digest.update(buffer[:size])
    return total


@contextmanager
def running(name: str, command: Sequence[str | Path], port: int = 0) -> Iterator[Server]:
    """Run a server; without a *port*, it prints its own."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout  # noqa: S101 - it was asked for
        pid = process.pid
        if port:
            wait_for(port)
            pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        else:
            port = int(process.stdout.readline())
        yield Server(name, port, pid)
    finally:
        process.terminate()
        process.communicate(timeout=10)


def wait_for(port: int) -> None:
    """Wait until somebody listens, five seconds at most."""
    deadline = time.monotonic() + 5
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def imgtag(photos: Path) -> AbstractContextManager[Server]:
    """Run imgtag's delivery of a folder."""
    return running("imgtag", [sys.executable, HERE / "server.py", photos])


def nginx(folder: Path) -> AbstractContextManager[Server]:
    """Run nginx on the archive as one file."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, user=user))
    return running("nginx", ["/usr/sbin/nginx", "-p", folder, "-c", config], port)


def archiver(photos: Path) -> AbstractContextManager[Server]:
    """Run node archiver on the same photos."""
    if not (HERE / "node_modules").exists():
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=HERE, check=True)
    return running("archiver", ["node", HERE / "archiver.js", photos])


def make_photos(folder: Path, count: int, mean: int) -> Path:
    """Make files that don't compress, of half to one and a half times *mean* bytes."""
    folder.mkdir()
    chance = random.Random(count)
    for number in range(count):
        size = chance.randint(mean // 2, mean * 3 // 2)
        (folder / f"photo-{number:06d}.jpg").write_bytes(chance.randbytes(size))
    return folder


def compare(folder: Path, photos: Path, rounds: int) -> dict[str, Figures]:
    """Fetch from each server in turn."""
    www = folder / "www"
    www.mkdir()
    write_archive(photos, www / "photos.zip")
    wanted = hashlib.sha256((www / "photos.zip").read_bytes()).digest()
    with imgtag(photos) as ours, nginx(folder) as static, archiver(photos) as theirs:
        check_same(ours, wanted)
        check_same(static, wanted)
        servers = (ours, static, theirs)
        figures = {server.name: Figures() for server in servers}
        for _ in range(rounds):
            for server in servers:
                measure(server, figures[server.name])
    return figures


def check_same(server: Server, wanted: bytes) -> None:
    """Make sure that a server hands out the very bytes; this warms its caches, too."""
    digest = hashlib.sha256()
    started = time.perf_counter()
    total = fetch(server.port, digest)
    speed = total / (time.perf_counter() - started) / 1e6
    if digest.digest() != wanted:
        sys.exit(f"{server.name} hands out other bytes")
    print(f"{server.name}: {total / 1e6:.0f} MB, identical; first fetch, hashed: {speed:.0f} MB/s")


def measure(server: Server, figures: Figures) -> None:
    """Fetch once and note speed and CPU time."""
    before, started = server.cpu_seconds(), time.perf_counter()
    total = fetch(server.port)
    figures.mb_per_second.append(total / (time.perf_counter() - started) / 1e6)
    figures.cpu_per_gb.append((server.cpu_seconds() - before) / (total / 1e9))


def peak_mb(folder: Path, count: int, mean: int) -> float:
    """Fetch an archive three times from a fresh process; answer with its peak memory."""
    photos = make_photos(folder, count, mean)
    with imgtag(photos) as server:
        for _ in range(3):
            fetch(server.port)
        return server.peak_mb()


def report(figures: dict[str, Figures], peaks: dict[str, float]) -> None:
    """Print what was measured, for people and for programs."""
    speeds = {name: statistics.median(each.mb_per_second) for name, each in figures.items()}
    for name, each in figures.items():
        cpu = statistics.median(each.cpu_per_gb)
        runs = " ".join(f"{speed:.0f}" for speed in each.mb_per_second)
        print(f"{name:9} {speeds[name]:6.0f} MB/s  {cpu:5.2f} CPU s/GB  ({runs})")
    ratios = {
        "of archiver (goal 8)": speeds["imgtag"] / speeds["archiver"],
        "of nginx (goal 0.8)": speeds["imgtag"] / speeds["nginx"],
    }
    for name, ratio in ratios.items():
        print(f"{ratio:.2f} {name}")
    for name, peak in peaks.items():
        print(f"peak memory, {name}: {peak:.1f} MB (goal 100)")
    runs = {name: asdict(each) for name, each in figures.items()}
    print(json.dumps({"runs": runs, "ratios": ratios, "peak_mb": peaks}))


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="imgtag-bench-") as name:
        folder = Path(name)
        photos = make_photos(folder / "photos", asked.photos, MEAN_BYTES)
        figures = compare(folder, photos, asked.rounds)
        peaks = {
            "a quarter of the photos": peak_mb(folder / "few", asked.photos // 4, MEAN_BYTES),
            "all photos": peak_mb(folder / "all", asked.photos, MEAN_BYTES),
            "70,000 members": peak_mb(folder / "many", 70_000, 2_000),
        }
    report(figures, peaks)


if __name__ == "__main__":
    main()
