#!/usr/bin/env bash
# promtool rejects metrics whose last line is cut, but Prometheus and VictoriaMetrics store the cut value.
#
# Versions: prometheus 2.42.0 with its promtool, victoria-metrics 1.79.5 (Debian 12).
#
# An exporter writes its metrics to a file that a web server serves, and a scrape reads it while it is being written: the
# body ends with `power_watts 12` of `power_watts 123`. The text format requires a line feed after the last line, and
# promtool, which comes with Prometheus, reports an error. The scrapers use other parsers: both store 12, with up = 1, and
# nothing shows that the value is wrong. (The OpenMetrics format has `# EOF` for this reason.)
#
# Consequence: a scrape is more tolerant than "promtool check metrics". Replace such files by rename, so that a scrape never
# reads half of one.
#
# Output seen:
#   promtool check metrics:                         error while linting: text format parsing error in line 2: unexpected end of input stream
#   up in Prometheus, VictoriaMetrics:              1 1
#   power_watts in Prometheus, VictoriaMetrics:     12 12
. "$(dirname "$0")/common"

debian_package prometheus=2.42.0+ds-5+deb12u1
debian_package victoria-metrics=1.79.5+ds1-2+b5
mkdir "$work/www"
printf '# TYPE power_watts gauge\npower_watts 12' >"$work/www/metrics"
target=$(free_port)
python3 -m http.server --bind 127.0.0.1 --directory "$work/www" "$target" >/dev/null 2>&1 &
cat >"$work/scrape.yml" <<CONFIG
global: {scrape_interval: 1s}
scrape_configs: [{job_name: cut, static_configs: [{targets: ['127.0.0.1:$target']}]}]
CONFIG
prometheus=127.0.0.1:$(free_port)
"$root/usr/bin/prometheus" --config.file="$work/scrape.yml" --storage.tsdb.path="$work/p" --web.listen-address="$prometheus" 2>/dev/null &
victoria=127.0.0.1:$(free_port)
"$root/usr/bin/victoria-metrics" -promscrape.config="$work/scrape.yml" -storageDataPath="$work/v" -httpListenAddr="$victoria" 2>/dev/null &
answers "$prometheus/-/ready"
answers "$victoria/health"
sleep 8 # Prometheus starts scraping up to five seconds after it is ready

expect 'promtool check metrics' "$("$root/usr/bin/promtool" check metrics <"$work/www/metrics" 2>&1 || true)" \
	'error while linting: text format parsing error in line 2: unexpected end of input stream'
expect 'up in Prometheus, VictoriaMetrics' "$(query "$prometheus" up '') $(query "$victoria" up '')" '1 1'
expect 'power_watts in Prometheus, VictoriaMetrics' "$(query "$prometheus" power_watts '') $(query "$victoria" power_watts '')" '12 12'
finish
