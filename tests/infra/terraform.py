"""Terraform on a copy of deploy/terraform, against an endpoint on loopback."""

import faulthandler
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tools import terraform as tools

ROOT: Final = Path(__file__).parents[2]
SOURCE: Final = ROOT / "deploy" / "terraform"
REGION: Final = "eu-central-1"
NO_CHANGES: Final = 0
CHANGES: Final = 2
_SECONDS: Final = 600


def binary() -> str:
    """Find Terraform. Without it these tests are skipped, and fail where CI counts on them."""
    found = tools.binary()
    if found:
        return found
    if tools.is_required():
        pytest.fail(tools.MISSING)
    pytest.skip(tools.MISSING)


@dataclass(frozen=True, slots=True)
class Terraform:
    """The configuration in *folder*, and what its commands see of the world."""

    folder: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str, expected: Sequence[int] = (0,)) -> str:
        """Run a command; give what it says."""
        # It takes longer than pytest takes a test for stuck.
        faulthandler.cancel_dump_traceback_later()
        done = subprocess.run(
            [binary(), *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        assert done.returncode in expected, done.stdout[-8000:] + done.stderr[-8000:]
        return done.stdout + done.stderr

    def init(self) -> None:
        """Make it ready to run."""
        self.run("init", *tools.init_arguments())

    def apply(self, *more: str) -> str:
        """Make the world as the configuration says."""
        return self.run("apply", "-auto-approve", "-no-color", "-parallelism=20", *more)

    def differences(self) -> str:
        """Tell what another apply would change; nothing when it is as it should be."""
        said = self.run(
            "plan", "-detailed-exitcode", "-no-color", "-lock=false", expected=(NO_CHANGES, CHANGES)
        )
        return "" if "No changes." in said else said.partition("Terraform will perform")[2]

    def outputs(self) -> Mapping[str, Any]:
        """Read the outputs."""
        told = json.loads(self.run("output", "-json"))
        return {name: each["value"] for name, each in told.items()}

    def resources(self) -> Mapping[str, Mapping[str, Any]]:
        """Read the attributes of everything there is, by address."""
        told = json.loads(self.run("show", "-json"))
        module = told.get("values", {}).get("root_module", {})
        return {each["address"]: each["values"] for each in _all_of(module)}


def _all_of(module: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    inner = [each for child in module.get("child_modules", ()) for each in _all_of(child)]
    return [*module.get("resources", ()), *inner]


def workspace(folder: Path, endpoint: str, **variables: str) -> Terraform:
    """Copy the configuration into a checkout of its own in *folder*, and prepare it."""
    target = folder / "deploy" / "terraform"
    left_out = shutil.ignore_patterns(".terraform*", "*.tfstate*")
    shutil.copytree(SOURCE, target, ignore=left_out)
    (folder / "deploy" / "Dockerfile").write_text("FROM scratch\n")
    make_page(folder / "imgtag" / "_web")
    programs = make_tools(folder / "bin")
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(folder),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "terraform",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "TF_VAR_region": REGION,
        **{f"TF_VAR_{name}": value for name, value in variables.items()},
    }
    made = Terraform(target, environment)
    made.init()
    return made


def make_page(folder: Path) -> None:
    """Make what `make web` would: a page, what it names, and files compressed ahead."""
    (folder / "assets").mkdir(parents=True)
    for name in ("index.html", "favicon.svg", "assets/index-Ab12.js", "assets/index-Ab12.css"):
        (folder / name).write_text(f"{name}\n")
        (folder / f"{name}.br").write_bytes(b"compressed")


def make_tools(folder: Path) -> Path:
    """Make programs in the place of Docker and the AWS command line, which write down their use."""
    folder.mkdir()
    for tool in ("docker", "aws"):
        script = folder / tool
        script.write_text(
            "#!/bin/sh\n"
            f'echo "{tool} $*" >> "{folder}/used"\n'
            'case "$*" in\n'
            "  *describe-images*) exit 1 ;;\n"
            "  *--password-stdin*) cat > /dev/null ;;\n"
            "esac\n"
        )
        script.chmod(0o755)
    return folder
