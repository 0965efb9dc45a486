-- What every replica needs besides the journal: evidence, second factors, drills.
-- The hash is the database's own: it always is that of the content that stands beside it.
CREATE TABLE files (
    name TEXT COLLATE "C" PRIMARY KEY,
    content BYTEA NOT NULL,
    sha256 TEXT NOT NULL GENERATED ALWAYS AS (encode(sha256(content), 'hex')) STORED,
    at TIMESTAMPTZ NOT NULL DEFAULT now()
);
UPDATE schema_version SET version = 3, serves = 1;
