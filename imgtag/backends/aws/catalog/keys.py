"""The keys of the catalog's table: what lies together, and in which order.

=================  =====================  ===================  =============================
what               pk                     sk                   attributes
=================  =====================  ===================  =============================
an owner           ``OWNERS``             owner                shards
a photo            ``T#o#P#photo``        ``-``                doc, gen, op, since
who has bytes      ``T#o#H#sha256``       ``-``                photo, before
the library        ``T#o#A#s``            shown time#photo     ck, d, st, nl, fn
awaiting           ``T#o#W#s``            the same             the same
the trash          ``T#o#X#s``            the same             the same
carriers of label  ``T#o#L#label#s``      shown time#photo     ck, d
counts             ``T#o#C#s``            ``L#label``, tally   n, nm; one number per state
spellings          ``T#o#N``              label                nm
what is due        ``DUE#kind#n``         time#owner#photo
=================  =====================  ===================  =============================

*ck* is created time#photo, the sort key of the local index ``created``. *s* is a photo's shard, a
function of its id alone, so that whatever is known of a photo lies in partitions of one number.
"""

import hashlib
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from imgtag.backends.aws.table import Key
from imgtag.domain.ids import OwnerId, PhotoId

OWNERS: Final = "OWNERS"
CREATED_INDEX: Final = "created"
TALLY: Final = "tally"
DUE_PARTITIONS: Final = 8
_ONLY: Final = "-"
_EPOCH: Final = datetime(1, 1, 1, tzinfo=UTC)
# A key has at most 2,048 and 1,024 bytes; folding can make a label longer than that.
_LONGEST_LABEL_BYTES: Final = 400


def moment(time: datetime) -> str:
    """Write a time so that text sorts as time does: microseconds since the year 1, 18 digits."""
    return f"{(time - _EPOCH) // timedelta(microseconds=1):018d}"


def time_of(text: str) -> datetime:
    """Read what `moment` wrote."""
    return _EPOCH + timedelta(microseconds=int(text))


def place(time: datetime, photo: PhotoId) -> str:
    """Write the sort key of a photo under *time*."""
    return f"{moment(time)}#{photo}"


def place_of(text: str) -> tuple[datetime, PhotoId]:
    """Read what `place` wrote."""
    time, _, photo = text.partition("#")
    return time_of(time), PhotoId(photo)


def label_key(folded: str) -> str:
    """Make a key of a folded label; one too long for that is named by its hash."""
    if len(folded.encode()) <= _LONGEST_LABEL_BYTES:
        return f"={folded}"
    return f"~{hashlib.sha256(folded.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one owner, whose photos are spread over *shards* partitions."""

    owner: OwnerId
    shards: int

    def shard_of(self, photo: PhotoId) -> int:
        """Tell where everything about *photo* lies."""
        return zlib.crc32(photo.encode()) % self.shards

    def photo(self, photo: PhotoId) -> Key:
        """Where a photo's document is."""
        return f"T#{self.owner}#P#{photo}", _ONLY

    def content(self, sha256: str) -> Key:
        """Where it says which photo has these bytes."""
        return f"T#{self.owner}#H#{sha256}", _ONLY

    def listed(self, kind: str, shard: int) -> str:
        """The partition of photos in the library, awaiting, or in the trash."""
        return f"T#{self.owner}#{kind}#{shard}"

    def carriers(self, folded: str, shard: int) -> str:
        """The partition of the photos that carry a label."""
        return f"T#{self.owner}#L#{label_key(folded)}#{shard}"

    def counts(self, shard: int) -> str:
        """The partition of counts: the directory of labels, and the tally."""
        return f"T#{self.owner}#C#{shard}"

    def count(self, folded: str, shard: int) -> Key:
        """Where a label is counted."""
        return self.counts(shard), f"L#{label_key(folded)}"

    def tally(self, shard: int) -> Key:
        """Where states are counted."""
        return self.counts(shard), TALLY

    def spelling(self, folded: str) -> Key:
        """Where it says how the owner spelled a label first."""
        return f"T#{self.owner}#N", label_key(folded)

    def due(self, kind: str, time: datetime, photo: PhotoId) -> Key:
        """Where the sweeper finds a photo by how long it stands like this."""
        number = zlib.crc32(photo.encode()) % DUE_PARTITIONS
        return f"DUE#{kind}#{number}", f"{moment(time)}#{self.owner}#{photo}"
