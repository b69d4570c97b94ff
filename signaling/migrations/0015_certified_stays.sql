-- A certificate is for one stay of one device: what ends the device ends the
-- stay. It outlives the device's own row until that is done.

ALTER TABLE stays ADD COLUMN device BLOB; -- the device it has a certificate for
