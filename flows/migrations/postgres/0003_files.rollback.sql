DROP TABLE files;
UPDATE schema_version SET version = 2, serves = 1;
