-- The hub's first schema. Only SQL that SQLite and PostgreSQL both understand: TEXT and BIGINT columns, JSON as text,
-- times as nanoseconds since the Unix epoch, severities as ranks (0 Unknown … 5 Critical), flags as 0 or 1.

-- Alerts. What lists need stands in columns; the record as it came stands apart, so that scans stay dense.
CREATE TABLE alerts (
    id TEXT NOT NULL PRIMARY KEY,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    count BIGINT NOT NULL,
    cluster TEXT NOT NULL,
    node TEXT NOT NULL,
    namespace TEXT NOT NULL,
    alert_key TEXT NOT NULL,
    rule TEXT,
    title TEXT NOT NULL,
    severity BIGINT NOT NULL,
    tactics TEXT NOT NULL,
    scope TEXT NOT NULL,
    output TEXT NOT NULL,
    process_name TEXT NOT NULL,
    incident TEXT NOT NULL,
    search TEXT NOT NULL
);
CREATE INDEX alerts_by_time ON alerts (first_seen, id);
CREATE INDEX alerts_by_severity ON alerts (severity, first_seen, id);
CREATE INDEX alerts_by_key ON alerts (alert_key, first_seen, id);
CREATE INDEX alerts_by_cluster ON alerts (cluster, first_seen, id);
CREATE INDEX alerts_by_incident ON alerts (incident, first_seen, id);
CREATE TABLE alert_records (
    id TEXT NOT NULL PRIMARY KEY,
    record TEXT NOT NULL
);

