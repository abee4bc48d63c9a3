#!/usr/bin/env bash
# A recording rule of vmalert has the values of 30 s ago under the time of its evaluation, unless its datasource URL has nocache=1.
#
# Versions: victoria-metrics 1.79.5 with its vmalert (Debian 12).
#
# vmalert evaluates a rule at a time and writes the result with that time, as Prometheus does, so one expects that a recorded
# sample describes its own time. VictoriaMetrics answers an instant query about the last 30 s as of 30 s ago
# (-search.latencyOffset), and vmalert does not know: each recorded value is half a minute older than its timestamp says. The
# offset is not applied to requests with nocache=1, and vmalert keeps a parameter that -datasource.url has.
#
# Consequence: give vmalert a -datasource.url that ends in /?nocache=1 if the age of recorded values matters, and export the time
# of the values as a value.
#
# Output seen (the scraped value is the time of the scrape; the rule records it as it is):
#   a value is below 20 s older than its timestamp:                  no
#   the same with nocache=1 in -datasource.url:                      yes
. "$(dirname "$0")/common"

debian_package victoria-metrics=1.79.5+ds1-2+b5
target=$(free_port)
python3 - "$target" <<'PYTHON' &
import http.server, sys, time
class Target(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"read_timestamp_seconds {time.time():.3f}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Target).serve_forever()
PYTHON
cat >"$work/scrape.yml" <<CONFIG
global: {scrape_interval: 1s}
scrape_configs:
  - {job_name: a, static_configs: [{targets: ['127.0.0.1:$target']}]}
CONFIG
victoria=127.0.0.1:$(free_port)
"$root/usr/bin/victoria-metrics" -promscrape.config="$work/scrape.yml" -storageDataPath="$work/v" -httpListenAddr="$victoria" 2>/dev/null &
answers "$victoria/health"
rule() {
	printf 'groups: [{name: g, rules: [{record: %s, expr: read_timestamp_seconds}]}]\n' "$1" >"$work/$1.yml"
	"$root/usr/bin/vmalert" -rule="$work/$1.yml" -datasource.url="http://$victoria$2" -remoteWrite.url="http://$victoria" \
		-evaluationInterval=1s -httpListenAddr="127.0.0.1:$(free_port)" 2>/dev/null &
}
rule plain ''
rule fresh '/?nocache=1'
sleep 75 # a sample of 30 s ago has to exist, and recorded samples are visible some seconds later

# Prints whether the newest value of a series is less than 20 s older than its timestamp.
describes_its_time() {
	curl --silent --get "$victoria/api/v1/query" --data nocache=1 --data-urlencode "query=$1[60s]" |
		python3 -c '
import json, sys
at, value = json.load(sys.stdin)["data"]["result"][0]["values"][-1]
print("yes" if at - float(value) < 20 else "no")'
}
expect 'a value is below 20 s older than its timestamp' "$(describes_its_time plain)" no
expect 'the same with nocache=1 in -datasource.url' "$(describes_its_time fresh)" yes
finish
