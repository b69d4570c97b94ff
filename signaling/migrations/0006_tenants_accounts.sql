-- Organisations stand above rooms. What there was before belongs to the first
-- of them, whose id is all zeros: who serves one organisation only need not
-- know that there could be several.

CREATE TABLE tenants (
    id               BLOB PRIMARY KEY NOT NULL,
    name             TEXT NOT NULL UNIQUE,
    created_at       INTEGER NOT NULL,
    max_rooms        INTEGER NOT NULL,
    max_participants INTEGER NOT NULL, -- members of one call
    max_accounts     INTEGER NOT NULL
);

INSERT INTO tenants (id, name, created_at, max_rooms, max_participants, max_accounts)
VALUES (x'00000000000000000000000000000000', 'default', 0, 10000, 100, 10000);

ALTER TABLE rooms ADD COLUMN tenant BLOB NOT NULL DEFAULT x'00000000000000000000000000000000';
ALTER TABLE rooms ADD COLUMN title TEXT; -- for the lists of its organisation

CREATE INDEX rooms_of_a_tenant ON rooms (tenant, created_at, id);

CREATE TABLE accounts (
    id          BLOB PRIMARY KEY NOT NULL,
    tenant      BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    login       TEXT NOT NULL, -- in lower case
    name        TEXT NOT NULL, -- as people read it
    role        TEXT NOT NULL, -- host, presenter, member, assistant, admin
    password    TEXT,          -- Argon2id, as a PHC string
    created_at  INTEGER NOT NULL,
    disabled_at INTEGER,
    UNIQUE (tenant, login)
);

CREATE TABLE sessions (
    token        BLOB PRIMARY KEY NOT NULL, -- SHA-256 of it
    account      BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    last_used_at INTEGER NOT NULL,
    ends_at      INTEGER NOT NULL, -- however much it is used
    factor       INTEGER NOT NULL  -- 1: a second factor was given, too
);

CREATE INDEX sessions_of_an_account ON sessions (account);

CREATE TABLE factors (
    account   BLOB PRIMARY KEY NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    secret    BLOB NOT NULL,    -- sealed with the server's key
    confirmed INTEGER NOT NULL, -- 1: a code of it was given
    last_step INTEGER NOT NULL  -- codes of this time step and earlier ones are spent
);

CREATE TABLE backup_codes (
    account BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    digest  BLOB NOT NULL, -- HMAC-SHA256 under the server's key
    PRIMARY KEY (account, digest)
);
