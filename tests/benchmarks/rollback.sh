#!/usr/bin/env bash
# AIVO's service rollback (2C) by hand: the calls of the procedure, with kubectl, helm and curl.
# Started by flow.py, which gives the addresses.  Prints four moments: start, plan ready, checked, end.
set -euo pipefail

slack() { curl -fsS -H "Authorization: Bearer $TOKEN" --data-urlencode "$2" "${@:3}" "$SLACK$1"; }
prometheus() { curl -fsS --data-urlencode "query=$1" "$PROMETHEUS/api/v1/query" |
	jq -r '.data.result[0].value[1] // "0"'; }
statuspage() { curl -fsS -H "Authorization: OAuth $STATUSPAGE_TOKEN" \
	-H 'Content-Type: application/json' -X "$1" -d "$3" "$STATUSPAGE/incidents$2"; }
until_true() { until "$@"; do sleep 2; done; }
healthy() { [ "$(curl -fsS "$HEALTH" | jq -r .status)" = ok ]; }
all_services() { [ "$(curl -fsS "$HEALTH" | jq -r .services.ready)" = 18 ]; }
criterion() { jq -en "$(prometheus "$1") $2" >/dev/null; }

date +%s.%N

# declare: a channel, the people in it, its topic, a pinned card; look at the facts meanwhile
{
	channel=$(slack conversations.create "name=$NAME" | jq -r .channel.id)
	people=U0MARCUS,U0EMILY,U0JENNIFER,U0ALEX,U0DAVID,U0SARAHK,U0MICHAEL
	slack conversations.invite "channel=$channel" -d "users=$people" &
	slack conversations.setTopic "channel=$channel" -d topic=rollback &
	slack chat.postMessage channel=C0INCIDENTS -d text=declared &
	ts=$(slack chat.postMessage "channel=$channel" -d text=card | jq -r .ts)
	slack pins.add "channel=$channel" -d "timestamp=$ts"
	wait
} >/dev/null &
{
	kubectl get deployments,statefulsets,daemonsets -o json &
	kubectl get pods -o json &
	curl -sS "$HEALTH" &
	for metric in availability error_ratio latency_p95_seconds affected_users; do
		prometheus "aivo:$metric" &
	done
	wait
} >/dev/null

# plan: which revision was good, what differs, what is not ready
kubectl get deployments,statefulsets,daemonsets -o json >/dev/null &
kubectl get pods -o json >/dev/null &
history=$(helm history aivo-platform --output json --max 256)
good=$(jq '[.[] | select(.status == "superseded")] | last | .revision' <<<"$history")
bad=$(jq 'last | .revision' <<<"$history")
helm get manifest aivo-platform --revision "$bad" >/dev/null &
helm get manifest aivo-platform --revision "$good" >/dev/null &
wait
date +%s.%N

# restore: the first words go out beside the rollback
slack chat.postMessage channel=C0INCIDENTS -d text=started >/dev/null &
body='{"incident":{"name":"Service degradation","status":"investigating","impact_override":"major","body":"We look into it."}}'
opened=$(mktemp)
statuspage POST "" "$body" >"$opened" &
helm rollback aivo-platform "$good" --wait --timeout 300s >/dev/null
wait
kubectl rollout status deployment --timeout=300s >/dev/null
kubectl get deployments,statefulsets,daemonsets -o json >/dev/null &
kubectl get pods -o json >/dev/null
wait

# validate
until_true healthy &
until_true all_services &
until_true criterion aivo:availability '> 0.99' &
until_true criterion aivo:latency_p95_seconds '< 0.5' &
until_true criterion aivo:error_ratio '< 0.001' &
wait
date +%s.%N

# communicate
slack chat.postMessage channel=C0INCIDENTS -d text=ended >/dev/null &
incident=$(jq -r .id "$opened")
statuspage PATCH "/$incident" '{"incident":{"status":"resolved","body":"It is over."}}' >/dev/null
wait
rm -f "$opened"
date +%s.%N
