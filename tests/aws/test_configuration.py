"""What the AWS profile lacks is told at once, before anything starts."""

import os
import subprocess
import sys
from typing import Final

import pytest

NEEDED: Final = (
    *("S3_BUCKET", "S3_WORKING_BUCKET", "SQS_PHOTOS", "SQS_BUNDLES", "SNS_TOPIC", "PUBLIC_URL"),
    *("DYNAMODB_CATALOG", "DYNAMODB_JOBS", "OIDC_ISSUER", "OIDC_CLIENT_ID"),
)
WITHOUT_EXTRA: Final = """
import sys
sys.modules["aioboto3"] = None
from imgtag.__main__ import main
sys.exit(main(["serve"]))
"""


def complaint(*arguments: str, **settings: str) -> str:
    """Try to serve; it has to end with the status of a wrong configuration."""
    done = subprocess.run(
        [sys.executable, *(arguments or ("-m", "imgtag", "serve"))],
        env={**os.environ, "IMGTAG_PROFILE": "aws", **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    return done.stderr


def test_every_missing_setting_is_named_at_once() -> None:
    """In one line."""
    told = complaint()
    assert len(told.splitlines()) == 1
    assert [name for name in NEEDED if f"IMGTAG_{name} (" not in told] == []


@pytest.mark.parametrize("value", ["3", "128", "many"])
def test_shards_are_a_power_of_two(value: str) -> None:
    """Up to 64; nothing else is rounded to one."""
    assert "IMGTAG_DYNAMODB_SHARDS" in complaint(IMGTAG_DYNAMODB_SHARDS=value)


def test_missing_packages_are_named_with_what_brings_them() -> None:
    """An installation without the AWS extra says how to get it."""
    told = complaint("-c", WITHOUT_EXTRA)
    assert "IMGTAG_BLOBS: the backend 's3' for blobs needs a package" in told
    assert "pip install 'imgtag[aws]'" in told
