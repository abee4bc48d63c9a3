#!/usr/bin/env bash
# Alertmanager answers 400 to a batch of alerts with one invalid alert, but accepts the valid alerts in it.
#
# Versions: prometheus-alertmanager 0.25.0 (Debian 12).
#
# POST /api/v2/alerts takes a list. A 400 usually means that the request had no effect, so a sender reports a failure and
# drops or repeats the batch. Alertmanager stores the valid alerts first and then answers 400 for the rest, without
# saying which ones it took: they are active and their notifications are sent. The invalid alert here has an end
# before its start.
#
# Consequence: a sender must not treat a 400 as "nothing was taken". Send alerts that may be invalid one by one.
#
# Output seen:
#   status:                                         400
#   answer:                                         "start time must be before end time"
#   active alerts:                                  GpuLost
. "$(dirname "$0")/common"

debian_package prometheus-alertmanager=0.25.0-1+b4
alertmanager=127.0.0.1:$(free_port)
printf 'route: {receiver: none}\nreceivers: [{name: none}]\n' >"$work/alertmanager.yml"
# Debian's build reads its templates from /usr/share, so it runs with the package's /usr/share in a mount namespace.
unshare --map-root-user --mount sh -c 'mount --bind "$1/usr/share" /usr/share && shift && exec "$@"' sh "$root" \
	"$root/usr/bin/prometheus-alertmanager" --config.file="$work/alertmanager.yml" --storage.path="$work/data" \
	--web.listen-address="$alertmanager" --cluster.listen-address= 2>"$work/log" &
answers "$alertmanager/-/ready"

cat >"$work/batch.json" <<'BATCH'
[{"labels": {"alertname": "GpuLost", "gpu": "0"}},
 {"labels": {"alertname": "GpuHot", "gpu": "1"}, "startsAt": "2030-01-02T00:00:00Z", "endsAt": "2030-01-01T00:00:00Z"}]
BATCH
status=$(curl --silent --output "$work/answer" --write-out '%{http_code}' --header 'Content-Type: application/json' \
	--data @"$work/batch.json" "$alertmanager/api/v2/alerts")
active=$(curl --silent "$alertmanager/api/v2/alerts" |
	python3 -c 'import json, sys; print(*[alert["labels"]["alertname"] for alert in json.load(sys.stdin)])')
expect status "$status" 400
expect answer "$(cat "$work/answer")" '"start time must be before end time"'
expect 'active alerts' "$active" GpuLost
finish
