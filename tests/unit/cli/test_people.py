"""``user`` and ``token``, against a data folder of their own."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from imgtag.__main__ import main
from imgtag.backends.local.lock import open_data_dir


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep everything in an empty data folder, with local accounts."""
    monkeypatch.setenv("IMGTAG_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("IMGTAG_AUTH", "local")
    return tmp_path / "data"


def imgtag(*arguments: str, password: str = "") -> int:
    """Run the command line, with a password on its standard input."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
        return main(list(arguments))


def add(name: str, *more: str) -> int:
    """Add an account."""
    return imgtag("user", "add", name, "--password-stdin", *more, password="correct horse")


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Run a command with --json and read what it prints."""
    capsys.readouterr()
    assert imgtag(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


class TestUsers:
    """Accounts."""

    def test_come_and_go(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Accounts are added, listed and removed; what one owned can be handed on."""
        assert add("ada") == add("bob") == 0
        users = listed(capsys, "user", "list")["users"]
        assert [user["username"] for user in users] == ["ada", "bob"]
        assert imgtag("user", "remove", "bob", "--yes") == 0
        owner = users[1]["owner"]
        assert f"--owner {owner}" in capsys.readouterr().out
        assert add("eve", "--owner", owner) == 0
        users = listed(capsys, "user", "list")["users"]
        assert [(user["username"], user["owner"]) for user in users][1] == ("eve", owner)

    def test_plain_list(self, capsys: pytest.CaptureFixture[str]) -> None:
        """In a pipe an account is a line of columns."""
        assert add("ada") == 0
        capsys.readouterr()
        assert imgtag("user", "list") == 0
        [line] = capsys.readouterr().out.splitlines()
        assert line.split("\t")[0] == "ada"

    def test_new_password(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A new password ends the tokens of the account."""
        assert add("ada") == 0
        assert imgtag("token", "create", "laptop", "--user", "ada") == 0
        assert imgtag("user", "passwd", "ada", "--password-stdin", password="another horse") == 0
        assert listed(capsys, "token", "list", "--user", "ada") == {"tokens": []}

    @pytest.mark.parametrize(
        ("arguments", "password", "line"),
        [
            (("user", "add", "ADA", "--password-stdin"), "correct horse", "there is already"),
            (("user", "add", "bob", "--password-stdin"), "short", "at least 8 characters"),
            (("user", "add", "bob", "--password-stdin"), "", "at least 8 characters"),
            (("user", "add", "bob"), "", "use --password-stdin"),
            (("user", "add", "", "--password-stdin"), "correct horse", "a user name is"),
            (("user", "remove", "bob", "--yes"), "", "there is no user bob"),
            (("user", "passwd", "bob", "--password-stdin"), "correct horse", "there is no user"),
            (("token", "create", "laptop"), "", "--user NAME"),
            (("token", "create", "laptop", "--user", "bob"), "", "there is no user bob"),
            (("token", "revoke", "nonsense", "--user", "ada"), "", "there is no such token"),
        ],
    )
    def test_refused(
        self,
        capsys: pytest.CaptureFixture[str],
        arguments: tuple[str, ...],
        password: str,
        line: str,
    ) -> None:
        """What can't be done is one line and exit code 1."""
        assert add("ada") == 0
        capsys.readouterr()
        assert imgtag(*arguments, password=password) == 1
        error = capsys.readouterr().err
        assert line in error
        assert error.count("\n") == 1

    def test_asks_first(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Removing asks, and does nothing without a yes."""
        assert add("ada") == 0
        assert imgtag("user", "remove", "ada", password="n") == 1
        assert len(listed(capsys, "user", "list")["users"]) == 1

    def test_without_accounts(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Where nobody signs in, there are no accounts to keep."""
        monkeypatch.setenv("IMGTAG_AUTH", "none")
        assert imgtag("user", "list") == 1
        assert "IMGTAG_AUTH=local" in capsys.readouterr().err


class TestTokens:
    """API tokens."""

    def test_come_and_go(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A token is printed once, listed without its secret, and revoked."""
        assert add("ada") == 0
        arguments = ("laptop", "--user", "ada", "--scope", "read", "--days", "3")
        made = listed(capsys, "token", "create", *arguments)
        assert made["token"].startswith("imgtag_")
        assert made["scopes"] == ["read"]
        [known] = listed(capsys, "token", "list", "--user", "ada")["tokens"]
        assert known == {name: value for name, value in made.items() if name != "token"}
        assert imgtag("token", "revoke", made["id"], "--user", "ada") == 0
        assert listed(capsys, "token", "list", "--user", "ada") == {"tokens": []}

    def test_secret_alone_on_standard_output(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A script can take the token as it is printed."""
        assert add("ada") == 0
        capsys.readouterr()
        assert imgtag("token", "create", "script", "--user", "ada") == 0
        [secret] = capsys.readouterr().out.splitlines()
        assert secret.startswith("imgtag_")

    def test_without_accounts(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Where nobody signs in, tokens need no name."""
        monkeypatch.setenv("IMGTAG_AUTH", "none")
        assert imgtag("token", "create", "script") == 0
        assert len(listed(capsys, "token", "list")["tokens"]) == 1

    def test_beside_a_service(self, data_dir: Path) -> None:
        """Accounts and tokens are kept while a service holds the data folder."""
        with open_data_dir(data_dir):
            assert add("ada") == 0
            assert imgtag("token", "create", "laptop", "--user", "ada") == 0
