-- A link may have a password. The guests' link and the host's are locked each
-- by its own wrong tries, so that nobody who has only the one locks the other.

ALTER TABLE rooms ADD COLUMN password BLOB; -- SHA-256 of what proves it
ALTER TABLE rooms ADD COLUMN guest_failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN host_failures INTEGER NOT NULL DEFAULT 0;
