"""A Rekognition that says what it is told to, and refuses what the real one refuses."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

LABELS: list[dict[str, Any]] = [
    {
        "Name": "Dog",
        "Confidence": 97.49871826171875,
        "Parents": [{"Name": "Animal"}, {"Name": "Pet"}],
        "Instances": [
            {
                "BoundingBox": {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4},
                "Confidence": 97.5,
            }
        ],
        "Categories": [{"Name": "Animals and Pets"}],
    },
    {"Name": "Pet", "Confidence": 97.5, "Parents": [{"Name": "Animal"}], "Instances": []},
    {"Name": "Animal", "Confidence": 98.0, "Parents": [], "Instances": []},
]


@dataclass
class FakeRekognition:
    """Answers `DetectLabels`; *errors* are given first, and *asked* keeps every request."""

    objects: dict[str, bytes] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one call."""
        body = json.loads(await request.read())
        self.asked.append(body)
        if self.errors:
            return _refused(self.errors.pop(0))
        image = body["Image"]
        if "S3Object" in image:
            content = self.objects.get(image["S3Object"]["Name"])
            if content is None:
                return _refused("InvalidS3ObjectException")
        else:
            content = base64.b64decode(image["Bytes"])
        if not content.startswith((b"\xff\xd8\xff", b"\x89PNG")):
            return _refused("InvalidImageFormatException")
        told = {"Labels": LABELS, "LabelModelVersion": "3.0"}
        return web.json_response(told, content_type="application/x-amz-json-1.1")


def _refused(code: str) -> web.Response:
    return web.json_response(
        {"__type": code, "Message": "no"}, status=400, content_type="application/x-amz-json-1.1"
    )


@asynccontextmanager
async def serving(fake: FakeRekognition) -> AsyncIterator[str]:
    """Serve it on loopback and give its URL."""
    app = web.Application(client_max_size=10 * 1024 * 1024)
    app.router.add_post("/", fake.answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")
