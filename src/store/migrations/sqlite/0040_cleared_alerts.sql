-- What agents were warned of and was settled since: the next digest says so.
ALTER TABLE request ADD COLUMN alert_cleared INTEGER NOT NULL DEFAULT 0 CHECK (alert_cleared IN (0, 1));
CREATE INDEX request_by_clearance ON request (bureau) WHERE alert_cleared = 1;
