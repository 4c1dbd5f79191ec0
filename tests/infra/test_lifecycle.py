"""What becomes of an installation that is changed, and destroyed."""

from dataclasses import replace
from typing import Any

import boto3
import pytest

from tests.infra.conftest import Installation
from tests.infra.terraform import REGION, Terraform

pytestmark = pytest.mark.timeout(900)

WHAT_IS_KEPT = (
    "module.photo_bucket.aws_s3_bucket.this",
    "module.table",
    "module.people.aws_cognito_user_pool.this",
)


def with_variables(terraform: Terraform, **variables: str) -> Terraform:
    """Set variables for all commands from here on."""
    given = {f"TF_VAR_{name}": value for name, value in variables.items()}
    return replace(terraform, environment={**terraform.environment, **given})


@pytest.fixture(scope="module")
def changed(installation: Installation) -> Terraform:
    """Change a few variables, and apply."""
    terraform = with_variables(
        installation.terraform,
        log_days="7",
        worker="{ max_count = 2 }",
        rekognition="{ rate = 50, monthly_limit = 1000 }",
    )
    terraform.apply()
    return terraform


def client(installation: Installation, service: str) -> Any:
    """Open a client of its own."""
    return boto3.client(
        service,
        endpoint_url=installation.aws.url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="testing",
    )


def test_a_change_reaches_what_runs(installation: Installation, changed: Terraform) -> None:
    """In place, and a plan after it finds nothing to do."""
    (environment,) = changed.resources()["module.api_function[0].aws_lambda_function.this"][
        "environment"
    ]

    assert environment["variables"]["IMGTAG_REKOGNITION_RATE"] == "50"
    assert environment["variables"]["IMGTAG_REKOGNITION_MONTHLY_LIMIT"] == "1000"
    assert changed.outputs()["url"] == installation.outputs["url"]
    assert changed.differences() == ""


@pytest.fixture(scope="module")
def destroyed(installation: Installation, changed: Terraform) -> str:
    """Destroy it with a photo in it, and give what Terraform said."""
    settings = installation.outputs["settings"]
    client(installation, "s3").put_object(
        Bucket=settings["IMGTAG_S3_BUCKET"], Key="originals/ada/lake", Body=b"a lake"
    )
    return changed.run("destroy", "-auto-approve", "-no-color", "-parallelism=20", expected=(1,))


def test_photos_survive_being_destroyed(
    installation: Installation, changed: Terraform, destroyed: str
) -> None:
    """Terraform says what it could not destroy; what it could is gone."""
    settings = installation.outputs["settings"]
    s3, dynamodb = client(installation, "s3"), client(installation, "dynamodb")

    assert "BucketNotEmpty" in destroyed
    kept = s3.get_object(Bucket=settings["IMGTAG_S3_BUCKET"], Key="originals/ada/lake")
    assert kept["Body"].read() == b"a lake"
    assert set(dynamodb.list_tables()["TableNames"]) == {"imgtag-catalog", "imgtag-jobs"}
    assert not [name for name in changed.resources() if "lambda" in name]


def test_nothing_is_left_where_that_is_wanted(
    installation: Installation, changed: Terraform, destroyed: str
) -> None:
    """Without protection the photos go too, and the state is empty."""
    assert destroyed
    unprotected = with_variables(changed, protect_data="false")
    unprotected.apply(*[f"-target={each}" for each in WHAT_IS_KEPT])

    unprotected.run("destroy", "-auto-approve", "-no-color", "-parallelism=20")

    assert unprotected.resources() == {}
    assert client(installation, "s3").list_buckets()["Buckets"] == []
    assert client(installation, "dynamodb").list_tables()["TableNames"] == []
