-- A link may open only once its guest has consented. What is kept of that is
-- the version and language of the text, when and how: no name. It goes with the
-- link. Stages before active: draft, consent; after a withdrawal: withdrawn.

ALTER TABLE links ADD COLUMN consent_version INTEGER;
ALTER TABLE links ADD COLUMN consent_language TEXT; -- de, en
ALTER TABLE links ADD COLUMN consent_at INTEGER;
ALTER TABLE links ADD COLUMN consent_way TEXT;      -- page, mail

-- What guests consent to, and the privacy notice beside it. A version is never
-- changed: consents refer to it.
CREATE TABLE consent_texts (
    tenant     BLOB NOT NULL,
    version    INTEGER NOT NULL, -- from 1
    made_at    INTEGER NOT NULL,
    notice_de  TEXT NOT NULL,
    consent_de TEXT NOT NULL,
    notice_en  TEXT NOT NULL,
    consent_en TEXT NOT NULL,
    PRIMARY KEY (tenant, version)
);
