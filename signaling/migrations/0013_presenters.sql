-- In a room only hosts and those they make presenters may share a screen. Who is
-- one is of the stay, as who is a host.

ALTER TABLE rooms ADD COLUMN sharing TEXT NOT NULL DEFAULT 'all'; -- all, presenters
ALTER TABLE stays ADD COLUMN presenter INTEGER NOT NULL DEFAULT 0; -- 1: a host has made them one
