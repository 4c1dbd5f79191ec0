"""Read from a request to AWS what IAM would be asked: who, which action, on which resource.

Actions and resources: docs.aws.amazon.com/service-authorization/latest/reference.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

ACCOUNT: Final = "123456789012"
_CREDENTIAL: Final = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")
_SERVICES: Final = {
    "DynamoDB": "dynamodb",
    "AmazonSQS": "sqs",
    "RekognitionService": "rekognition",
    "AmazonEC2ContainerServiceV": "ecs",
    "AmazonSSM": "ssm",
}
_PARTS_OF_TRANSACTIONS: Final = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One thing that somebody did, or tried to."""

    key: str
    action: str
    resource: str


def calls_in(environ: Mapping[str, Any], body: bytes) -> Iterator[Call]:
    """Read who asks for what; nothing where nobody signed."""
    signed = _signed_by(environ)
    if signed is None:
        return
    key, region, service = signed
    for action, resource in _asked(environ, body, service, region):
        yield Call(key, action, resource)


def _signed_by(environ: Mapping[str, Any]) -> tuple[str, str, str] | None:
    query = parse_qs(environ.get("QUERY_STRING", ""))
    text = "Credential=" + query["X-Amz-Credential"][0] if "X-Amz-Credential" in query else ""
    found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", "") or text)
    if found is None:
        return None
    return found[1], found[2], found[3]


def _asked(
    environ: Mapping[str, Any], body: bytes, service: str, region: str
) -> Iterator[tuple[str, str]]:
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        head, _, operation = target.partition(".")
        name = next((known for start, known in _SERVICES.items() if head.startswith(start)), head)
        yield from _by_target(name, operation, json.loads(body or b"{}"), region)
    elif service == "s3":
        yield from _by_path(environ, body)
    elif b"Action=" in body:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        yield f"{service}:{form['Action']}", form.get("TopicArn", "*")
    else:
        yield f"{service}:{environ['REQUEST_METHOD']}", environ["PATH_INFO"]


def _by_target(
    service: str, operation: str, asked: Mapping[str, Any], region: str
) -> Iterator[tuple[str, str]]:
    arn = f"arn:aws:{service}:{region}:{ACCOUNT}:"
    match service:
        case "dynamodb":
            yield from _items(operation, asked, arn)
        case "sqs":
            url = asked.get("QueueUrl", "*")
            name = asked.get("QueueName") or urlsplit(url).path.rsplit("/")[-1]
            yield f"sqs:{operation.removesuffix('Batch')}", arn + name
        case "ecs":
            for name in asked.get("services") or [asked.get("service")]:
                yield f"ecs:{operation}", f"{arn}service/{asked.get('cluster')}/{name}"
        case "ssm":
            yield f"ssm:{operation}", f"{arn}parameter{asked.get('Path') or asked.get('Name')}"
        case _:
            yield f"{service}:{operation}", "*"


def _items(operation: str, asked: Mapping[str, Any], arn: str) -> Iterator[tuple[str, str]]:
    if "TransactItems" in asked:
        for item in asked["TransactItems"]:
            for part, inner in item.items():
                yield f"dynamodb:{_PARTS_OF_TRANSACTIONS[part]}", f"{arn}table/{inner['TableName']}"
        return
    index = f"/index/{asked['IndexName']}" if "IndexName" in asked else ""
    for table in asked.get("RequestItems") or [asked.get("TableName", "")]:
        yield f"dynamodb:{operation}", f"{arn}table/{table}{index}"


def _by_path(environ: Mapping[str, Any], body: bytes) -> Iterator[tuple[str, str]]:
    path = unquote(environ.get("RAW_URI", environ["PATH_INFO"]).partition("?")[0]).lstrip("/")
    bucket, _, key = path.partition("/")
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    method = environ["REQUEST_METHOD"]
    if not key:
        if "delete" in query:
            for each in re.findall(rb"<Key>([^<]+)</Key>", body):
                yield "s3:DeleteObject", f"arn:aws:s3:::{bucket}/{each.decode()}"
            return
        yield "s3:ListBucket" if method == "GET" else f"s3:{method}Bucket", f"arn:aws:s3:::{bucket}"
        return
    source = unquote(environ.get("HTTP_X_AMZ_COPY_SOURCE", "")).lstrip("/")
    if source:
        yield "s3:GetObject", f"arn:aws:s3:::{source}"
    yield f"s3:{_of_object(method, query)}", f"arn:aws:s3:::{bucket}/{key}"


def _of_object(method: str, query: Mapping[str, Any]) -> str:
    match method:
        case "GET" if "uploadId" in query:
            return "ListMultipartUploadParts"
        case "GET" | "HEAD":
            return "GetObject"
        case "DELETE":
            return "AbortMultipartUpload" if "uploadId" in query else "DeleteObject"
        case "POST" if "restore" in query:
            return "RestoreObject"
    return "PutObject"
