"""imgtag on AWS: S3, DynamoDB, SQS, Rekognition and SNS behind the ports."""

from typing import Final

from imgtag.backends import Backend
from imgtag.backends.aws.blobs import open_blobs
from imgtag.backends.aws.catalog import open_catalog
from imgtag.backends.aws.jobs.bundles import open_bundles
from imgtag.backends.aws.jobs.imports import open_imports
from imgtag.backends.aws.parameters import load_parameters
from imgtag.backends.aws.queue import open_queue
from imgtag.backends.aws.records import open_records
from imgtag.backends.aws.rekognition import open_labeler
from imgtag.backends.aws.sns import open_notifier
from imgtag.backends.aws.sources import open_source
from imgtag.backends.aws.waker import open_waker

_JOBS: Final = ("dynamodb_jobs",)
BACKENDS: Final = {
    "s3": Backend(
        blobs=open_blobs,
        source=open_source,
        needs={"blobs": ("s3_bucket", "s3_working_bucket")},
    ),
    "dynamodb": Backend(
        catalog=open_catalog,
        bundles=open_bundles,
        imports=open_imports,
        records=open_records,
        needs={"catalog": ("dynamodb_catalog",), "bundles": _JOBS},
    ),
    "ecs": Backend(waker=open_waker),
    "ssm": Backend(parameters=load_parameters),
    "rekognition": Backend(labeler=open_labeler, needs={"labeler": _JOBS}),
    "sns": Backend(notifier=open_notifier, needs={"notifier": ("sns_topic", "public_url")}),
    "sqs": Backend(queue=open_queue, needs={"queue": ("sqs_photos", "sqs_bundles")}),
}
