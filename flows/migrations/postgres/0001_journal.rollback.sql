DROP TABLE queue_versions;
DROP TABLE leases;
DROP TABLE deliveries;
DROP TABLE runs;
DROP TABLE events;
DROP TABLE schema_version;
