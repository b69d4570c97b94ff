-- Answers to requests that make something and came with an Idempotency-Key, so
-- that a program which got none can ask again.

CREATE TABLE answers (
    id      BLOB PRIMARY KEY NOT NULL, -- SHA-256 of who asked, for what, with which key
    account BLOB REFERENCES accounts (id) ON DELETE CASCADE, -- who asked; none: the operator
    request BLOB NOT NULL,             -- SHA-256 of it
    answer  BLOB,                      -- sealed with the server's key; none yet: it is being made
    at      INTEGER NOT NULL
);

CREATE INDEX answers_of_an_account ON answers (account);
CREATE INDEX answers_by_age ON answers (at);
