#!/usr/bin/env bash
# 2C, service availability.
source "${0%/*}/common.sh"
moment

announce 'EMERGENCY ROLLBACK IN PROGRESS: the new release does not start'
open_status_page

# was: helm history … | awk 'NR==3{print $1}', always the second oldest revision: here the broken one
PREVIOUS_RELEASE=$(helm history aivo-platform -n "$NAMESPACE" -o json | jq '[.[] | select(.status == "superseded")] | last | .revision')
helm rollback aivo-platform "$PREVIOUS_RELEASE" -n "$NAMESPACE" --timeout 300s
kubectl rollout status deployment -n "$NAMESPACE" --timeout=300s
kubectl delete pods -l app=failing-service -n "$NAMESPACE" # a placeholder: nothing has this label
# left out: redis-cli FLUSHALL, which ends every session
until_true healthy # was: ./scripts/health-check-production.sh --detailed

# success criteria
figure aivo:availability '> 0.99'
figure aivo:latency_p95_seconds '< 0.5'
figure aivo:error_ratio '< 0.001'
moment

announce 'The rollback is through'
close_status_page
moment
