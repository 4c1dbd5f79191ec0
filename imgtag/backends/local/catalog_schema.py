"""The tables of the catalog, which keep its counts true by themselves.

``photos`` and ``photo_labels`` are what is known. Everything else follows from them by trigger, in
the same transaction: on which shelf a photo stands (``shelf_shown`` and ``shelf_created``, one
entry for each label of each photo in the library, in the two orders that people ask for), how many
photos a label has, how many are in each state. So a count is always the size of a set.
"""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Final

from imgtag.backends.local.schema import Component

_TABLES: Final = """
CREATE TABLE owners (
    owner INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE photos (
    photo INTEGER PRIMARY KEY,
    owner INTEGER NOT NULL REFERENCES owners,
    id TEXT NOT NULL,
    file_name TEXT NOT NULL,
    folded_name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('awaiting', 'stored', 'labelled', 'failed')),
    since INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    taken_at INTEGER,
    trashed_at INTEGER,
    content_type TEXT,
    size INTEGER,
    sha256 TEXT,
    crc32 INTEGER,
    width INTEGER,
    height INTEGER,
    failure_code TEXT,
    failure_detail TEXT,
    bare INTEGER NOT NULL DEFAULT 1,
    shown_at INTEGER NOT NULL AS (coalesce(taken_at, created_at)) STORED,
    place TEXT NOT NULL AS (CASE WHEN trashed_at IS NULL THEN state ELSE 'trashed' END) STORED,
    live INTEGER NOT NULL AS (trashed_at IS NULL AND state <> 'awaiting') STORED,
    UNIQUE (owner, id)
) STRICT;
CREATE INDEX photos_shown ON photos (owner, shown_at, id) WHERE live;
CREATE INDEX photos_created ON photos (owner, created_at, id) WHERE live;
CREATE INDEX photos_bare ON photos (owner, shown_at, id) WHERE live AND bare;
CREATE INDEX photos_elsewhere ON photos (owner, place, shown_at, id) WHERE place <> 'labelled';
CREATE INDEX photos_stuck ON photos (since) WHERE state IN ('awaiting', 'stored');
CREATE INDEX photos_trashed ON photos (trashed_at) WHERE trashed_at IS NOT NULL;
CREATE UNIQUE INDEX photos_content ON photos (owner, sha256) WHERE state <> 'awaiting';
CREATE INDEX photos_promised ON photos (owner, sha256)
    WHERE state = 'awaiting' AND sha256 IS NOT NULL;

CREATE TABLE aliases (
    owner INTEGER NOT NULL REFERENCES owners,
    id TEXT NOT NULL,
    photo INTEGER NOT NULL REFERENCES photos ON DELETE CASCADE,
    PRIMARY KEY (owner, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_of_photo ON aliases (photo);

CREATE TABLE labels (
    label INTEGER PRIMARY KEY,
    owner INTEGER NOT NULL REFERENCES owners,
    folded TEXT NOT NULL,
    name TEXT NOT NULL,
    photos INTEGER NOT NULL DEFAULT 0 CHECK (photos >= 0),
    UNIQUE (owner, folded)
) STRICT;

-- Where labels come from: few values that very many rows share.
CREATE TABLE origins (
    origin INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    parents TEXT NOT NULL,
    UNIQUE (model, parents)
) STRICT;

CREATE TABLE photo_labels (
    photo INTEGER NOT NULL REFERENCES photos,
    label INTEGER NOT NULL REFERENCES labels,
    source TEXT NOT NULL CHECK (source IN ('machine', 'user', 'removed')),
    confidence REAL NOT NULL,
    origin INTEGER NOT NULL REFERENCES origins,
    boxes TEXT,
    PRIMARY KEY (photo, label)
) STRICT, WITHOUT ROWID;

CREATE TABLE shelf_shown (
    label INTEGER NOT NULL,
    at INTEGER NOT NULL,
    id TEXT NOT NULL,
    photo INTEGER NOT NULL,
    PRIMARY KEY (label, at, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE shelf_created (
    label INTEGER NOT NULL,
    at INTEGER NOT NULL,
    id TEXT NOT NULL,
    photo INTEGER NOT NULL,
    PRIMARY KEY (label, at, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tallies (
    owner INTEGER NOT NULL,
    place TEXT NOT NULL,
    photos INTEGER NOT NULL CHECK (photos >= 0),
    PRIMARY KEY (owner, place)
) STRICT, WITHOUT ROWID;
"""

