#!/usr/bin/env bash
# Point-in-time recovery.
source "${0%/*}/common.sh"
moment

announce 'Restoring the database beside'
aws rds restore-db-instance-to-point-in-time --source-db-instance-identifier "$SOURCE" \
	--target-db-instance-identifier aivo-prod-recovery --restore-time "$RECOVERY_TIME"
# was: missing; nobody can be asked before it is there
aws rds wait db-instance-available --db-instance-identifier aivo-prod-recovery
# was: from a pod of staging, which reaches for production's data
psql -X "$AIVO_PRIMARY_DSN" -c 'SELECT count(*) FROM users'
psql -X "$AIVO_RECOVERED_DSN" -c 'SELECT count(*) FROM users'
announce 'The database is restored beside'
moment
