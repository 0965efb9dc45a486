#!/usr/bin/env bash
# 3, feature flag.
source "${0%/*}/common.sh"
moment

announce 'The new features are switched off'
# was: without the project, with a body that is refused, and without -f, so that nobody hears of it
curl -fsS -X PATCH "$FLAG" -H "Authorization: $LAUNCHDARKLY_TOKEN" \
	-H 'Content-Type: application/json; domain-model=launchdarkly.semanticpatch' \
	-d '{"environmentKey":"production","instructions":[{"kind":"turnFlagOff"}]}'
# was: ./scripts/monitor-feature-rollback.sh, which is not supplied
figure 'avg_over_time(aivo:error_ratio[4s])' '<= 0.02'
figure 'avg_over_time(aivo:latency_p95_seconds[4s])' '<= 3'
figure aivo:error_ratio '< 0.001'
figure aivo:latency_p95_seconds '< 0.5'
announce 'The feature is off'
moment