_TRIGGERS: Final = """
CREATE TRIGGER label_added AFTER INSERT ON photo_labels WHEN NEW.source <> 'removed' BEGIN
    UPDATE photos SET bare = 0 WHERE photo = NEW.photo AND bare;
    INSERT INTO shelf_shown
        SELECT NEW.label, shown_at, id, photo FROM photos WHERE photo = NEW.photo AND live;
    INSERT INTO shelf_created
        SELECT NEW.label, created_at, id, photo FROM photos WHERE photo = NEW.photo AND live;
END;

CREATE TRIGGER label_taken AFTER DELETE ON photo_labels WHEN OLD.source <> 'removed' BEGIN
    DELETE FROM shelf_shown WHERE label = OLD.label
        AND (at, id) = (SELECT shown_at, id FROM photos WHERE photo = OLD.photo);
    DELETE FROM shelf_created WHERE label = OLD.label
        AND (at, id) = (SELECT created_at, id FROM photos WHERE photo = OLD.photo);
    UPDATE photos SET bare = 1 WHERE photo = OLD.photo AND NOT EXISTS (
        SELECT 1 FROM photo_labels WHERE photo = OLD.photo AND source <> 'removed');
END;

CREATE TRIGGER label_rewritten BEFORE UPDATE ON photo_labels BEGIN
    SELECT raise(ABORT, 'labels are taken away and added, never rewritten');
END;

CREATE TRIGGER photo_moved AFTER UPDATE OF state, taken_at, trashed_at ON photos
WHEN OLD.live <> NEW.live OR OLD.shown_at <> NEW.shown_at BEGIN
    DELETE FROM shelf_shown WHERE at = OLD.shown_at AND id = OLD.id
        AND label IN (SELECT label FROM photo_labels WHERE photo = OLD.photo);
    DELETE FROM shelf_created WHERE at = OLD.created_at AND id = OLD.id
        AND label IN (SELECT label FROM photo_labels WHERE photo = OLD.photo);
    INSERT INTO shelf_shown SELECT label, NEW.shown_at, NEW.id, NEW.photo
        FROM photo_labels WHERE photo = NEW.photo AND source <> 'removed' AND NEW.live;
    INSERT INTO shelf_created SELECT label, NEW.created_at, NEW.id, NEW.photo
        FROM photo_labels WHERE photo = NEW.photo AND source <> 'removed' AND NEW.live;
END;

CREATE TRIGGER photo_leaving BEFORE DELETE ON photos BEGIN
    DELETE FROM photo_labels WHERE photo = OLD.photo;
END;

CREATE TRIGGER shelved AFTER INSERT ON shelf_shown BEGIN
    UPDATE labels SET photos = photos + 1 WHERE label = NEW.label;
END;
CREATE TRIGGER unshelved AFTER DELETE ON shelf_shown BEGIN
    UPDATE labels SET photos = photos - 1 WHERE label = OLD.label;
END;

CREATE TRIGGER tally_added AFTER INSERT ON photos BEGIN
    INSERT INTO tallies VALUES (NEW.owner, NEW.place, 1)
        ON CONFLICT DO UPDATE SET photos = photos + 1;
END;
CREATE TRIGGER tally_moved AFTER UPDATE OF state, trashed_at ON photos
WHEN OLD.place <> NEW.place BEGIN
    UPDATE tallies SET photos = photos - 1 WHERE owner = OLD.owner AND place = OLD.place;
    INSERT INTO tallies VALUES (NEW.owner, NEW.place, 1)
        ON CONFLICT DO UPDATE SET photos = photos + 1;
END;
CREATE TRIGGER tally_gone AFTER DELETE ON photos BEGIN
    UPDATE tallies SET photos = photos - 1 WHERE owner = OLD.owner AND place = OLD.place;
END;
"""

# Two of 63 bits for each label. A photo's marks have those of all its labels and, perhaps, of some
# that it has no more: without the marks of a label it hasn't that label, with them it may have it.
# Each entry on a shelf repeats its photo's. Where they are not known, all are set.
_BITS: Final = "((1 << (NEW.label % 61)) | (1 << (62 - NEW.label % 59)))"
_MARKS: Final = f"""
ALTER TABLE photos ADD COLUMN marks INTEGER NOT NULL DEFAULT -1;
ALTER TABLE shelf_shown ADD COLUMN marks INTEGER NOT NULL DEFAULT -1;
ALTER TABLE shelf_created ADD COLUMN marks INTEGER NOT NULL DEFAULT -1;

CREATE TRIGGER photo_marked AFTER UPDATE OF marks ON photos WHEN OLD.marks <> NEW.marks BEGIN
    UPDATE shelf_shown SET marks = NEW.marks WHERE at = NEW.shown_at AND id = NEW.id
        AND label IN (SELECT label FROM photo_labels WHERE photo = NEW.photo);
    UPDATE shelf_created SET marks = NEW.marks WHERE at = NEW.created_at AND id = NEW.id
        AND label IN (SELECT label FROM photo_labels WHERE photo = NEW.photo);
END;

DROP TRIGGER label_added;
CREATE TRIGGER label_added AFTER INSERT ON photo_labels WHEN NEW.source <> 'removed' BEGIN
    UPDATE photos SET bare = 0, marks = marks | {_BITS}
        WHERE photo = NEW.photo AND (bare OR marks & {_BITS} <> {_BITS});
    INSERT INTO shelf_shown
        SELECT NEW.label, shown_at, id, photo, marks FROM photos WHERE photo = NEW.photo AND live;
    INSERT INTO shelf_created
        SELECT NEW.label, created_at, id, photo, marks FROM photos WHERE photo = NEW.photo AND live;
END;

DROP TRIGGER photo_moved;
CREATE TRIGGER photo_moved AFTER UPDATE OF state, taken_at, trashed_at ON photos
WHEN OLD.live <> NEW.live OR OLD.shown_at <> NEW.shown_at BEGIN
    DELETE FROM shelf_shown WHERE at = OLD.shown_at AND id = OLD.id
        AND label IN (SELECT label FROM photo_labels WHERE photo = OLD.photo);
    DELETE FROM shelf_created WHERE at = OLD.created_at AND id = OLD.id
        AND label IN (SELECT label FROM photo_labels WHERE photo = OLD.photo);
    INSERT INTO shelf_shown SELECT label, NEW.shown_at, NEW.id, NEW.photo, NEW.marks
        FROM photo_labels WHERE photo = NEW.photo AND source <> 'removed' AND NEW.live;
    INSERT INTO shelf_created SELECT label, NEW.created_at, NEW.id, NEW.photo, NEW.marks
        FROM photo_labels WHERE photo = NEW.photo AND source <> 'removed' AND NEW.live;
END;
"""  # noqa: S608 - put together from constants


def marks(labels: Iterable[int]) -> int:
    """Give the marks of *labels*, by number."""
    return reduce(or_, (1 << label % 61 | 1 << 62 - label % 59 for label in labels), 0)


CATALOG: Final = Component("catalog", (_TABLES + _TRIGGERS, _MARKS))
