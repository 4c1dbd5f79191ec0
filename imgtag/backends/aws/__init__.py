"""imgtag on AWS: S3, DynamoDB, SQS, Rekognition, SNS and OpenID Connect behind the ports."""

from typing import Final

from imgtag.backends import Backend
from imgtag.backends.aws.blobs import open_blobs

BACKENDS: Final = {
    "s3": Backend(blobs=open_blobs),
}
