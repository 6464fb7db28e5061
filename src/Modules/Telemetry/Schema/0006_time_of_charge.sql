-- Not every report tells of the battery: what the last one that did said may be older than what the vehicle said elsewhere.
ALTER TABLE last_reports ADD COLUMN charge_at timestamptz;
UPDATE last_reports SET charge_at = at WHERE charge IS NOT NULL;
