#!/usr/bin/env bash
# `time() - timestamp(x)` in VictoriaMetrics is below 2 s although the newest visible sample is 30 s old.
#
# Versions: victoria-metrics 1.79.5 (Debian 12).
#
# An instant query without a time is evaluated 30 s in the past (-search.latencyOffset), so that samples which are still on
# their way are not missed. One expects the usual expression for the age of data to show this delay. It does not, because
# `time()` is 30 s behind as well, while the answer is labelled with the current time: nothing in it reveals the delay.
# With `nocache=1` in the request the offset is not applied, and the value is the newest sample.
#
# Consequence: compute ages on the client, from its own clock and a timestamp that the exporter provides as a value, or
# send nocache=1.
#
# Output seen (a sample per second until the query, whose value is its own time):
#   time of the answer is now:                      yes
#   time() - timestamp(x) is below 2 s:             yes
#   real age of x, in seconds:                      30
#   real age of x with nocache=1 is below 5 s:      yes
. "$(dirname "$0")/common"

debian_package victoria-metrics=1.79.5+ds1-2+b5
victoria=127.0.0.1:$(free_port)
"$root/usr/bin/victoria-metrics" -storageDataPath="$work/v" -httpListenAddr="$victoria" 2>/dev/null &
answers "$victoria/health"
# Samples until some seconds from now, because imported samples are visible only a second or two later.
now=$(date +%s)
for second in $(seq $((now - 120)) $((now + 20))); do echo "x $second ${second}000"; done |
	curl --silent --data-binary @- "$victoria/api/v1/import/prometheus"
sleep 5

# Prints the time and the value of an answer: ask EXPRESSION [PARAMETER].
ask() {
	curl --silent --get "$victoria/api/v1/query" --data-urlencode "query=$1" ${2:+--data "$2"} |
		python3 -c 'import json, sys; print(*json.load(sys.stdin)["data"]["result"][0]["value"])'
}
below() {
	awk -v value="$1" -v limit="$2" 'BEGIN { print (value < limit && value > -limit) ? "yes" : "no: " value }'
}
read -r at value <<<"$(ask x)"
now=$(date +%s)
expect 'time of the answer is now' "$(below $((now - at)) 3)" yes
expect 'time() - timestamp(x) is below 2 s' "$(below "$(ask 'time() - timestamp(x)' | cut -d ' ' -f 2)" 2)" yes
expect 'real age of x, in seconds' "$((at - value))" 30
expect 'real age of x with nocache=1 is below 5 s' "$(below "$(($(date +%s) - $(ask x nocache=1 | cut -d ' ' -f 2)))" 5)" yes
finish
