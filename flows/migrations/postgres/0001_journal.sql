-- As in SQLite: times and bodies are the very text that was hashed.  Commands are the queue's jobs.
CREATE TABLE schema_version (
    version INTEGER NOT NULL,
    serves INTEGER NOT NULL
);
INSERT INTO schema_version VALUES (1, 1);
CREATE TABLE events (
    incident TEXT NOT NULL,
    seq INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    prev TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (incident, seq)
);
CREATE TABLE runs (
    incident TEXT PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    system TEXT NOT NULL,
    channel TEXT,
    state TEXT NOT NULL,
    ended BOOLEAN NOT NULL,
    seq INTEGER NOT NULL,
    snapshot TEXT NOT NULL
);
CREATE INDEX runs_by_channel ON runs (channel);
CREATE UNIQUE INDEX one_open_run_a_system ON runs (system) WHERE NOT ended;
CREATE TABLE deliveries (key TEXT PRIMARY KEY, channel TEXT NOT NULL, ts TEXT NOT NULL);
-- What one replica at a time may do; times are the database's.
CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until TIMESTAMPTZ NOT NULL);
CREATE TABLE queue_versions (name TEXT PRIMARY KEY);
