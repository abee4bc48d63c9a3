//! Metrics of the agent itself.

use telemetry::{VariantNames as _, snapshot::CollectorState};

use super::process::left_out;
use crate::metrics::{
    table::{Metric, Of},
    text::Kind,
};

pub(crate) const METRICS: &[Metric] = &[
    Metric::new(
        "nvsmi_agent_build_info",
        Kind::Gauge,
        "",
        "Version of the agent, as a label; always 1.",
        Of::Agent(|_, samples| samples.push(&[env!("CARGO_PKG_VERSION")], 1)),
    )
    .with(&["version"])
    .from("the program"),
    Metric::new(
        "nvsmi_agent_host_info",
        Kind::Gauge,
        "",
        "Name of the host, as a label; always 1. Empty if it is unknown.",
        Of::Agent(|seen, samples| {
            samples.push(&[seen.snapshot.host.hostname.as_deref().unwrap_or_default()], 1);
        }),
    )
    .with(&["hostname"])
    .in_fleet()
    .from("`/proc/sys/kernel/hostname`, or `--hostname`"),
    Metric::new(
        "nvsmi_agent_driver_info",
        Kind::Gauge,
        "",
        "Versions of the driver, as labels; always 1. Absent before the driver's first answer.",
        Of::Agent(|seen, samples| {
            let Some(driver) = &seen.snapshot.driver else { return };
            let known = |text: &Result<String, _>| text.clone().unwrap_or_default();
            let cuda = driver.cuda_version.map(telemetry::readings::words::cuda_version).unwrap_or_default();
            samples.push(&[&known(&driver.driver_version), &known(&driver.nvml_version), &cuda], 1);
        }),
    )
    .with(&["driver_version", "nvml_version", "cuda_version"])
    .from("`nvmlSystemGetDriverVersion`, `nvmlSystemGetNVMLVersion`, `nvmlSystemGetCudaDriverVersion_v2`"),
    Metric::new(
        "nvsmi_agent_collector_state",
        Kind::Gauge,
        "",
        "State of the collector: 1 for the current one, 0 for the others.",
        Of::Agent(|seen, samples| samples.states(CollectorState::VARIANTS, seen.snapshot.collector.state.as_str())),
    )
    .with(&["state"])
    .states_in_fleet(&["ok"], &["released"])
    .from("derived: `starting`, `ok`, `stalled`, `restarting`, `no_driver`, `released`"),
    Metric::new(
        "nvsmi_agent_collector_restarts_total",
        Kind::Counter,
        "",
        "Unexpected restarts of the collector.",
        Of::Agent(|seen, samples| samples.push(&[], seen.snapshot.collector.restarts)),
    )
    .from("the supervisor"),
    Metric::new(
        "nvsmi_agent_sample_duration_seconds",
        Kind::Histogram,
        "seconds",
        "Duration of a sample: from the tick until the last GPU was read that was not late.",
        Of::Agent(|seen, samples| samples.histogram(&seen.snapshot.timings.samples)),
    )
    .from("the collector"),
    Metric::new(
        "nvsmi_agent_metrics_processes_left_out",
        Kind::Gauge,
        "",
        "Processes without series, since there are more than --metrics-processes-max; those with the least memory.",
        Of::Agent(|seen, samples| {
            if let Some(left_out) = left_out(seen) {
                samples.push(&[], left_out);
            }
        }),
    )
    .from("the program, with `--metrics-processes`"),
    Metric::new(
        "nvsmi_agent_nvml_call_duration_seconds",
        Kind::Summary,
        "seconds",
        "Duration of finished driver calls, by function, over all collectors; in the set full.",
        Of::Calls(|seen, samples| {
            for (function, histogram) in &seen.snapshot.timings.calls {
                samples.summary(function, histogram);
            }
        }),
    )
    .with(&["function"])
    .from("the collector"),
    Metric::new(
        "nvsmi_agent_snapshot_timestamp_seconds",
        Kind::Gauge,
        "seconds",
        "Unix time of the newest reading of any GPU; absent before the first.",
        Of::Agent(|seen, samples| {
            if let Some(read_at) = seen.snapshot.read_at {
                samples.push(&[], unix_seconds(read_at.unix_ms));
            }
        }),
    )
    .in_fleet()
    .from("the wall clock"),
    Metric::new(
        "nvsmi_agent_interval_seconds",
        Kind::Gauge,
        "seconds",
        "Interval between readings.",
        Of::Agent(|seen, samples| samples.push(&[], seen.snapshot.interval.as_secs_f64())),
    )
    .in_fleet()
    .from("`--interval`"),
    Metric::new(
        "nvsmi_agent_http_requests_total",
        Kind::Counter,
        "",
        "HTTP requests answered before this snapshot, by route and status; `other` for paths without a route.",
        Of::Agent(|seen, samples| {
            if let Some(http) = seen.http.counters() {
                http.requests.each(|route, status, count| {
                    samples.push(&[route, status], count);
                });
            }
        }),
    )
    .with(&["route", "status"])
    .from("the server"),
    Metric::new(
        "nvsmi_agent_http_panics_total",
        Kind::Counter,
        "",
        "HTTP requests that ended in a panic; each was answered with 500.",
        Of::Agent(|seen, samples| {
            if let Some(http) = seen.http.counters() {
                samples.push(&[], http.requests.panics());
            }
        }),
    )
    .from("the server"),
    Metric::new(
        "nvsmi_agent_sse_clients",
        Kind::Gauge,
        "",
        "Open connections to /api/v1/stream.",
        Of::Agent(|seen, samples| {
            if let Some(http) = seen.http.counters() {
                samples.push(&[], http.streams.taken());
            }
        }),
    )
    .from("the server"),
];

/// Seconds with the fraction that milliseconds have.
fn unix_seconds(ms: u64) -> f64 {
    std::time::Duration::from_millis(ms).as_secs_f64()
}
