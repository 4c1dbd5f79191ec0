"""How commands begin and end: names, exit codes, settings and one clear line."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from imgtag import __version__
from imgtag.__main__ import main
from imgtag.backends.local.lock import open_data_dir
from imgtag.cli.output import human_size, printable
from imgtag.cli.root import COMMANDS
from imgtag.cli.running import Failed, run
from imgtag.domain.errors import Invalid, Unavailable
from imgtag.settings import Settings

DEADLINE_SECONDS = 60


def python(*arguments: str, **options: str) -> "subprocess.CompletedProcess[str]":
    """Run ``python`` with *options* added to the environment."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **options},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


class TestNames:
    """The commands that there are."""

    @pytest.mark.parametrize("command", COMMANDS)
    def test_help(self, command: str, capsys: pytest.CaptureFixture[str]) -> None:
        """Every command explains itself."""
        assert main([command, "--help"]) == 0
        assert f"Usage: imgtag {command}" in capsys.readouterr().out

    def test_overview(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The overview names every command with a whole sentence."""
        assert main(["--help"]) == 0
        told = capsys.readouterr().out
        assert all(f"\n  {command} " in told for command in COMMANDS)
        assert "..." not in told.replace("[ARGS]...", "")

    @pytest.mark.parametrize("arguments", [["nonsense"], ["upload"], ["serve", "--port", "x"]])
    def test_wrong_usage(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        """What is wrongly typed ends with 2, and says so on standard error."""
        assert main(arguments) == 2
        told = capsys.readouterr()
        assert "Error: " in told.err
        assert not told.out

    def test_version(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The version is told as a command and as an option, also for programs."""
        assert main(["version"]) == main(["--version"]) == 0
        assert capsys.readouterr().out == f"imgtag {__version__}\n" * 2
        assert main(["version", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["version"] == __version__

    def test_light(self) -> None:
        """Asking for the version loads neither the model's libraries nor the server's."""
        heavy = "{'numpy', 'onnxruntime', 'PIL', 'aiohttp', 'apsw'}"
        code = (
            "import sys; from imgtag.__main__ import main; main(['version']); "
            f"print({heavy} & set(sys.modules))"
        )
        assert python("-c", code).stdout == f"imgtag {__version__}\nset()\n"

    def test_openapi(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The OpenAPI document is printed whole."""
        assert main(["openapi"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["openapi"].startswith("3.1")
        assert "/api/photos" in document["paths"]


def failing(error: BaseException) -> click.Command:
    """Make a command that fails."""

    @click.command()
    def command() -> None:
        raise error

    return command


class TestEnds:
    """Exit codes."""

    @pytest.mark.parametrize(
        ("error", "code", "line"),
        [
            (Failed("it failed"), 1, "imgtag: it failed\n"),
            (Unavailable("the disk is full"), 1, "imgtag: the disk is full\n"),
            (
                OSError(errno.ENOSPC, "No space left on device", "x.zip"),
                1,
                "imgtag: x.zip: No space left on device\n",
            ),
            (Invalid("there is no 'x'", code="unknown_backend"), 2, "imgtag: there is no 'x'\n"),
            (Invalid("no model.json", code="invalid_model"), 2, "imgtag: no model.json\n"),
            (KeyboardInterrupt(), 130, "\nimgtag: interrupted\n"),
            (EOFError(), 130, "\nimgtag: interrupted\n"),
            (ExceptionGroup("", [ExceptionGroup("", [Failed("deep")])]), 1, "imgtag: deep\n"),
            (click.BadParameter("bad"), 2, "Error: Invalid value: bad\n"),
        ],
    )
    def test_what_users_cause(
        self, error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Each ends with its code and one line, and never with a traceback."""
        assert run(failing(error), []) == code
        assert capsys.readouterr().err.endswith(line)

    def test_our_own_mistakes(self) -> None:
        """A mistake in imgtag is not hidden."""
        with pytest.raises(ZeroDivisionError):
            run(failing(ZeroDivisionError()), [])

    def test_reader_that_leaves(self) -> None:
        """When `head` has read enough, the command ends without a word."""
        code = """
import os
from imgtag.__main__ import main
read, write = os.pipe()
os.dup2(write, 1)
os.close(write)
os.close(read)
code = main(["openapi"])
os.write(2, f"code {code}".encode())
os._exit(0)
"""
        assert python("-c", code).stderr == "code 1"

    def test_narrow_terminal(self) -> None:
        """Output that the terminal's encoding can't say is spelled out."""
        told = python("-m", "imgtag", "config", IMGTAG_DATA_DIR="/🏔", PYTHONIOENCODING="latin-1")
        assert told.returncode == 0
        assert "/\\U0001f3d4" in told.stdout


class TestSettings:
    """Settings on the command line."""

    def test_every_problem_at_once(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """All wrong settings are listed under the names that users know."""
        for name, value in (("PORT", "x"), ("MAX_LABELS", "99"), ("PUBLIC_URL", "here")):
            monkeypatch.setenv(f"IMGTAG_{name}", value)
        assert main(["serve"]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert [line.split(": ")[1] for line in lines] == [
            "IMGTAG_PORT",
            "IMGTAG_PUBLIC_URL",
            "IMGTAG_MAX_LABELS",
        ]

    def test_every_backend_at_once(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """All backends that don't exist are listed."""
        monkeypatch.setenv("IMGTAG_BLOBS", "zebra")
        monkeypatch.setenv("IMGTAG_QUEUE", "files")
        for command in ("serve", "doctor"):
            assert main([command]) == 2
            error = capsys.readouterr().err
            assert "imgtag: IMGTAG_BLOBS: there is no backend 'zebra'" in error
            assert "imgtag: IMGTAG_QUEUE: the backend 'files' has no queue" in error

    def test_never_open_to_the_world(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Without sign-in only this machine is served."""
        assert main(["serve", "--host", "0.0.0.0"]) != 0  # noqa: S104
        assert capsys.readouterr().err

    @pytest.mark.parametrize("content", ["port = ", "port = 'x'", "colour = 1", "\xff"])
    def test_file(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        content: str,
    ) -> None:
        """A settings file that is wrong is told as such."""
        file = tmp_path / "imgtag.toml"
        file.write_text(content, encoding="latin-1")
        monkeypatch.setenv("IMGTAG_CONFIG", str(file))
        assert main(["config"]) == 2
        assert capsys.readouterr().err.startswith("imgtag: ")

    def test_misspelt(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A variable that means nothing is noted, with what was meant."""
        monkeypatch.setenv("IMGTAG_PROT", "1")
        monkeypatch.setenv("IMGTAG_TOKEN", "imgtag_x")
        assert main(["config"]) == 0
        error = capsys.readouterr().err
        assert error == "imgtag: IMGTAG_PROT is not a setting; did you mean IMGTAG_PORT?\n"

    def test_secrets_are_masked(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """No secret is printed, in neither form; all settings are."""
        monkeypatch.setenv("IMGTAG_SECRET", "hunter2" * 8)
        monkeypatch.setenv("IMGTAG_OIDC_CLIENT_SECRET", "hunter3" * 8)
        assert main(["config"]) == main(["config", "--json"]) == 0
        told = capsys.readouterr().out
        assert "hunter" not in told
        for name in Settings.model_fields:
            assert f"IMGTAG_{name.upper()}\t" in told
            assert f'"{name}"' in told

    def test_second_service(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A data folder that another service uses is refused in one line."""
        with open_data_dir(tmp_path), pytest.MonkeyPatch.context() as patch:
            patch.setenv("IMGTAG_DATA_DIR", str(tmp_path))
            assert main(["serve", "--port", "0"]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert f"as process {os.getpid()}" in error


class TestOutput:
    """What is printed."""

    @pytest.mark.parametrize(
        ("count", "text"),
        [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (3 << 30, "3.0 GiB"),
            (5 << 50, "5120.0 TiB"),
        ],
    )
    def test_sizes(self, count: int, text: str) -> None:
        """Sizes are written for people."""
        assert human_size(count) == text

    def test_hostile_text(self) -> None:
        """What would steer a terminal is spelled out, and everything else stays."""
        assert printable("lake\x1b[31m\n\u202e é🏔") == "lake\\x1b[31m\\n\\u202e é🏔"

    @pytest.mark.parametrize("server", ["ftp://x", "here", "http://", "http://x:y", "http://[::1"])
    def test_no_address(self, server: str, capsys: pytest.CaptureFixture[str]) -> None:
        """A server's address that can't be one is wrong usage."""
        assert main(["labels", "--server", server]) == 2
        assert "is no address" in capsys.readouterr().err


def test_arguments_are_read_from_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The console script takes the arguments of the process."""
    monkeypatch.setattr(sys, "argv", ["imgtag", "version"])
    entry: Callable[[], int] = main
    assert entry() == 0
    assert capsys.readouterr().out
