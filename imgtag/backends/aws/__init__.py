"""imgtag on AWS: S3, DynamoDB, SQS, Rekognition, SNS and OpenID Connect behind the ports."""

from typing import Final

from imgtag.backends import Backend
from imgtag.backends.aws.blobs import open_blobs
from imgtag.backends.aws.queue import open_queue

BACKENDS: Final = {
    "s3": Backend(blobs=open_blobs),
    "sqs": Backend(queue=open_queue),
}
