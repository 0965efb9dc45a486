#!/usr/bin/env bash
# 3, traffic diversion.
source "${0%/*}/common.sh"

# was: modify-target-group --weight, which is no option: weights stand at the listener, all of them
weights() {
	aws elbv2 modify-listener --listener-arn "$LISTENER" --default-actions \
		"[{\"Type\":\"forward\",\"ForwardConfig\":{\"TargetGroups\":[{\"TargetGroupArn\":\"$NEW\",\"Weight\":$1},{\"TargetGroupArn\":\"$STABLE\",\"Weight\":$2}]}}]"
}
# was: sleep 600, after which nothing is looked at
watch_figures() {
	figure aivo:error_ratio '<= 0.02'
	figure aivo:latency_p95_seconds '<= 3'
}
moment

announce 'GRADUAL ROLLBACK IN PROGRESS: the new version answers slowly'
weights 50 50
watch_figures
weights 25 75
watch_figures
weights 0 100 # was: missing
figure aivo:error_ratio '< 0.001'
figure aivo:latency_p95_seconds '< 0.5'
aws elbv2 describe-target-health --target-group-arn "$STABLE"
announce 'All traffic goes to the stable version'
moment
