-- An organisation's directory makes and ends the accounts of its provider by
-- SCIM 2.0.

CREATE TABLE directories (
    tenant     BLOB PRIMARY KEY NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    token      BLOB NOT NULL UNIQUE, -- SHA-256 of it
    created_at INTEGER NOT NULL
);

ALTER TABLE accounts ADD COLUMN external_id TEXT; -- what the directory calls it
