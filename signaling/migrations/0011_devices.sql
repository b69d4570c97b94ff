-- Each organisation vouches for its people's devices.

CREATE TABLE roots (
    tenant      BLOB PRIMARY KEY NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    certificate BLOB NOT NULL, -- X.509, self-signed
    key         BLOB NOT NULL, -- PKCS #8, sealed with the server's key
    created_at  INTEGER NOT NULL
);

CREATE TABLE devices (
    id              BLOB PRIMARY KEY NOT NULL,
    account         BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name            TEXT NOT NULL, -- as its person knows it
    created_at      INTEGER NOT NULL,
    certified_until INTEGER        -- end of the last certificate
);

CREATE INDEX devices_of_an_account ON devices (account, created_at, id);

ALTER TABLE sessions ADD COLUMN device BLOB; -- on which it is, once it said so
