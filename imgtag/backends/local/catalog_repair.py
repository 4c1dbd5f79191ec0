"""Counting afresh, for `doctor`."""

from collections.abc import Mapping
from typing import Final

import apsw

from imgtag.domain.ids import OwnerId

_RECOUNT: Final = """
SELECT folded, count(*) FROM photo_labels
CROSS JOIN photos USING (photo) CROSS JOIN labels USING (label)
WHERE photos.owner = (SELECT owner FROM owners WHERE name = ?) AND live AND source <> 'removed'
GROUP BY label
"""
_REPAIR: Final = """
DELETE FROM shelf_shown WHERE label IN (SELECT label FROM labels WHERE owner = :owner);
DELETE FROM shelf_created WHERE label IN (SELECT label FROM labels WHERE owner = :owner);
INSERT INTO shelf_shown SELECT label, shown_at, id, photo
    FROM photos CROSS JOIN photo_labels USING (photo)
    WHERE owner = :owner AND live AND source <> 'removed';
INSERT INTO shelf_created SELECT label, created_at, id, photo
    FROM photos CROSS JOIN photo_labels USING (photo)
    WHERE owner = :owner AND live AND source <> 'removed';
UPDATE labels SET photos = (SELECT count(*) FROM shelf_shown WHERE label = labels.label)
    WHERE owner = :owner;
UPDATE photos SET bare = NOT EXISTS (
        SELECT 1 FROM photo_labels WHERE photo = photos.photo AND source <> 'removed')
    WHERE owner = :owner;
DELETE FROM tallies WHERE owner = :owner;
INSERT INTO tallies SELECT owner, place, count(*) FROM photos WHERE owner = :owner GROUP BY place;
"""


def recount(db: apsw.Connection, owner: OwnerId) -> Mapping[str, int]:
    """Count labels from the photos themselves: folded name to number."""
    return dict(db.execute(_RECOUNT, (owner,)).fetchall())


def repair(db: apsw.Connection, owner: OwnerId) -> None:
    """Put every photo of *owner* on its shelves anew, and count them."""
    row = db.execute("SELECT owner FROM owners WHERE name = ?", (owner,)).fetchone()
    if row:
        # The triggers count along, so a count that is far off must not fall below nothing.
        db.execute("UPDATE labels SET photos = 1 << 40 WHERE owner = ?", row)
        db.execute(_REPAIR, {"owner": row[0]})
