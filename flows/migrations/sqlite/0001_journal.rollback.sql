DROP TABLE deliveries;
DROP TABLE commands;
DROP TABLE runs;
DROP TABLE events;
PRAGMA user_version = 0;
