//! Events in the log: one line each, with the GPU and the remedy.

use std::time::{Duration, Instant};

use telemetry::snapshot::{Event, Severity, Snapshot};

/// Lines that may be written at once.
const BURST: u32 = 200;
/// Time until one more may be written.
const REFILL: Duration = Duration::from_secs(1);

/// Log of events, with a rate limit: a driver can report thousands of errors in a second.
#[derive(Debug)]
pub(super) struct EventLog {
    /// Time at which [`BURST`] lines may be written again.
    full_at: Instant,
    left_out: u64,
}

impl EventLog {
    pub(super) fn new(now: Instant) -> Self {
        Self { full_at: now, left_out: 0 }
    }

    /// Logs the events that are new in this snapshot.
    pub(super) fn write(&mut self, snapshot: &Snapshot, now: Instant) {
        let is_old = |event: &Event| event.sequence != snapshot.sequence;
        let first = snapshot.events.iter().rposition(is_old).map_or(0, |last| last + 1);
        for event in &snapshot.events[first..] {
            if !self.allows(now) {
                self.left_out += 1;
                continue;
            }
            self.report_left_out();
            let gpu = snapshot.gpus.iter().find(|gpu| event.gpu_uuid.as_ref().is_some_and(|uuid| *uuid == gpu.key));
            line(event, gpu.map(|gpu| gpu.index));
        }
        if self.left_out > 0 && now >= self.full_at {
            self.report_left_out();
        }
    }

    fn allows(&mut self, now: Instant) -> bool {
        let full_at = self.full_at.max(now) + REFILL;
        let is_allowed = full_at.duration_since(now) <= REFILL * BURST;
        if is_allowed {
            self.full_at = full_at;
        }
        is_allowed
    }

    fn report_left_out(&mut self) {
        let events = std::mem::take(&mut self.left_out);
        if events > 0 {
            tracing::warn!(events, "events came faster than they are logged; /api/v1/events has the newest 10,000");
        }
    }
}

fn line(event: &Event, gpu: Option<u32>) {
    let Event { text, code, .. } = event;
    let uuid = event.gpu_uuid.as_deref();
    let action = Some(event.action.as_str()).filter(|action| !action.is_empty());
    match event.severity {
        Severity::Ok => tracing::info!(gpu, uuid, code, action, "{text}"),
        Severity::Warning => tracing::warn!(gpu, uuid, code, action, "{text}"),
        Severity::Critical => tracing::error!(gpu, uuid, code, action, "{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_limited_to_burst_and_one_per_second() {
        let begun = Instant::now();
        let mut log = EventLog::new(begun);
        let allowed = |log: &mut EventLog, now| (0..1000).filter(|_| log.allows(now)).count();
        assert_eq!(allowed(&mut log, begun), 200);
        assert_eq!(allowed(&mut log, begun + REFILL * 5), 5);
        assert_eq!(allowed(&mut log, begun + REFILL * 9000), 200);
    }
}
