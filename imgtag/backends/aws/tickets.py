"""Signed URLs: one that takes a photo's bytes, and one that hands them out."""

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from imgtag.backends.aws.places import Place
from imgtag.domain.errors import Invalid
from imgtag.ports import UploadTerms, UploadTicket
from imgtag.settings import Settings

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

# The longest that a signature of version 4 is good for.
LONGEST: Final = timedelta(days=7)
STORAGE_CLASS: Final = "INTELLIGENT_TIERING"


async def bound_ticket(
    s3: "S3Client", place: Place, terms: UploadTerms, *, size: int, lifetime: timedelta
) -> UploadTicket:
    """Sign a PUT of exactly *size* bytes, once, and of that SHA-256 where it is known."""
    arguments: dict[str, Any] = {
        **place.arguments,
        "ContentType": terms.content_type,
        "ContentLength": size,
        "IfNoneMatch": "*",
        "StorageClass": STORAGE_CLASS,
    }
    headers = {
        "Content-Type": terms.content_type,
        "If-None-Match": "*",
        "x-amz-storage-class": STORAGE_CLASS,
    }
    if terms.sha256:
        digest = base64.b64encode(bytes.fromhex(terms.sha256)).decode()
        arguments["ChecksumSHA256"] = headers["x-amz-checksum-sha256"] = digest
    url = await _signed(s3, "put_object", arguments, lifetime)
    return UploadTicket(url, "PUT", headers, terms.expires_at)


async def open_ticket(
    s3: "S3Client", place: Place, terms: UploadTerms, *, lifetime: timedelta
) -> UploadTicket:
    """Sign a PUT that needs no header but its content type, and so can't refuse a second one."""
    arguments = {**place.arguments, "ContentType": terms.content_type}
    url = await _signed(s3, "put_object", arguments, lifetime)
    return UploadTicket(url, "PUT", {"Content-Type": terms.content_type}, terms.expires_at)


async def download(s3: "S3Client", place: Place, shown: dict[str, str], lifetime: timedelta) -> str:
    """Sign a GET that answers with the headers *shown*, given by the names of S3's parameters."""
    arguments = {
        **place.arguments,
        "ResponseContentDisposition": shown["response-content-disposition"],
        "ResponseContentType": shown["response-content-type"],
    }
    return await _signed(s3, "get_object", arguments, lifetime)


def shown_as(file_name: str, content_type: str) -> dict[str, str]:
    """Set the name and type of a download, in the form of RFC 6266 and RFC 8187."""
    plain = re.sub(r'[^\x20-\x7e]|["\\%;]', "_", file_name)
    full = quote(file_name, safe="!#$&+-.^_`|~")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{full}"
    return {"response-content-disposition": disposition, "response-content-type": content_type}


async def _signed(
    s3: "S3Client", operation: str, arguments: dict[str, Any], lifetime: timedelta
) -> str:
    seconds = int(min(lifetime, LONGEST).total_seconds())
    return await s3.generate_presigned_url(operation, Params=arguments, ExpiresIn=max(1, seconds))


class CloudFront:
    """Signs URLs of a distribution in front of the buckets, good for as long as one likes."""

    def __init__(self, url: str, key_id: str, private_key_pem: str) -> None:
        key = load_pem_private_key(private_key_pem.encode(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise Invalid("IMGTAG_CLOUDFRONT_KEY is not an RSA key", code="invalid_setting")
        self._url = url.rstrip("/")
        # CloudFront defines SHA-1 for RSA signatures of URLs; the key pair is imgtag's own.
        sign = hashes.SHA1()  # noqa: S303
        self._signer = CloudFrontSigner(
            key_id, lambda message: key.sign(message, padding.PKCS1v15(), sign)
        )

    @classmethod
    def of(cls, settings: Settings) -> "CloudFront | None":
        """Make one where all three settings are there."""
        key = settings.cloudfront_key
        if not (settings.cloudfront_url and settings.cloudfront_key_id and key):
            return None
        return cls(settings.cloudfront_url, settings.cloudfront_key_id, key.get_secret_value())

    def download(self, place: Place, shown: dict[str, str], lifetime: timedelta) -> str:
        """Sign a GET, good for *lifetime* by the machine's clock."""
        url = f"{self._url}/{quote(place.key)}?{urlencode(shown)}"
        until = datetime.now(UTC) + lifetime
        return str(self._signer.generate_presigned_url(url, date_less_than=until))
