#!/usr/bin/env bash
# Two inhibition rules of Alertmanager that mute each other's alerts leave no notification at all.
#
# Versions: prometheus-alertmanager 0.25.0 (Debian 12).
#
# The documentation says that an alert cannot inhibit itself, and that an alert which matches both sides of a rule is not
# inhibited by another of the same kind. That holds within one rule only. With the two usual rules "critical inhibits
# warning of the same host" and "HostDown inhibits everything of the same host", a critical alert and a HostDown with
# severity warning inhibit each other: an inhibited alert still inhibits. `amtool check-config` reports nothing.
#
# Consequence: of two rules, the source of one must not be a target of the other, such as by a label that only one has.
#
# Output seen:
#   check of the configuration:                     0
#   both alerts:                                    suppressed suppressed
. "$(dirname "$0")/common"

debian_package prometheus-alertmanager=0.25.0-1+b4
alertmanager=127.0.0.1:$(free_port)
cat >"$work/alertmanager.yml" <<'CONFIG'
route: {receiver: none}
receivers: [{name: none}]
inhibit_rules:
  - {source_matchers: ['severity="critical"'], target_matchers: ['severity="warning"'], equal: [host]}
  - {source_matchers: ['alertname="HostDown"'], target_matchers: ['alertname!="HostDown"'], equal: [host]}
CONFIG
checked=0
"$root/usr/bin/amtool" check-config "$work/alertmanager.yml" >"$work/check" 2>&1 || checked=$?
# Debian's build reads its templates from /usr/share, so it runs with the package's /usr/share in a mount namespace.
unshare --map-root-user --mount sh -c 'mount --bind "$1/usr/share" /usr/share && shift && exec "$@"' sh "$root" \
	"$root/usr/bin/prometheus-alertmanager" --config.file="$work/alertmanager.yml" --storage.path="$work/data" \
	--web.listen-address="$alertmanager" --cluster.listen-address= 2>"$work/log" &
answers "$alertmanager/-/ready"

cat >"$work/alerts.json" <<'ALERTS'
[{"labels": {"alertname": "HostDown", "severity": "warning", "host": "a"}},
 {"labels": {"alertname": "DiskFailed", "severity": "critical", "host": "a"}}]
ALERTS
curl --silent --fail --header 'Content-Type: application/json' --data @"$work/alerts.json" "$alertmanager/api/v2/alerts"
# The inhibitor learns of new alerts a moment later.
for _ in $(seq 50); do
	states=$(curl --silent "$alertmanager/api/v2/alerts" |
		python3 -c 'import json, sys; print(*[alert["status"]["state"] for alert in json.load(sys.stdin)])')
	[[ $states == 'suppressed suppressed' ]] && break
	sleep 0.1
done
expect 'check of the configuration' "$checked" 0
expect 'both alerts' "$states" 'suppressed suppressed'
finish
