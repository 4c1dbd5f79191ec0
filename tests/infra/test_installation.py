"""What one `terraform apply` makes, and what becomes of it when it is changed and destroyed."""

import mimetypes
from typing import Any

import boto3
import pytest

from imgtag.api.headers import ALWAYS, page_policy
from imgtag.settings import Settings
from tests.aws.tables import catalog_table, jobs_table
from tests.infra.conftest import EMAIL, Installation
from tests.infra.terraform import REGION

pytestmark = pytest.mark.timeout(900)


def client(installation: Installation, service: str) -> Any:
    """Open a client of its own."""
    return boto3.client(
        service,
        endpoint_url=installation.aws.url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="testing",
    )


def test_a_second_plan_finds_nothing_to_do(installation: Installation) -> None:
    """What was applied is what was asked for."""
    assert installation.terraform.differences() == ""


def test_every_output_setting_is_one_of_imgtag(installation: Installation) -> None:
    """The function and the task get them all, and each value is one that imgtag takes."""
    outputs = installation.outputs["settings"]
    api, worker = installation.settings_of_api(), installation.settings_of_worker()

    assert outputs.items() <= api.items()
    assert outputs.items() <= worker.items()
    for environment in (api, worker):
        given = {name.removeprefix("IMGTAG_").lower(): each for name, each in environment.items()}
        Settings(**given)  # refuses what it does not know


def test_no_secret_is_in_the_state(installation: Installation) -> None:
    """The one there is lies in the Parameter Store."""
    ssm = client(installation, "ssm")
    told = ssm.get_parameters_by_path(Path="/imgtag", WithDecryption=True)
    secret = told["Parameters"][0]["Value"]

    assert len(secret) >= 32
    assert secret not in (installation.terraform.folder / "terraform.tfstate").read_text()


def test_the_tables_are_what_the_catalog_is_tested_on(installation: Installation) -> None:
    """Keys and indexes are those of tests/aws/tables.py."""
    dynamodb = client(installation, "dynamodb")
    for expected in (catalog_table("imgtag-catalog"), jobs_table("imgtag-jobs")):
        made = dynamodb.describe_table(TableName=expected["TableName"])["Table"]
        for part in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes"):
            kept = ("IndexName", "KeySchema", "Projection")
            found = [{name: index[name] for name in kept} for index in made.get(part, [])]
            assert found == expected.get(part, [])
        assert made["KeySchema"] == expected["KeySchema"]
        assert made["DeletionProtectionEnabled"]


def test_the_page_goes_up_with_its_headers(installation: Installation) -> None:
    """Hashed names are kept for a year, the rest is asked for again; each has its type."""
    s3 = client(installation, "s3")
    bucket = installation.outputs["page_bucket"]
    told = s3.list_objects_v2(Bucket=bucket)["Contents"]
    shown = {each["Key"]: s3.head_object(Bucket=bucket, Key=each["Key"]) for each in told}

    assert set(shown) == {
        "index.html",
        "favicon.svg",
        "assets/index-Ab12.js",
        "assets/index-Ab12.css",
    }
    for name, head in shown.items():
        is_hashed = name.startswith("assets/")
        assert ("immutable" in head["CacheControl"]) == is_hashed
        assert head["ContentType"].partition(";")[0] == mimetypes.guess_type(name)[0]


def test_the_page_may_do_what_imgtag_lets_it(installation: Installation) -> None:
    """CloudFront sends the policy and the headers that imgtag sends with its own page."""
    policy = installation.one("aws_cloudfront_response_headers_policy.page")
    (security,) = policy["security_headers_config"]
    (content,) = security["content_security_policy"]
    (custom,) = policy["custom_headers_config"]
    sources = installation.outputs["settings"]["IMGTAG_PAGE_SOURCES"]
    sent = {item["header"]: item["value"] for item in custom["items"]} | {
        "X-Content-Type-Options": "nosniff" if security["content_type_options"] else "",
        "X-Frame-Options": security["frame_options"][0]["frame_option"],
        "Referrer-Policy": security["referrer_policy"][0]["referrer_policy"],
    }

    assert content["content_security_policy"] == page_policy(Settings(page_sources=sources))
    assert sent == ALWAYS | {"Cross-Origin-Resource-Policy": "same-origin"}
    assert security["strict_transport_security"][0]["access_control_max_age_sec"] == 31536000


def test_the_image_is_built_once_from_what_it_is_made_of(installation: Installation) -> None:
    """It is pushed under a name that stands for its sources, and not again by a second apply."""
    image = installation.outputs["image"]
    used = (installation.terraform.folder.parents[1] / "bin" / "used").read_text()

    assert used.count("docker buildx build") == 1
    assert f"--push --tag {image} --file" in used
    assert installation.one("aws_lambda_function.this")["image_uri"] == image


def test_alarms_reach_the_owner_and_are_explained(installation: Installation) -> None:
    """Each one that a person hears of is in the outputs and in the README."""
    cloudwatch = client(installation, "cloudwatch")
    topics = client(installation, "sns").list_subscriptions()["Subscriptions"]
    readme = (installation.terraform.folder / "README.md").read_text()
    heard = {
        alarm["AlarmName"]
        for alarm in cloudwatch.describe_alarms()["MetricAlarms"]
        if any(":sns:" in action for action in alarm["AlarmActions"])
    }

    assert heard == set(installation.outputs["alarms"])
    assert [name for name in heard if f"`{name}`" not in readme] == []
    assert [each["Endpoint"] for each in topics] == [EMAIL]


def test_the_owner_is_invited(installation: Installation) -> None:
    """The first account is there, and nobody else can make one."""
    cognito = client(installation, "cognito-idp")
    pool = installation.outputs["user_pool"]
    (user,) = cognito.list_users(UserPoolId=pool)["Users"]
    told = cognito.describe_user_pool(UserPoolId=pool)["UserPool"]

    assert {"Name": "email", "Value": EMAIL} in user["Attributes"]
    assert told["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"]
