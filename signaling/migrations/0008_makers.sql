-- A link ends with the account that made it. Of its maker it knows no more than
-- which account that is, and forgets it with the account.

ALTER TABLE links ADD COLUMN maker BLOB REFERENCES accounts (id) ON DELETE SET NULL;

CREATE INDEX links_of_a_maker ON links (maker);
