-- A room may say how many people its calls are for at most. Consultations say
-- so in `people`.

ALTER TABLE rooms ADD COLUMN max_people INTEGER;
