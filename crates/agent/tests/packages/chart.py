"""Renders the chart as Helm does, by Helm's own code, and validates what comes out by Kubernetes' own schemas and by what
the Prometheus Operator defines.

Standard input is an object of values; standard output the manifests as a JSON list. What is wrong ends it with a text.
"""

import json
import sys

import helm_python
import kubernetes_validate
import yaml

OLDEST, NEWEST = "1.25", "1.37"


def check_monitor(manifest):
    """Its types pass over what they do not know, as the API server does: what does not come back was not understood."""
    # It takes seconds to load.
    from cloudcoil.models.prometheus_operator.v1 import ServiceMonitor

    understood = ServiceMonitor.model_validate(manifest).model_dump(mode="json", by_alias=True, exclude_unset=True)
    if understood != manifest:
        sys.exit(f"not all of the ServiceMonitor is understood: {understood} of {manifest}")

chart_folder = sys.argv[1]
values = json.load(sys.stdin)

report = helm_python.lint(chart_folder, values, strict=True)
found = [message for message in report["messages"] if message["severity"] >= 2]
if found or report["errors"]:
    sys.exit(f"lint: {found} {report['errors']}")

chart = helm_python.Chart.load(chart_folder)
merged = chart.merge_values(values)
chart.validate_schema(merged)
manifests = []
for path, text in chart.render(values, name="gpus", namespace="monitoring").items():
    if path.endswith(".txt"):
        manifests.append({"kind": "NOTES", "text": text})
        continue
    manifests += [manifest for manifest in yaml.safe_load_all(text) if manifest]
for manifest in manifests:
    if manifest["kind"] == "ServiceMonitor":
        check_monitor(manifest)
    elif manifest["kind"] != "NOTES":
        for version in (OLDEST, NEWEST):
            kubernetes_validate.validate(manifest, version, strict=True)
json.dump(manifests, sys.stdout)
