#!/usr/bin/env bash
# 2A, security.
source "${0%/*}/common.sh"
moment

announce 'EMERGENCY ROLLBACK IN PROGRESS: tokens are sold'
mail 'URGENT: Production Rollback In Progress'
open_status_page

kubectl scale deployment --all --replicas=0 -n "$NAMESPACE"
# was: modify-target-group --health-check-enabled false, which is no command; and
#      kubectl apply -f maintenance-mode.yaml, which is not supplied and which nobody would see
aws elbv2 modify-listener --listener-arn "$LISTENER" --default-actions \
	'[{"Type":"fixed-response","FixedResponseConfig":{"StatusCode":"503","ContentType":"application/json","MessageBody":"{\"status\": \"maintenance\"}"}}]'
# was: without the user's name, which is then the caller's own
aws iam update-access-key --user-name deploy --status Inactive --access-key-id "$KEY"
kubectl delete secret --all -n "$NAMESPACE"
aws logs filter-log-events --log-group-name /aws/apigateway/aivo-prod --start-time "$(date -d '1 hour ago' +%s)000"
aws rds create-db-snapshot --db-instance-identifier aivo-prod-primary \
	--db-snapshot-identifier "security-incident-$(date +%Y%m%d-%H%M)"
moment

# The document ends here, and production is dark.  What somebody must add, from memory:
kubectl create secret generic session-signing -n "$NAMESPACE" --from-literal=KEY="$RANDOM$RANDOM$RANDOM"
kubectl scale deployment user-service --replicas=2 -n "$NAMESPACE"
kubectl scale deployment payment-service --replicas=1 -n "$NAMESPACE"
kubectl rollout status deployment -n "$NAMESPACE" --timeout=300s
aws elbv2 modify-listener --listener-arn "$LISTENER" --default-actions "$FORWARD"
until_true healthy
figure aivo:availability '> 0.99'
figure aivo:latency_p95_seconds '< 0.5'
figure aivo:error_ratio '< 0.001'
announce 'Production is open again'
mail 'Production is open again'
close_status_page
moment
