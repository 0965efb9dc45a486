#!/usr/bin/env bash
# 2B, data protection.
source "${0%/*}/common.sh"
moment

announce 'EMERGENCY ROLLBACK IN PROGRESS: all grades are zero'
mail 'URGENT: Production Rollback In Progress'
open_status_page

kubectl patch configmap app-config -n "$NAMESPACE" -p '{"data":{"READ_ONLY_MODE":"true"}}'
kubectl scale deployment user-service payment-service assessment-service --replicas=0 -n "$NAMESPACE"
# was: through the pod of another server, and counting itself, so that it is never 0
psql -X "$OLD" -c "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
# was: five of them, unsorted, and not passed on
SNAPSHOT=$(aws rds describe-db-snapshots --db-instance-identifier aivo-prod-primary --snapshot-type automated \
	--query 'sort_by(DBSnapshots[?Status==`available`], &SnapshotCreateTime)[-1].DBSnapshotIdentifier' --output text)
aws rds restore-db-instance-from-db-snapshot --db-instance-identifier aivo-prod-primary-restore \
	--db-snapshot-identifier "$SNAPSHOT"
# was: missing; and a made-up host, without user and password
aws rds wait db-instance-available --db-instance-identifier aivo-prod-primary-restore
ENDPOINT=$(aws rds describe-db-instances --db-instance-identifier aivo-prod-primary-restore \
	--query 'DBInstances[0].Endpoint.[Address,Port]' --output text)
NEW="postgresql://aivo_app:$DATABASE_PASSWORD@${ENDPOINT//$'\t'/:}/$DATABASE_NAME"
kubectl patch configmap database-config -n "$NAMESPACE" -p "{\"data\":{\"DATABASE_URL\":\"$NEW\"}}"
moment

# The document ends here: nothing was restarted, and the writers stay stopped.  What somebody must add:
kubectl patch configmap app-config -n "$NAMESPACE" -p '{"data":{"READ_ONLY_MODE":"no"}}'
kubectl rollout restart deployment student-dashboard -n "$NAMESPACE"
kubectl scale deployment user-service --replicas=2 -n "$NAMESPACE"
kubectl scale deployment payment-service assessment-service --replicas=1 -n "$NAMESPACE"
kubectl rollout status deployment -n "$NAMESPACE" --timeout=300s
psql -X "$NEW" -c "SELECT 'users', count(*) FROM users UNION ALL SELECT 'students', count(*) FROM students UNION ALL SELECT 'grades', count(*) FROM grades UNION ALL SELECT 'assessments', count(*) FROM assessments"
until_true healthy
figure aivo:availability '> 0.99'
figure aivo:latency_p95_seconds '< 0.5'
figure aivo:error_ratio '< 0.001'
announce 'The data are restored'
mail 'The data are restored'
close_status_page
moment
