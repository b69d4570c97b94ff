-- An organisation's people may log in by its OpenID Connect provider. Their
-- accounts are known by what the provider calls them, and have no password.

CREATE TABLE providers (
    tenant       BLOB PRIMARY KEY NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    name         TEXT NOT NULL, -- as people read it on the login page
    issuer       TEXT NOT NULL,
    client_id    TEXT NOT NULL,
    secret       BLOB NOT NULL, -- sealed with the server's key
    scopes       TEXT NOT NULL, -- asked for besides, parted by spaces
    groups_claim TEXT NOT NULL,
    roles        TEXT NOT NULL, -- JSON: which group gives which role
    ca           TEXT           -- PEM: trusted besides the system's
);

ALTER TABLE accounts ADD COLUMN issuer TEXT;  -- the provider that knows it
ALTER TABLE accounts ADD COLUMN subject TEXT; -- what that provider calls it

CREATE UNIQUE INDEX accounts_of_providers ON accounts (tenant, issuer, subject);
