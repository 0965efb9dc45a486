# What the scripts share: where output goes, how moments are told, what is looked at.  Sourced.
# Every command is the document's, or the nearest one that does what it means (`was:` says what stood
# there).  They run one after the other, as a person pastes them.
set -euo pipefail
exec 3>&1 >/dev/null # a terminal's own time is nobody's

moment() { echo "$EPOCHREALTIME" >&3; }

# the document's notification, with the reason filled in
announce() {
	curl -fsS -X POST -H 'Content-type: application/json' --data "{\"text\":\"$1\"}" "$SLACK_EMERGENCY_WEBHOOK"
}

# was: aws ses send-email --source … (the option is --from)
mail() {
	aws ses send-email --from alerts@aivo.edu --destination ToAddresses=ceo@aivo.edu,cto@aivo.edu \
		--message "{\"Subject\":{\"Data\":\"$1\"},\"Body\":{\"Text\":{\"Data\":\"$1\"}}}"
}

# was: without a content type (the body is refused), and never resolved
status_page() {
	curl -fsS -X "$1" -H "Authorization: OAuth $STATUSPAGE_TOKEN" -H 'Content-Type: application/json' \
		-d "$3" "$STATUSPAGE/incidents$2"
}
open_status_page() {
	STATUS_ID=$(status_page POST "" '{"incident":{"name":"Service Degradation - Rollback in Progress","status":"investigating","impact_override":"major","body":"We are rolling back to a previous version."}}' | jq -r .id)
}
close_status_page() { status_page PATCH "/$STATUS_ID" '{"incident":{"status":"resolved","body":"It is over."}}'; }

# was: scripts that are not supplied; the criteria stand in the document
figure() {
	curl -fsS --data-urlencode "query=$1" "$PROMETHEUS/api/v1/query" | jq -e ".data.result[0].value[1] | tonumber $2"
}
healthy() { curl -sS -m 5 "$HEALTH" | jq -e '.status == "ok" and .services.ready == 18'; }
until_true() { until "$@"; do sleep 1; done; }
