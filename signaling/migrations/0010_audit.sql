-- What is done to an organisation, and by whom: accounts and the operator, no
-- guest, no call. Each line is bound to the one before it by its digest; the
-- ends stay known when the oldest lines are forgotten.

CREATE TABLE audit (
    tenant BLOB NOT NULL,    -- all ones: what is done to organisations
    seq    INTEGER NOT NULL, -- from 1, without a gap
    at     INTEGER NOT NULL,
    actor  BLOB,             -- whose account; NULL: the operator
    act    TEXT NOT NULL,
    object BLOB,             -- an identifier
    detail TEXT,             -- the version of texts
    digest BLOB NOT NULL,
    PRIMARY KEY (tenant, seq)
);

CREATE TABLE audit_ends (
    tenant       BLOB PRIMARY KEY NOT NULL,
    first_seq    INTEGER NOT NULL, -- the oldest line that is kept
    before_first BLOB NOT NULL,    -- the digest of the line before it
    last_seq     INTEGER NOT NULL,
    last_digest  BLOB NOT NULL
);
