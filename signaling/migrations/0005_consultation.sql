-- Calls of a room may be consultations: for few people, who are told the host's
-- name as whoever made the room gave it.

ALTER TABLE rooms ADD COLUMN people INTEGER; -- 2 to 9: a consultation
ALTER TABLE rooms ADD COLUMN host_name TEXT;
