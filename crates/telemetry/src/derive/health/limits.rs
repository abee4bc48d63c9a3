//! Temperatures beyond a limit, and NVLinks that are down.

use std::borrow::Cow;

use crate::{
    derive::health::{FABRIC_COMPLETED, reason},
    readings::words,
    snapshot::{Gpu, Reason, Severity},
};

/// Thresholds outside of this range, in °C, are no thresholds: drivers return 0 where they have none.
const THRESHOLDS: std::ops::RangeInclusive<i64> = 50..=150;

fn threshold(reading: crate::Reading<impl Into<i64>>) -> Option<i64> {
    reading.ok().map(Into::into).filter(|celsius| THRESHOLDS.contains(celsius))
}

/// True at the temperature at which the GPU shuts itself down, or over it.
pub(super) fn reaches_shutdown(gpu: &Gpu) -> Option<bool> {
    let temperature = &gpu.readings.temperature;
    Some(i64::from(temperature.gpu_celsius.ok()?) >= threshold(temperature.shutdown_celsius)?)
}

/// True over the temperature at which it slows itself down. At it, the driver holds it there.
pub(super) fn exceeds_slowdown(gpu: &Gpu) -> Option<bool> {
    let temperature = &gpu.readings.temperature;
    let celsius = temperature.gpu_celsius.ok().map(i64::from);
    let by_threshold = celsius.zip(threshold(temperature.slowdown_celsius)).map(|(celsius, limit)| celsius > limit);
    let by_margin = temperature.margin_celsius.ok().map(|margin| margin < 0);
    match (by_threshold, by_margin) {
        (None, None) => None,
        (one, other) => Some(one.unwrap_or_default() || other.unwrap_or_default()),
    }
}

pub(super) fn shutdown_temperature(gpu: &Gpu) -> Reason {
    let temperature = &gpu.readings.temperature;
    let show = |celsius: Option<i64>| celsius.map_or_else(|| "?".into(), |celsius| celsius.to_string());
    let text = format!(
        "it is at {} °C, and shuts down at {} °C",
        show(temperature.gpu_celsius.ok().map(Into::into)),
        show(threshold(temperature.shutdown_celsius))
    );
    reason(
        Severity::Critical,
        "shutdown_temperature",
        text,
        "Stop its load now; check fans, airflow and the room's temperature.",
    )
}

pub(super) fn slowdown_temperature() -> Reason {
    let text = "it is hotter than the temperature at which it slows itself down";
    reason(Severity::Warning, "slowdown_temperature", text, "Check fans, dust, airflow and the room's temperature.")
}

/// True if NVLinks are down that should be up: on a fabric that the GPU has joined, all of them, elsewhere as many as
/// have been up since the agent started. A card without a bridge has links that were never up.
pub(super) fn links_are_down(gpu: &Gpu, most_up: u32) -> Option<bool> {
    let nvlink = &gpu.readings.nvlink;
    let (active, total) = (nvlink.links_active.ok()?, nvlink.links_total.ok()?);
    Some(active < if is_joined(gpu) { total } else { most_up })
}

fn is_joined(gpu: &Gpu) -> bool {
    gpu.readings.fabric.state == Ok(FABRIC_COMPLETED)
}

pub(super) fn links_down(gpu: &Gpu, most_up: u32) -> Reason {
    let nvlink = &gpu.readings.nvlink;
    let active = nvlink.links_active.unwrap_or_default();
    let wanted = if is_joined(gpu) { nvlink.links_total.unwrap_or_default() } else { most_up };
    // Without any, CUDA does not start on a GPU of a fabric.
    let severity = if active == 0 && is_joined(gpu) { Severity::Critical } else { Severity::Warning };
    let text = format!("{active} of {wanted} NVLinks are up");
    let action = "Check the kernel's log for NVLink errors, the fabric manager and the other GPUs; then reset the GPU.";
    reason(severity, "nvlink_down", text, action)
}

/// Problems of the fabric that only slow it down or are being repaired: bandwidth, and recoveries of routes and
/// accesses.
const MILD: [&str; 3] = ["degraded_bandwidth", "route_recovery", "access_timeout_recovery"];
/// `nvmlGpuFabricHealthSummary`: unhealthy, and limited capacity.
const UNHEALTHY: u32 = 2;
const LIMITED: u32 = 3;

fn problems(gpu: &Gpu) -> Vec<Cow<'static, str>> {
    words::set_bits(gpu.readings.fabric.problems.unwrap_or_default(), words::FABRIC_PROBLEMS).collect()
}

/// True if the driver reports that the GPU's fabric is unhealthy or names problems.
pub(super) fn fabric_is_unwell(gpu: &Gpu) -> Option<bool> {
    let fabric = &gpu.readings.fabric;
    if fabric.health.is_err() && fabric.problems.is_err() {
        return None;
    }
    Some(matches!(fabric.health, Ok(UNHEALTHY | LIMITED)) || !problems(gpu).is_empty())
}

pub(super) fn fabric_health(gpu: &Gpu) -> Reason {
    let problems = problems(gpu);
    let is_mild =
        gpu.readings.fabric.health != Ok(UNHEALTHY) && problems.iter().all(|problem| MILD.contains(&problem.as_ref()));
    let severity = if is_mild { Severity::Warning } else { Severity::Critical };
    let named = if problems.is_empty() { String::new() } else { format!(": {}", problems.join(", ")) };
    let text = format!("the driver reports that its NVLink fabric is not healthy{named}");
    reason(
        severity,
        "fabric_unhealthy",
        text,
        "Check the fabric manager, the partition and the NVLink switches of its domain.",
    )
}
