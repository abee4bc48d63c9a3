#!/usr/bin/env bash
# A target that answers an HTML page is up = 1 in VictoriaMetrics and up = 0 in Prometheus.
#
# Versions: victoria-metrics 1.79.5, prometheus 2.42.0 (Debian 12).
#
# VictoriaMetrics reads Prometheus' scrape configuration and writes `up` for each target, so one expects the same meaning.
# Prometheus sets up = 0 if the body cannot be parsed. VictoriaMetrics skips lines that it cannot parse, so `up` means only
# that the status was 200: the login page of a proxy in front of a dead exporter is `up`, with 0 samples.
#
# Consequence: an alert `up == 0` does not notice that an exporter was replaced by a web page. With VictoriaMetrics alert
# on `up == 0 or scrape_samples_scraped == 0`.
#
# Output seen:
#   up in Prometheus:                               exporter=1 page=0
#   up in VictoriaMetrics:                          exporter=1 page=1
#   scrape_samples_scraped in VictoriaMetrics:      exporter=1 page=0
. "$(dirname "$0")/common"

debian_package prometheus=2.42.0+ds-5+deb12u1
debian_package victoria-metrics=1.79.5+ds1-2+b5
target=$(free_port)
mkdir "$work/www"
echo '<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>' >"$work/www/page"
echo 'temperature_celsius 41' >"$work/www/exporter"
python3 -m http.server --bind 127.0.0.1 --directory "$work/www" "$target" >/dev/null 2>&1 &
cat >"$work/scrape.yml" <<CONFIG
global: {scrape_interval: 1s}
scrape_configs:
  - {job_name: exporter, metrics_path: /exporter, static_configs: [{targets: ['127.0.0.1:$target']}]}
  - {job_name: page, metrics_path: /page, static_configs: [{targets: ['127.0.0.1:$target']}]}
CONFIG
prometheus=127.0.0.1:$(free_port)
"$root/usr/bin/prometheus" --config.file="$work/scrape.yml" --storage.tsdb.path="$work/p" --web.listen-address="$prometheus" 2>/dev/null &
victoria=127.0.0.1:$(free_port)
"$root/usr/bin/victoria-metrics" -promscrape.config="$work/scrape.yml" -storageDataPath="$work/v" -httpListenAddr="$victoria" 2>/dev/null &
answers "$prometheus/-/ready"
answers "$victoria/health"
sleep 8 # Prometheus starts scraping up to five seconds after it is ready

expect 'up in Prometheus' "$(query "$prometheus" up job)" 'exporter=1 page=0'
expect 'up in VictoriaMetrics' "$(query "$victoria" up job)" 'exporter=1 page=1'
expect 'scrape_samples_scraped in VictoriaMetrics' "$(query "$victoria" scrape_samples_scraped job)" 'exporter=1 page=0'
finish
