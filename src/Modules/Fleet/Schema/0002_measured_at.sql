-- Whoever joins Fleet's last position with the vehicle's own reports must know which is newer.
ALTER TABLE vehicles ADD COLUMN measured_at timestamptz;
UPDATE vehicles v SET measured_at = (
    SELECT max(CASE e.type WHEN 'lock_reported.v1' THEN (e.data->>'measuredAt')::timestamptz ELSE (e.data->>'at')::timestamptz END) FROM events e
    WHERE e.stream_id = v.id AND (e.type IN ('vehicle_registered.v1', 'vehicle_placed.v1') OR (e.type = 'lock_reported.v1' AND (e.data->>'newest')::boolean)));
ALTER TABLE vehicles ALTER COLUMN measured_at SET NOT NULL;
