-- Endpoints that an organisation's administrators register are told of events.
-- An event is written down for each of them in the transaction of the act, and
-- is gone once it was delivered.

CREATE TABLE webhooks (
    id            BLOB PRIMARY KEY NOT NULL,
    tenant        BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    url           TEXT NOT NULL,
    events        TEXT NOT NULL, -- their names, parted by spaces; none: all
    secret        BLOB NOT NULL, -- sealed with the server's key
    old_secret    BLOB,          -- the one before it, which signs as well
    old_until     INTEGER,       -- until then
    created_at    INTEGER NOT NULL,
    failing_since INTEGER,       -- the first of the failures in a row
    disabled_at   INTEGER
);

CREATE INDEX webhooks_of_a_tenant ON webhooks (tenant, created_at, id);

CREATE TABLE deliveries (
    webhook  BLOB NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event    BLOB NOT NULL,    -- random: what a receiver knows it again by
    body     TEXT NOT NULL,    -- as it is sent
    attempts INTEGER NOT NULL, -- that failed
    due_at   INTEGER NOT NULL, -- the next one
    dead_at  INTEGER,          -- given up
    PRIMARY KEY (webhook, event)
);

CREATE INDEX deliveries_that_are_due ON deliveries (due_at);
