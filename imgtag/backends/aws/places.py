"""Where on S3 a blob lies. Keys hold ids only, and begin with what a bucket's rules are set by."""

from dataclasses import dataclass
from typing import Final, TypedDict

from imgtag.domain.errors import NotFound
from imgtag.domain.keys import BlobKey, BlobKind
from imgtag.settings import Settings

INCOMING: Final = "incoming"


class Where(TypedDict):
    """A place, as boto's calls take it."""

    Bucket: str
    Key: str


@dataclass(frozen=True, slots=True)
class Place:
    """One object: its bucket and its key."""

    bucket: str
    key: str

    @property
    def arguments(self) -> Where:
        """As boto's calls take it."""
        return {"Bucket": self.bucket, "Key": self.key}


@dataclass(frozen=True, slots=True)
class Places:
    """Two buckets: *photos*, and *working* for archives, which expire by themselves."""

    photos: str
    working: str

    @classmethod
    def of(cls, settings: Settings) -> "Places":
        """Read the buckets' names."""
        return cls(settings.s3_bucket, settings.s3_working_bucket)

    def of_blob(self, key: BlobKey) -> Place:
        """Tell where a blob lies."""
        bucket = self.working if key.kind is BlobKind.ARCHIVE else self.photos
        return Place(bucket, str(key))

    def incoming(self, key: BlobKey) -> Place:
        """Tell where an original arrives whose URL can't refuse a second upload."""
        return Place(self.photos, f"{INCOMING}/{key.owner}/{key.name}")


def original_of(s3_key: str) -> BlobKey:
    """Read which original an S3 key means, arrived or incoming. Others raise `NotFound`."""
    head, _, rest = s3_key.partition("/")
    if head == INCOMING:
        return BlobKey.parse(f"{BlobKind.ORIGINAL}/{rest}")
    key = BlobKey.parse(s3_key)
    if key.kind is not BlobKind.ORIGINAL:
        raise NotFound("not the key of an original")
    return key
