-- A marked room's calls may be for some of the organisation's people alone. The
-- list may be empty, as when all of them have left: then nobody takes part.

ALTER TABLE rooms ADD COLUMN listed INTEGER NOT NULL DEFAULT 0; -- whether there is a list

CREATE TABLE listed (
    room    BLOB NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    account BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (room, account)
);
