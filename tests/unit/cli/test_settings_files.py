"""Settings from files: what is wrong is told, all of it, and what is not ours is left alone."""

from pathlib import Path

import pytest

from imgtag.__main__ import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, where the files have their usual names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IMGTAG_CONFIG")
    return tmp_path


def complaints(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Tell which settings are complained about, and see to it that nothing else is said."""
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith("imgtag: IMGTAG_") for line in lines)
    return [line.removeprefix("imgtag: ").split(":")[0] for line in lines]


def test_lists_where_text_belongs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are told with every other problem of the file."""
    wrong = 'profile = ["aws"]\nhost = ["::1"]\nblobs = ["s3"]\nport = "x"\ncors_origins = [1]\n'
    (folder / "imgtag.toml").write_text(wrong)
    assert main(["serve"]) == 2
    assert sorted(complaints(capsys)) == [
        "IMGTAG_BLOBS",
        "IMGTAG_CORS_ORIGINS.0",
        "IMGTAG_HOST",
        "IMGTAG_PORT",
        "IMGTAG_PROFILE",
    ]


def test_settings_of_the_commands(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A `.env` may hold where commands find the service; the service has no use for it."""
    (folder / ".env").write_text("IMGTAG_SERVER=http://x\nIMGTAG_TOKEN=t\nIMGTAG_PORT=9\n")
    assert main(["config"]) == 0
    told = capsys.readouterr()
    assert "IMGTAG_PORT\t9\n" in told.out
    assert told.err == ""


def test_misspelt_in_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a file says and nobody reads is an error, with what was meant."""
    (folder / ".env").write_text("IMGTAG_PROT=9\n")
    (folder / "imgtag.toml").write_text("hots = 'localhost'\n")
    assert main(["config"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "imgtag: IMGTAG_HOTS is not a setting; did you mean IMGTAG_HOST?",
        "imgtag: IMGTAG_PROT is not a setting; did you mean IMGTAG_PORT?",
    ]


def test_a_file_that_is_not_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is named has to exist."""
    for name in (str(folder / "other.toml"), str(folder)):
        monkeypatch.setenv("IMGTAG_CONFIG", name)
        monkeypatch.setenv("IMGTAG_PORT", "x")
        assert main(["config"]) == 2
        assert complaints(capsys) == ["IMGTAG_CONFIG", "IMGTAG_PORT"]


@pytest.mark.parametrize(
    ("host", "auth"),
    [
        ("localhost", "none"),
        ("127.0.0.2", "none"),
        ("::1", "none"),
        ("0.0.0.0", "oidc"),  # noqa: S104 - nothing listens
        ("127.0.0.1.example", "oidc"),
    ],
)
def test_nobody_signs_in_on_loopback_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str, auth: str
) -> None:
    """All of 127.0.0.0/8 is this machine."""
    monkeypatch.setenv("IMGTAG_HOST", host)
    assert main(["config"]) == 0
    assert f"IMGTAG_AUTH\t{auth}\n" in capsys.readouterr().out


@pytest.mark.parametrize("origin", ["*", "ui.example", "https://ui.example/page", "null"])
def test_origins_that_no_browser_sends(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    origin: str,
) -> None:
    """A page there would never be let in: better said at the start."""
    assert folder == Path.cwd()
    monkeypatch.setenv("IMGTAG_CORS_ORIGINS", f"http://localhost:3000/, {origin}")
    assert main(["config"]) == 2
    assert f"IMGTAG_CORS_ORIGINS: {origin} is no origin" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("ftp://host/photos", "is file:///folder or s3://bucket/prefix"),
        ("file:///photos/../etc", "no . and no .."),
        ("DATA", "lies in IMGTAG_DATA_DIR"),
        ("DATA/blobs/originals", "lies in IMGTAG_DATA_DIR"),
    ],
)
def test_places_that_nobody_may_import_from(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    source: str,
    says: str,
) -> None:
    """They are wrong settings, told before anything starts."""
    data_dir = folder / "data"
    monkeypatch.setenv("IMGTAG_DATA_DIR", str(data_dir))
    monkeypatch.setenv("IMGTAG_IMPORT_SOURCES", source.replace("DATA", str(data_dir)))
    assert main(["config"]) == 2
    assert says in capsys.readouterr().err
