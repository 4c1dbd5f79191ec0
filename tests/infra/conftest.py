"""One installation, and the phases of its life: made, used, changed, and gone.

Each phase begins where the one before has ended, so that AWS is set up once.
"""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.aws.cloud import Server
from tests.infra.server.calls import Call
from tests.infra.terraform import ROOT, Terraform, binary, workspace

EMAIL: Final = "ada@example.com"


@dataclass(frozen=True, slots=True)
class Aws(Server):
    """The server that stands for AWS."""

    def calls(self) -> Sequence[Call]:
        """Tell who has called what so far."""
        with urllib.request.urlopen(f"{self.url}/_calls", timeout=30) as answer:  # noqa: S310
            return [Call(*each) for each in json.load(answer)["calls"]]


@dataclass(frozen=True, slots=True)
class Installation:
    """What Terraform has made, as it tells."""

    aws: Aws
    terraform: Terraform
    outputs: Mapping[str, Any]
    resources: Mapping[str, Mapping[str, Any]]

    def one(self, address: str) -> Mapping[str, Any]:
        """Give the attributes of the one resource whose address ends so."""
        (found,) = [value for name, value in self.resources.items() if name.endswith(address)]
        return found

    def settings_of_api(self) -> Mapping[str, str]:
        """Give the environment of the function."""
        (environment,) = self.one("aws_lambda_function.this")["environment"]
        found: Mapping[str, str] = environment["variables"]
        return found

    def settings_of_worker(self) -> Mapping[str, str]:
        """Give the environment of the task."""
        definition = self.one("module.worker.aws_ecs_task_definition.this")
        (container,) = json.loads(definition["container_definitions"])
        return {each["name"]: each["value"] for each in container["environment"]}


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    """Start a server; it ends with its standard input, however the tests end."""
    binary()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.infra.server"],
        cwd=ROOT,
        env={**kept, "MOTO_CALL_RESET_API": "false", "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        assert process.stdin
        yield Aws(f"http://127.0.0.1:{process.stdout.readline().strip()}")
        process.stdin.close()
        process.wait(30)


@pytest.fixture(scope="session")
def installation(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Apply the configuration with all its defaults: an e-mail address is all that is given."""
    folder: Path = tmp_path_factory.mktemp("checkout")
    terraform = workspace(folder, aws.url, email=EMAIL)
    terraform.apply()
    return Installation(aws, terraform, terraform.outputs(), terraform.resources())
