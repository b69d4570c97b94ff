-- A room's calls may be marked, like VS-NfD: for certified devices alone.

ALTER TABLE rooms ADD COLUMN marking TEXT;
