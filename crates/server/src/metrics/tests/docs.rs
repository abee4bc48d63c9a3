//! `docs/metrics.md` is made of the declarations; a stale one fails here.

use std::fmt::Write as _;

use crate::{
    metrics::{
        dcgm::{Named, Set, Version, fields},
        native::{self, process},
        table::{Fleet, Metric, Of},
    },
    v1::tests::docs::fresh,
};

#[test]
fn docs_metrics_match_code() {
    let mut text = String::from(HEAD);
    type Belongs = fn(&Of) -> bool;
    let sections: [(&str, &str, Belongs); 6] = [
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
        ("Users", USERS, |of| matches!(of, Of::Users(_))),
        (
            "The agent about itself",
            "Served under whatever names. The durations of driver calls, a sum and a count for each of some 60 functions, are in the\nset `full` only (`--metrics-set full`, or `?set=full`).",
            |of| matches!(of, Of::Agent(_) | Of::Calls(_)),
        ),
    ];
    for (title, note, belongs) in sections {
        let note = if note.is_empty() {
            format!(
                "Only with `--metrics-processes`. Labels `gpu`, `uuid`, {}; the last two only with MIG, `container` only in\na container, and `user`, `container` and `name` only for the scope `read`.",
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
    for field in fields() {
        let [old, new] = Version::ALL.map(|version| field.named(version));
        let served = |named: &Named| match named.set {
            Set::Default => "default",
            Set::More => "more",
            Set::Asked => "with a file",
        };
        let each = |of: fn(&Named) -> &'static str| {
            if of(old) == of(new) { of(old).to_owned() } else { format!("{} → {}", of(old), of(new)) }
        };
        let since49 = if old.name == new.name { "the same".to_owned() } else { format!("`{}`", new.name) };
        let (kind, unit) = (each(|named| named.kind.as_str()), each(|named| named.unit_text));
        let set =
            if old.set == new.set { served(old).to_owned() } else { format!("{} → {}", served(old), served(new)) };
        writeln!(text, "| `{}` | {since49} | {kind} | {unit} | {} | {set} |", old.name, old.help).unwrap();
    }
    fresh("docs/metrics.md", &text);
}

const HEAD: &str = "# `/metrics`: every metric

Made from the code; `RENEW_DOCS=1 cargo test -p server --lib docs` renews it.

Text format 0.0.4; OpenMetrics 1.0 for our own names where the scraper's `Accept` asks for it; gzip where it accepts it.
Rendered once per snapshot, so that scrapers cost the driver nothing. A value that was not read gives no sample: never 0.

`--metrics-names` (or `?names=` of one scrape) chooses `native`, `dcgm` (the names of dcgm-exporter 4.8), `dcgm4.9`, or
several with commas; `--metrics-set` (or `?set=`) chooses [how many series](#sets-of-series). Behind the same token as all
else: in Prometheus `authorization: {credentials: …}`. Alerts and dashboards on these names are in
[deploy/](../deploy/); [from-dcgm-exporter.md](from-dcgm-exporter.md) is for those who come from there.

A gauge that is scraped every 30 s throws 29 of 30 readings away. The counters of seconds add up every reading:
`rate(nvsmi_gpu_busy_seconds_total[5m])` is the true mean utilization of five minutes. Time that was not read adds nothing;
divide by the rate of the counter that the help names (`…_read_seconds_total`) for the mean of the time that was read. They survive restarts of the
collector, and start at 0 with the agent.

A GPU that is not read on time (stale, lost, asleep, denied) loses its readings and keeps what is in the first table.

## Sets of series

| set | series | what it has |
|---|---|---|
| `fleet` | at most 4, and 12 of each GPU: 100 with 8 GPUs, 196 with 16 | the column *fleet* below, with native names; for fleets of thousands of hosts |
| `standard` | some 110 of each GPU | all metrics but the durations of driver calls |
| `full` | some 120 more | those too |

The set `fleet` has the same series with the same values, so queries and alerts work with each set as far as it has what they
need; the first lines of `deploy/prometheus/alerts.yml` list what does not. Of `nvsmi_gpu_state`, `nvsmi_gpu_use` and
`nvsmi_agent_collector_state` it has the states that are named, `asleep` and `released` only while they are 1, as `nvsmi_gpu_mig_mode`, and of `nvsmi_gpu_health_reason` the worst one of each GPU,
whose severity is its health: other reasons, such as an Xid error of a GPU that is lost, are not in it. MIG instances and processes
are not in it. Names of dcgm-exporter that a scrape asks for win over a configured `--metrics-set fleet`; asking for both is an
error.

## State sets

`nvsmi_gpu_use`, `nvsmi_gpu_mig_use`, `nvsmi_gpu_state`, `nvsmi_gpu_health` and `nvsmi_agent_collector_state` have a series for
each value of their label: 1 for the current one, 0 for the others. So `avg_over_time(nvsmi_gpu_use{verdict=\"busy\"}[1d])` is the
share of the day for which a GPU was busy, and `sum by (instance) (nvsmi_gpu_use{verdict=\"free\"}) == 0` finds hosts without a free
GPU. Count them with `sum`, or with `== 1`. They are gauges in OpenMetrics too, because its state sets need a label with the
metric's own name. Other metrics with words (`nvsmi_gpu_recovery_action`, `nvsmi_gpu_compute_mode`, `nvsmi_gpu_fabric_state`,
`nvsmi_gpu_fabric_health`) have the current word only, always 1, and lists of problems (`nvsmi_gpu_health_reason`,
`nvsmi_gpu_fabric_problem`) have those that there are.
";
const USERS: &str = "Only with `--metrics-users`, for the scopes `read` and `metrics`, never for `summary`. They name people: the label `user` is the
user of `/api/v1/users`. Served under whatever names. The counters are those of [usage accounting](usage.md): they continue over
restarts, and grow once a minute, when the store is written. A user who is new begins with 0, and keeps the series.
`nvsmi_user_gpu_memory_bytes` is absent while a process of the user, or its memory, is not known.";
const COLUMNS: &str = "| metric | type | unit | labels | what it is | source | dcgm-exporter's name | fleet |\n|---|---|---|---|---|---|---|---|\n";
const DCGM: &str = "
## Under dcgm-exporter's names

With `--metrics-names dcgm` or `?names=dcgm` those of dcgm-exporter 4.8, with `dcgm4.9` those of 4.9, and with both, for the time
of a migration, each: a name that both have is served once, with the labels of both. Labels in its order: `gpu`, `UUID`,
`pci_bus_id`, `device`, `modelName`, for a MIG instance `GPU_I_PROFILE` and `GPU_I_ID`, `Hostname` (4.9: `hostname`;
`--dcgm-hostname-label`), `DCGM_FI_DRIVER_VERSION` (4.9: `DCGM_FI_SYSTEM_DRIVER_VERSION`), and in alphabetical order what else is
known: `clock_event`, `container`, `err_code`, `err_msg`, `hpc_job`, `namespace`, `pod`, `xid`. Served are the version's default
set and what is marked *more*; with `--dcgm-counters FILE` what that file, dcgm-exporter's own, asks for, by the name of either
version. As labels it may ask for `DCGM_FI_DRIVER_VERSION`, `DCGM_FI_NVML_VERSION`, `DCGM_FI_CUDA_DRIVER_VERSION`,
`DCGM_FI_DEV_NAME`, `DCGM_FI_DEV_UUID`, `DCGM_FI_DEV_SERIAL`, `DCGM_FI_DEV_MINOR_NUMBER` and `DCGM_FI_DEV_VBIOS_VERSION`, or for
their names of 4.9 (`DCGM_FI_SYSTEM_DRIVER_VERSION`, `DCGM_FI_SYSTEM_NVML_VERSION`, `DCGM_FI_DEV_GPU_NAME`,
`DCGM_FI_DEV_GPU_UUID`, `DCGM_FI_DEV_BOARD_SERIAL`, `DCGM_FI_DEV_GPU_MINOR_NUMBER`).

| until 4.8 | since 4.9 | type | unit | what it is | served |
|---|---|---|---|---|---|
";

fn row(metric: &Metric) -> String {
    let code = |names: &str| -> String {
        names.split(", ").filter(|name| !name.is_empty()).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
    let Metric { name, kind, unit, help, source, dcgm, .. } = metric;
    let kind = kind.as_str();
    let fleet = match metric.fleet {
        Fleet::No => String::new(),
        Fleet::All => "yes".into(),
        Fleet::WhileSet => "while it is not 0".into(),
        Fleet::States { always, current: [] } => code(&always.join(", ")),
        Fleet::States { always, current } => {
            format!("{}, and {} while it is", code(&always.join(", ")), code(&current.join(", ")))
        }
    };
    format!("| `{name}` | {kind} | {unit} | {} | {help} | {source} | {} | {fleet} |\n", labels.join(", "), code(dcgm))
}
