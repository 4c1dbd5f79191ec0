"""Finding Terraform and its AWS provider, and checking deploy/terraform with them.

``python tools/terraform.py`` compares the format, validates, and plans what the choices make. The
provider is taken from a mirror where this machine has one, and else from its registry.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[1] / "deploy" / "terraform"
MISSING: Final = "Terraform 1.11 or later has to be on the PATH to check deploy/terraform"
VARIABLE: Final = "TERRAFORM_MIRROR"
# Where an unpacked mirror may lie, as `terraform providers mirror` and packagers leave it.
PLACES: Final = (
    "/opt",
    "/usr/local/share/terraform",
    "/usr/share/terraform",
    "~/.terraform.d",
    "~/.local/share/terraform",
)
_PROCESSORS: Final = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_DEEPEST: Final = 4
_ABOVE_PLATFORM: Final = 4


def binary() -> str | None:
    """Find Terraform."""
    return shutil.which("terraform")


def is_required() -> bool:
    """Tell whether its absence is an error: on the machines that check every change."""
    return os.environ.get("CI", "").lower() == "true"


def init_arguments() -> Sequence[str]:
    """Say what ``terraform init`` needs to find the provider here."""
    found = mirror()
    return ["-input=false", "-no-color", *([f"-plugin-dir={found}"] if found else [])]


def mirror() -> Path | None:
    """Find a folder that holds the AWS provider unpacked, as ``-plugin-dir`` takes it."""
    system = f"{platform.system().lower()}_{_PROCESSORS.get(platform.machine(), '')}"
    places = [os.environ[VARIABLE]] if os.environ.get(VARIABLE) else PLACES
    for place in places:
        for depth in range(_DEEPEST):
            pattern = f"{'*/' * depth}*/hashicorp/aws/5.*/{system}"
            for found in Path(place).expanduser().glob(pattern):
                return found.parents[_ABOVE_PLATFORM]
    return None


def environment() -> dict[str, str]:
    """Keep what Terraform needs of ours: no configuration, no credentials."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "TF_", "IMGTAG_"))
    }
    return {**kept, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}


def main() -> int:
    """Check, and give the status of the first command that fails."""
    terraform = binary()
    if terraform is None:
        sys.stderr.write(f"{MISSING}{'' if is_required() else ': skipped'}\n")
        return int(is_required())
    commands = (
        ["fmt", "-check", "-diff", "-recursive"],
        ["init", "-backend=false", *init_arguments()],
        ["validate", "-no-color"],
        ["test", "-no-color"],
    )
    for command in commands:
        done = subprocess.run(  # noqa: S603 - our own commands
            [terraform, *command], cwd=FOLDER, env=environment(), check=False
        )
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
