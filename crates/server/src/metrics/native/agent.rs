//! Metrics of the agent itself.

use super::process::left_out;
use crate::metrics::{
    table::{Metric, Of},
    text::{Kind, labels},
};

pub(crate) const METRICS: &[Metric] = &[
    Metric::new(
        "nvsmi_agent_build_info",
        Kind::Gauge,
        "",
        "Version of the agent, as a label; always 1.",
        Of::Agent(|_, samples| samples.push(&labels(&[("version", env!("CARGO_PKG_VERSION"))]), 1)),
    )
    .with(&["version"])
    .from("the program"),
    Metric::new(
        "nvsmi_agent_driver_info",
        Kind::Gauge,
        "",
        "Versions of the driver, as labels; always 1. Absent before the driver's first answer.",
        Of::Agent(|seen, samples| {
            let Some(driver) = &seen.snapshot.driver else { return };
            let known = |text: &Result<String, _>| text.clone().unwrap_or_default();
            let cuda = driver.cuda_version.map(telemetry::readings::words::cuda_version).unwrap_or_default();
            let all = [
                ("driver_version", &*known(&driver.driver_version)),
                ("nvml_version", &known(&driver.nvml_version)),
                ("cuda_version", &cuda),
            ];
            samples.push(&labels(&all), 1);
        }),
    )
    .with(&["driver_version", "nvml_version", "cuda_version"])
    .from("`nvmlSystemGetDriverVersion`, `nvmlSystemGetNVMLVersion`, `nvmlSystemGetCudaDriverVersion_v2`"),
    Metric::new(
        "nvsmi_agent_collector_state",
        Kind::Gauge,
        "",
        "State of the collector, as a label; always 1.",
        Of::Agent(|seen, samples| {
            samples.push(&labels(&[("state", seen.snapshot.collector.state.as_str())]), 1);
        }),
    )
    .with(&["state"])
    .from("derived: `starting`, `ok`, `stalled`, `restarting`, `no_driver`, `released`"),
    Metric::new(
        "nvsmi_agent_collector_restarts_total",
        Kind::Counter,
        "",
        "Unexpected restarts of the collector.",
        Of::Agent(|seen, samples| samples.push("", seen.snapshot.collector.restarts)),
    )
    .from("the supervisor"),
    Metric::new(
        "nvsmi_agent_sample_duration_seconds",
        Kind::Histogram,
        "seconds",
        "Duration of a sample: from the tick until the last GPU was read that was not late.",
        Of::Agent(|seen, samples| samples.histogram("", &seen.snapshot.timings.samples)),
    )
    .from("the collector"),
    Metric::new(
        "nvsmi_agent_metrics_processes_left_out",
        Kind::Gauge,
        "",
        "Processes without series, since there are more than --metrics-processes-max; those with the least memory.",
        Of::Agent(|seen, samples| {
            if let Some(left_out) = left_out(seen) {
                samples.push("", left_out);
            }
        }),
    )
    .from("the program, with `--metrics-processes`"),
    Metric::new(
        "nvsmi_agent_nvml_call_duration_seconds",
        Kind::Histogram,
        "seconds",
        "Duration of finished driver calls, by function, over all collectors.",
        Of::Calls(|seen, samples| {
            for (function, histogram) in &seen.snapshot.timings.calls {
                samples.histogram(&labels(&[("function", function)]), histogram);
            }
        }),
    )
    .with(&["function"])
    .from("the collector"),
    SNAPSHOT_AGE,
    HTTP_REQUESTS,
    HTTP_PANICS,
    SSE_CLIENTS,
];

pub(crate) const SNAPSHOT_AGE: Metric = Metric::new(
    "nvsmi_agent_snapshot_age_seconds",
    Kind::Gauge,
    "seconds",
    "How old the newest reading of any GPU was when this was asked for; none before the first.",
    Of::Asked,
)
.from("the boot clock");

pub(crate) const HTTP_REQUESTS: Metric = Metric::new(
    "nvsmi_agent_http_requests_total",
    Kind::Counter,
    "",
    "HTTP requests answered before this one, by route and status; `other` for paths without a route.",
    Of::Asked,
)
.with(&["route", "status"])
.from("the server");

pub(crate) const HTTP_PANICS: Metric = Metric::new(
    "nvsmi_agent_http_panics_total",
    Kind::Counter,
    "",
    "HTTP requests that ended in a panic; each was answered with 500.",
    Of::Asked,
)
.from("the server");

pub(crate) const SSE_CLIENTS: Metric =
    Metric::new("nvsmi_agent_sse_clients", Kind::Gauge, "", "Open connections to /api/v1/stream.", Of::Asked)
        .from("the server");
