-- What an organisation says to everybody, logged in or not: terms of use,
-- privacy notice, imprint. Nobody's consent refers to them: one replaces the
-- other.

CREATE TABLE public_texts (
    tenant BLOB NOT NULL,
    name   TEXT NOT NULL,    -- terms, privacy, imprint
    set_at INTEGER NOT NULL,
    de     TEXT NOT NULL,
    en     TEXT NOT NULL,
    PRIMARY KEY (tenant, name)
);
