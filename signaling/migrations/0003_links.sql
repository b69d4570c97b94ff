-- Guests may come each by a link of their own, with a slot. A link says nothing
-- of who has it; a stay knows by which link it came for as long as it lasts.

ALTER TABLE rooms ADD COLUMN scheduled INTEGER NOT NULL DEFAULT 0; -- 1: guests come by links of their own

CREATE TABLE links (
    room      BLOB NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    id        BLOB NOT NULL,
    opens_at  INTEGER NOT NULL,
    closes_at INTEGER NOT NULL,
    uses      TEXT NOT NULL, -- once, series
    stage     TEXT NOT NULL, -- active, in-use, used, revoked
    failures  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (room, id)
);

ALTER TABLE stays ADD COLUMN link BLOB;
