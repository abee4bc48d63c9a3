//! Calls into the driver, in words.

use telemetry::{BootTime, sample::Call};

/// A collector with the calls that it is in.
pub(super) fn named(pid: u32, in_flight: &[Call]) -> String {
    let during = calls(in_flight);
    let during = if during.is_empty() { String::new() } else { format!(", in {during},") };
    format!("the collector (PID {pid}){during}")
}

/// Calls in words, the oldest first.
pub(super) fn calls(calls: &[Call]) -> String {
    let now = BootTime::now();
    let one = |call: &Call| {
        let seconds = now.since(call.since).as_secs();
        match call.gpu {
            Some(gpu) => format!("{} on GPU {gpu} for {seconds} s", call.function),
            None => format!("{} for {seconds} s", call.function),
        }
    };
    calls.iter().map(one).collect::<Vec<_>>().join(", ")
}
