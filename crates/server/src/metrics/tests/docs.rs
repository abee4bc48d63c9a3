//! `docs/metrics.md` is made of the declarations; a stale one fails here.

use std::fmt::Write as _;

use crate::{
    metrics::{
        dcgm::{Set, fields},
        native::{self, process},
        table::{Metric, Of},
    },
    v1::tests::docs::fresh,
};

#[test]
fn docs_metrics_match_code() {
    let mut text = String::from(HEAD);
    type Belongs = fn(&Of) -> bool;
    let sections: [(&str, &str, Belongs); 5] = [
        ("GPUs, whatever their state", "Labels `gpu` (the index) and `uuid`, and those named.", |of| {
            matches!(of, Of::Known(_))
        }),
        ("Readings of GPUs", "Labels `gpu` and `uuid`, and those named. Only of a GPU whose state is ok.", |of| {
            matches!(of, Of::Gpu(_) | Of::Gpus(_) | Of::Readings(_))
        }),
        ("MIG instances", "Labels `gpu`, `uuid`, `gpu_instance`, `compute_instance`, and those named.", |of| {
            matches!(of, Of::Instance(_) | Of::GpuInstance(_) | Of::InstanceReadings(_))
        }),
        ("Processes", "", |of| matches!(of, Of::Process(_))),
        (
            "The agent about itself",
            "Served under whatever names, but for the calls into the driver, which are `native`'s: some 60 functions with a sum and a count each.\n`metric_relabel_configs` can drop them.",
            |of| matches!(of, Of::Agent(_) | Of::Calls(_)),
        ),
    ];
    for (title, note, belongs) in sections {
        let note = if note.is_empty() {
            format!(
                "Only with `--metrics-processes`. Labels `gpu`, `uuid`, {}; the last two only with MIG.",
                process::LABELS.map(|label| format!("`{label}`")).join(", ")
            )
        } else {
            note.to_owned()
        };
        write!(text, "\n## {title}\n\n{note}\n\n{COLUMNS}").unwrap();
        for metric in native::all().filter(|metric| belongs(&metric.of)) {
            text.push_str(&row(metric));
        }
    }
    text.push_str(DCGM);
    for (set, field) in fields() {
        let set = match set {
            Set::Default => "default",
            Set::More => "more",
            Set::Asked => "with a file",
        };
        let (name, kind) = (field.name, field.kind.as_str());
        writeln!(text, "| `{name}` | {kind} | {} | {} | {set} |", field.unit, field.help).unwrap();
    }
    fresh("docs/metrics.md", &text);
}

const HEAD: &str = "# `/metrics`: every metric

Made from the code; `RENEW_DOCS=1 cargo test -p server --lib docs` renews it.

Text format 0.0.4; OpenMetrics 1.0 for our own names where the scraper's `Accept` asks for it; gzip where it accepts it.
Rendered once per snapshot, so that scrapers cost the driver nothing. A value that was not read gives no sample: never 0.

`--metrics-names` (or `?names=` of one scrape) chooses `native`, `dcgm` or both with a comma. Behind the same token as all
else: in Prometheus `authorization: {credentials: …}`. Alerts and dashboards on these names are in
[deploy/](../deploy/); [from-dcgm-exporter.md](from-dcgm-exporter.md) is for those who come from there.

A gauge that is scraped every 30 s throws 29 of 30 readings away. The counters of seconds add up every reading:
`rate(nvsmi_gpu_busy_seconds_total[5m])` is the true mean utilization of five minutes. Time that was not read adds nothing;
divide by the rate of the counter that the help names (`…_read_seconds_total`) for the mean of the time that was read. They survive restarts of the
collector, and start at 0 with the agent.

A GPU that is not read on time (stale, lost, asleep, denied) loses its readings and keeps what is in the first table.
";
const COLUMNS: &str =
    "| metric | type | unit | labels | what it is | source | dcgm-exporter's name |\n|---|---|---|---|---|---|---|\n";
const DCGM: &str = "
## Under dcgm-exporter's names

With `--metrics-names dcgm` or `?names=dcgm`. Labels in its order: `gpu`, `UUID`, `pci_bus_id`, `device`, `modelName`, for a
MIG instance `GPU_I_PROFILE` and `GPU_I_ID`, `Hostname` (`--dcgm-hostname-label`), `DCGM_FI_DRIVER_VERSION`, and in
alphabetical order what else is known: `container`, `err_code`, `err_msg`, `hpc_job`, `namespace`, `pod`. Served are its
default set and those marked *more*; with `--dcgm-counters FILE` what that file, dcgm-exporter's own, asks for. As labels it
may ask for `DCGM_FI_DRIVER_VERSION`, `DCGM_FI_NVML_VERSION`, `DCGM_FI_CUDA_DRIVER_VERSION`, `DCGM_FI_DEV_NAME`,
`DCGM_FI_DEV_UUID`, `DCGM_FI_DEV_SERIAL`, `DCGM_FI_DEV_MINOR_NUMBER` and `DCGM_FI_DEV_VBIOS_VERSION`.

| metric | type | unit | what it is | served |
|---|---|---|---|---|
";

fn row(metric: &Metric) -> String {
    let code = |names: &str| -> String {
        names.split(", ").filter(|name| !name.is_empty()).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
    let Metric { name, kind, unit, help, source, dcgm, .. } = metric;
    let kind = kind.as_str();
    format!("| `{name}` | {kind} | {unit} | {} | {help} | {source} | {} |\n", labels.join(", "), code(dcgm))
}
