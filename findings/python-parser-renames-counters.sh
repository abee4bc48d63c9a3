#!/usr/bin/env bash
# The parser of prometheus_client renames counters without `_total`, such as those of dcgm-exporter.
#
# Versions: prometheus-client 0.26.0 (PyPI), prometheus 2.42.0 (Debian 12).
#
# dcgm-exporter declares DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION as a counter. The text format does not require `_total`
# (promtool merely recommends it), and Prometheus stores the name as it is. text_string_to_metric_families, the official
# Python parser of that format, applies the rule of OpenMetrics to it: the family keeps its name, but its samples are
# called …_TOTAL_ENERGY_CONSUMPTION_total. A script that looks for the documented name finds no sample and no error, and
# one that exposes the parsed families again (generate_latest) exposes another name.
#
# Consequence: look up families by name and take their samples whatever these are called, or declare such metrics untyped.
#
# Output seen:
#   families in Python:                             DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION DCGM_FI_DEV_GPU_TEMP
#   samples in Python:                              DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION_total DCGM_FI_DEV_GPU_TEMP
#   exposed again:                                  DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION_total DCGM_FI_DEV_GPU_TEMP
#   series in Prometheus:                           DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION=1000
. "$(dirname "$0")/common"

python_packages prometheus-client==0.26.0
debian_package prometheus=2.42.0+ds-5+deb12u1
mkdir "$work/www"
cat >"$work/www/metrics" <<'METRICS'
# HELP DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION Total energy consumption since boot (in mJ).
# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="0"} 1000
# HELP DCGM_FI_DEV_GPU_TEMP GPU temperature (in C).
# TYPE DCGM_FI_DEV_GPU_TEMP gauge
DCGM_FI_DEV_GPU_TEMP{gpu="0"} 41
METRICS
"$work/python/bin/python" - "$work/www/metrics" >"$work/seen" <<'PROGRAM'
import sys
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

families = list(text_string_to_metric_families(open(sys.argv[1]).read()))
print(*[family.name for family in families])
print(*[sample.name for family in families for sample in family.samples])


class Again:
    def collect(self):
        return families


registry = CollectorRegistry()
registry.register(Again())
print(*[line.split("{")[0] for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")])
PROGRAM
target=$(free_port)
python3 -m http.server --bind 127.0.0.1 --directory "$work/www" "$target" >/dev/null 2>&1 &
printf 'global: {scrape_interval: 1s}\nscrape_configs: [{job_name: dcgm, static_configs: [{targets: ["127.0.0.1:%s"]}]}]\n' "$target" >"$work/scrape.yml"
prometheus=127.0.0.1:$(free_port)
"$root/usr/bin/prometheus" --config.file="$work/scrape.yml" --storage.tsdb.path="$work/p" --web.listen-address="$prometheus" 2>/dev/null &
answers "$prometheus/-/ready"
sleep 7 # Prometheus starts scraping up to five seconds after it is ready

energy=DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION
expect 'families in Python' "$(sed -n 1p "$work/seen")" "$energy DCGM_FI_DEV_GPU_TEMP"
expect 'samples in Python' "$(sed -n 2p "$work/seen")" "${energy}_total DCGM_FI_DEV_GPU_TEMP"
expect 'exposed again' "$(sed -n 3p "$work/seen")" "${energy}_total DCGM_FI_DEV_GPU_TEMP"
expect 'series in Prometheus' "$(query "$prometheus" "{__name__=~\"${energy}.*\"}" __name__)" "$energy=1000"
finish
