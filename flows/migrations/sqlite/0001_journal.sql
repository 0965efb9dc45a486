-- Events with a hash chain an incident, what they fold to, the commands that wait, and where
-- keyed messages went.
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
    ended INTEGER NOT NULL,
    snapshot TEXT NOT NULL
);
CREATE INDEX runs_by_channel ON runs (channel);
CREATE UNIQUE INDEX one_open_run_a_system ON runs (system) WHERE NOT ended;
CREATE TABLE commands (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    incident TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    due REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX commands_by_due ON commands (due);
CREATE TABLE deliveries (key TEXT PRIMARY KEY, channel TEXT NOT NULL, ts TEXT NOT NULL);
PRAGMA user_version = 1;
