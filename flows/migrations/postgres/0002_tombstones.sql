-- What is left of incidents that a rule has removed, chained like events are.
CREATE TABLE tombstones (
    seq INTEGER PRIMARY KEY,
    incident TEXT NOT NULL UNIQUE,
    last INTEGER NOT NULL,
    head TEXT NOT NULL,
    ended TEXT NOT NULL,
    at TEXT NOT NULL,
    rule TEXT NOT NULL,
    prev TEXT NOT NULL,
    hash TEXT NOT NULL
);
UPDATE schema_version SET version = 2, serves = 1;
