-- The zones that a report's place is in, in order of precedence, by the map that was known when it came; null when none was known.
ALTER TABLE history ADD COLUMN zones text[];
ALTER TABLE last_reports ADD COLUMN zones text[];
