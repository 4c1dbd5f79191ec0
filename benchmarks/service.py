"""A service under measure: started with default settings, and what it has used so far."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Used:
    """Seconds of CPU of the service and its children so far, and their peak memory in MB."""

    service: float
    children: float
    service_mb: float
    child_mb: float


@dataclass(frozen=True, slots=True)
class Service:
    """Where it listens, and its process."""

    url: str
    process: psutil.Process

    def used(self) -> Used:
        """Add up what it and its children have used so far."""
        children = self.process.children()
        return Used(
            _cpu_seconds(self.process),
            sum(map(_cpu_seconds, children)),
            _peak_mb(self.process),
            max(map(_peak_mb, children)),
        )


@contextmanager
def serving(data_dir: Path) -> Iterator[Service]:
    """Run it until the context is left; its log is shown where something fails."""
    log = data_dir / "service.log"
    data_dir.mkdir(parents=True, exist_ok=True)
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "imgtag", "serve", "--port", "0"],
            env={**os.environ, "IMGTAG_DATA_DIR": str(data_dir)},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as service,
    ):
        try:
            told = (service.stdout.readline() if service.stdout else "").split()
            yield Service(told[-1], psutil.Process(service.pid))
        except BaseException:
            sys.stderr.write(log.read_text())
            raise
        finally:
            service.terminate()


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _peak_mb(process: psutil.Process) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
