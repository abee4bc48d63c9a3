#!/usr/bin/env bash
# A counter that falls by 32 after a crash makes Prometheus count its whole value again; VictoriaMetrics ignores the fall.
#
# Versions: prometheus 2.42.0, victoria-metrics 1.79.5 (Debian 12).
#
# An exporter saves a total and continues after a crash with the last saved value, 47 seconds of work behind. Both engines
# get the same samples: a counter of seconds of use, 1,000,000 at first, one more per second for six hours, scraped every
# 15 s, with one such step back. One expects `increase` to be wrong by the 47 seconds that were lost. Prometheus takes any
# fall for a restart at zero and adds the value after it: a million too much. VictoriaMetrics takes a fall of less than an
# eighth of the value for noise, so it is almost right. It does the same as Prometheus if the value is small.
#
# Consequence: a counter that survives restarts must export the saved value and not a newer one. Losing the value and
# starting at zero is harmless; falling a little is not.
#
# Output seen:
#   used in six hours, seconds:                     21553
#   increase in Prometheus:                         1032353
#   increase in VictoriaMetrics:                    21585
. "$(dirname "$0")/common"

debian_package prometheus=2.42.0+ds-5+deb12u1
debian_package victoria-metrics=1.79.5+ds1-2+b5
end=$((($(date +%s) - 7200) / 7200 * 7200))
start=$((end - 21600))
awk -v start="$start" 'BEGIN {
	print "# TYPE use_seconds counter"
	for (step = 0; step <= 1440; step++) {
		printf "use_seconds_total %d %d\n", 1000000 + step * 15 - (step > 720 ? 47 : 0), start + step * 15
	}
	print "# EOF"
}' >"$work/samples"
"$root/usr/bin/promtool" tsdb create-blocks-from openmetrics "$work/samples" "$work/p" >/dev/null
echo 'global: {}' >"$work/empty.yml"
prometheus=127.0.0.1:$(free_port)
"$root/usr/bin/prometheus" --config.file="$work/empty.yml" --storage.tsdb.path="$work/p" --web.listen-address="$prometheus" 2>/dev/null &
victoria=127.0.0.1:$(free_port)
"$root/usr/bin/victoria-metrics" -storageDataPath="$work/v" -httpListenAddr="$victoria" 2>/dev/null &
answers "$prometheus/-/ready"
answers "$victoria/health"
awk '$1 !~ /#/ { print $1, $2, $3 "000" }' "$work/samples" | curl --silent --data-binary @- "$victoria/api/v1/import/prometheus"
sleep 3 # until VictoriaMetrics shows what was imported

first=$(awk 'NR == 2 { print $2 }' "$work/samples")
last=$(awk '$1 !~ /#/ { last = $2 } END { print last }' "$work/samples")
expect 'used in six hours, seconds' "$((last - first))" 21553
increase='round(increase(use_seconds_total[6h]))'
expect 'increase in Prometheus' "$(query "$prometheus" "$increase" job "$end")" 1032353
expect 'increase in VictoriaMetrics' "$(query "$victoria" "$increase" job "$end")" 21585
finish
