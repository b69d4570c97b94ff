-- A host may lock the room while a call runs.

ALTER TABLE calls ADD COLUMN locked INTEGER NOT NULL DEFAULT 0; -- 1: nobody but hosts enters
