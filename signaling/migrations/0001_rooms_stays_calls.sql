-- Identifiers and digests are raw bytes; times are milliseconds since the Unix
-- epoch; names of tables say who owns a row. Everything but `rooms` belongs to
-- a call or to those who wait for one, and is deleted with it.

CREATE TABLE rooms (
    id         BLOB PRIMARY KEY NOT NULL,
    host_key   BLOB NOT NULL,    -- SHA-256 of the host key
    suite      INTEGER NOT NULL, -- MLS ciphersuite
    created_at INTEGER NOT NULL
);

CREATE TABLE stays (
    participant BLOB PRIMARY KEY NOT NULL,
    room        BLOB NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    token       BLOB NOT NULL,    -- SHA-256 of the resume token
    host        INTEGER NOT NULL, -- 1: the host key was given
    key_package BLOB,             -- with tag and knocked_at: waits
    tag         BLOB,
    knocked_at  INTEGER,
    first_entry INTEGER           -- a member since this log entry
);

CREATE INDEX stays_of_a_room ON stays (room);

CREATE TABLE calls (
    room         BLOB PRIMARY KEY NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    epoch        INTEGER NOT NULL, -- the MLS epoch that runs
    active_epoch INTEGER NOT NULL, -- the epoch senders were last told to use
    mls_group    BLOB              -- known from the first commit on
);

CREATE TABLE log (
    room  BLOB NOT NULL REFERENCES calls (room) ON DELETE CASCADE,
    seq   INTEGER NOT NULL,
    event TEXT NOT NULL, -- as on the wire, with every welcome
    PRIMARY KEY (room, seq)
);

CREATE TABLE departed (
    room        BLOB NOT NULL REFERENCES calls (room) ON DELETE CASCADE,
    participant BLOB NOT NULL, -- left, and still in the MLS tree
    PRIMARY KEY (room, participant)
);
