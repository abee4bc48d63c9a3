//! What was slow in a capture, did not come back or brought the library down, as faults of its playback.

use std::{collections::BTreeMap, fmt::Write as _};

use nix::sys::signal::Signal;
use telemetry::{capture::Record, sample::Call};

use super::{End, scenario::gpu_of, toml};

/// What went wrong with the capture goes wrong with its playback, after as many calls as went well.
pub(super) fn faults(text: &mut String, records: &[Record], end: &End, gpus: u32) {
    let (calls, effect): (Vec<&Call>, &str) = match end {
        End::Whole => return,
        End::Late { calls, .. } => (calls.iter().filter(|at| at.hangs()).map(|at| &at.call).collect(), "hang = true"),
        End::Died { signal, call, .. } => {
            let aborted = *signal == Some(Signal::SIGABRT as i32);
            (call.iter().collect(), if aborted { "crash = \"abort\"" } else { "crash = \"segv\"" })
        }
    };
    for call in calls.iter().filter(|call| call.function.starts_with("nvml")) {
        write!(text, "\n[[fault]]\nfunction = {}\n", toml::text(&call.function)).unwrap_or_default();
        if let Some(gpu) = call.gpu.filter(|gpu| *gpu < gpus) {
            writeln!(text, "gpu = {gpu}").unwrap_or_default();
        }
        let went_well = |record: &&Record| record.function == call.function && gpu_of(&record.about) == call.gpu;
        writeln!(text, "after_calls = {}\n{effect}", records.iter().filter(went_well).count()).unwrap_or_default();
    }
}

/// A call that takes so long is slow in the playback too.
const SLOW_US: u64 = 50_000;

/// The functions that were slow, each as slow as it ever was, in steps that do not depend on a host's load.
pub(super) fn latencies(text: &mut String, records: &[Record]) {
    let mut slowest: BTreeMap<(Option<u32>, &str), u64> = BTreeMap::new();
    for record in records.iter().filter(|record| record.took_us >= SLOW_US && !waits(&record.function)) {
        let slowest = slowest.entry((gpu_of(&record.about), &record.function)).or_default();
        *slowest = record.took_us.max(*slowest);
    }
    for ((gpu, function), took_us) in slowest {
        write!(text, "\n[[fault]]\nfunction = {}\n", toml::text(function)).unwrap_or_default();
        if let Some(gpu) = gpu {
            writeln!(text, "gpu = {gpu}").unwrap_or_default();
        }
        writeln!(text, "latency_ms = {}", took_us / SLOW_US * SLOW_US / 1000).unwrap_or_default();
    }
}

/// Whether it is a function's work to wait.
fn waits(function: &str) -> bool {
    function.starts_with("nvmlEventSetWait")
}
