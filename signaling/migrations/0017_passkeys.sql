-- People with an account of this server may log in with passkeys (WebAuthn).

CREATE TABLE passkeys (
    id         BLOB PRIMARY KEY NOT NULL,
    account    BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name       TEXT NOT NULL, -- as its person knows it
    credential BLOB NOT NULL, -- what the authenticator calls it
    record     TEXT NOT NULL, -- JSON: its public key, its counter, how it is kept
    created_at INTEGER NOT NULL,
    used_at    INTEGER        -- when the last login with it began: none that began earlier counts
);

CREATE UNIQUE INDEX passkeys_by_credential ON passkeys (credential);
CREATE INDEX passkeys_of_an_account ON passkeys (account, created_at, id);
