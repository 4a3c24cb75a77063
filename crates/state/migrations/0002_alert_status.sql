-- The status of an alert's incident, kept with the alert: lists filter by it in the order of time, which no index over
-- two tables can serve.
ALTER TABLE alerts ADD COLUMN status TEXT NOT NULL DEFAULT 'new';
UPDATE alerts SET status = (SELECT i.status FROM incidents i WHERE i.id = alerts.incident);
CREATE INDEX alerts_by_status ON alerts (status, first_seen, id);