-- Incidents: one per causal root within a window.
CREATE TABLE incidents (
    id TEXT NOT NULL PRIMARY KEY,
    created BIGINT NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    cluster TEXT NOT NULL,
    root_key TEXT NOT NULL,
    root TEXT NOT NULL,
    title TEXT NOT NULL,
    severity BIGINT NOT NULL,
    status TEXT NOT NULL,
    owner TEXT,
    alerts BIGINT NOT NULL,
    scope TEXT NOT NULL,
    closed BIGINT,
    search TEXT NOT NULL
);
CREATE INDEX incidents_by_root ON incidents (cluster, root_key, created);
CREATE INDEX incidents_by_time ON incidents (created, id);
CREATE INDEX incidents_by_status ON incidents (status, created, id);
CREATE TABLE incident_changes (
    id TEXT NOT NULL PRIMARY KEY,
    incident TEXT NOT NULL,
    time BIGINT NOT NULL,
    actor TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX incident_changes_by_incident ON incident_changes (incident, time);

-- What arrived: acknowledged up to where, and ranges that are durable beyond a hole (JSON array of pairs).
CREATE TABLE streams (
    cluster TEXT NOT NULL,
    node TEXT NOT NULL,
    program TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    stream TEXT NOT NULL,
    version TEXT NOT NULL,
    acked BIGINT NOT NULL,
    beyond TEXT NOT NULL,
    records BIGINT NOT NULL,
    counters TEXT NOT NULL,
    first_batch BIGINT NOT NULL,
    last_batch BIGINT NOT NULL,
    PRIMARY KEY (cluster, node, program, boot_id, stream)
);
CREATE TABLE gaps (
    id TEXT NOT NULL PRIMARY KEY,
    recorded BIGINT NOT NULL,
    cluster TEXT NOT NULL,
    node TEXT NOT NULL,
    program TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    stream TEXT NOT NULL,
    from_seq BIGINT NOT NULL,
    to_seq BIGINT NOT NULL,
    cause TEXT NOT NULL,
    source TEXT NOT NULL
);
CREATE INDEX gaps_by_time ON gaps (recorded, id);
CREATE INDEX gaps_by_stream ON gaps (cluster, node, program, boot_id, stream, source);

-- Who sends, and what they say they see.
CREATE TABLE nodes (
    cluster TEXT NOT NULL,
    node TEXT NOT NULL,
    enrolled BIGINT,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    program TEXT NOT NULL,
    version TEXT NOT NULL,
    silent_since BIGINT,
    facts TEXT,
    PRIMARY KEY (cluster, node)
);
CREATE TABLE coverage (
    cluster TEXT NOT NULL,
    node TEXT NOT NULL,
    subject TEXT NOT NULL,
    signal TEXT NOT NULL,
    state TEXT NOT NULL,
    updated BIGINT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (cluster, node, subject, signal)
);

-- Containers by the workload that they belong to, as seen in scopes.
CREATE TABLE workloads (
    id TEXT NOT NULL PRIMARY KEY,
    cluster TEXT NOT NULL,
    namespace TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    container TEXT NOT NULL,
    node TEXT NOT NULL,
    image TEXT NOT NULL,
    image_digest TEXT NOT NULL,
    config_digest TEXT NOT NULL,
    privileged BIGINT,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL
);
CREATE INDEX workloads_by_image ON workloads (image);

-- Recent events, bounded by number; the lake keeps them for long.
CREATE TABLE events (
    position BIGINT NOT NULL PRIMARY KEY,
    time BIGINT NOT NULL,
    cluster TEXT NOT NULL,
    node TEXT NOT NULL,
    kind TEXT NOT NULL,
    record TEXT NOT NULL
);

-- Images: facts (inventory) and what is known about them now (assessment).
CREATE TABLE images (
    id TEXT NOT NULL PRIMARY KEY,
    added BIGINT NOT NULL,
    assessed BIGINT NOT NULL,
    reference TEXT NOT NULL,
    index_digest TEXT NOT NULL,
    manifest_digest TEXT NOT NULL,
    config_digest TEXT NOT NULL,
    platform TEXT NOT NULL,
    os TEXT NOT NULL,
    packages BIGINT NOT NULL,
    critical BIGINT NOT NULL,
    high BIGINT NOT NULL,
    medium BIGINT NOT NULL,
    low BIGINT NOT NULL,
    informational BIGINT NOT NULL,
    unknown BIGINT NOT NULL,
    fixable BIGINT NOT NULL,
    known_exploited BIGINT NOT NULL,
    uncovered BIGINT NOT NULL,
    segments TEXT NOT NULL,
    inventory TEXT NOT NULL,
    assessment TEXT NOT NULL
);
CREATE INDEX images_by_time ON images (added, id);
CREATE INDEX images_by_manifest ON images (manifest_digest);
CREATE TABLE image_names (
    image TEXT NOT NULL,
    reference TEXT NOT NULL,
    seen BIGINT NOT NULL,
    PRIMARY KEY (reference, image)
);
CREATE INDEX image_names_by_image ON image_names (image);
CREATE TABLE findings (
    image TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    severity BIGINT NOT NULL,
    finding TEXT NOT NULL,
    package TEXT NOT NULL,
    inert BIGINT NOT NULL,
    fixable BIGINT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (image, ordinal)
);
CREATE INDEX findings_by_id ON findings (finding, image);

-- Who may do what. Secrets are stored as SHA-256 of 256 random bits; there is nothing to guess, so no slow hash is needed.
CREATE TABLE tokens (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    cluster TEXT NOT NULL,
    node TEXT NOT NULL,
    author TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    used BIGINT,
    revoked BIGINT
);
CREATE INDEX tokens_by_time ON tokens (kind, created, id);
CREATE TABLE audit_trail (
    id TEXT NOT NULL PRIMARY KEY,
    time BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    details TEXT NOT NULL
);
CREATE INDEX audit_trail_by_time ON audit_trail (time, id);
CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
CREATE TABLE exemptions (
    id TEXT NOT NULL PRIMARY KEY,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    matched BIGINT NOT NULL,
    last_matched BIGINT,
    record TEXT NOT NULL
);

-- What changed, in order, for live streams that resume. Bounded by number.
CREATE TABLE changes (
    position BIGINT NOT NULL PRIMARY KEY,
    time BIGINT NOT NULL,
    kind TEXT NOT NULL,
    cluster TEXT NOT NULL,
    subject TEXT NOT NULL
);
