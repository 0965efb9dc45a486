DROP TABLE tombstones;
UPDATE schema_version SET version = 1, serves = 1;
