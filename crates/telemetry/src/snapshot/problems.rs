//! Problems of a host and its GPUs in plain words.

use super::{CollectorState, Gpu, GpuState, Severity, Snapshot};

/// A problem of the host or of a GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Severity.
    pub severity: Severity,
    /// Description, such as `GPU 3: Xid 79: GPU has fallen off the bus`.
    pub text: String,
}

impl Snapshot {
    /// Problems of the host and its GPUs, the worst first; of equal ones, those of the host first.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut all: Vec<Problem> = self.collector_problem().into_iter().collect();
        all.extend(self.missing.iter().map(|gpu| Problem { severity: Severity::Critical, text: gpu.text() }));
        // While nothing is read at all, one problem says so for all GPUs.
        let is_read = self.collector.state == CollectorState::Ok;
        for gpu in &self.gpus {
            all.extend(gpu.health.reasons.iter().map(|reason| Problem {
                severity: reason.severity,
                text: format!("GPU {}: {}", gpu.index, reason.text),
            }));
            all.extend(gpu.state_problem().filter(|_| is_read));
        }
        all.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
        all
    }

    fn collector_problem(&self) -> Option<Problem> {
        let (severity, text) = match &self.collector.state {
            CollectorState::Ok | CollectorState::Starting => return None,
            CollectorState::NoDriver { text } => (Severity::Critical, format!("the driver cannot be read: {text}")),
            CollectorState::Stalled => (Severity::Critical, "no GPU is read".into()),
            CollectorState::Restarting => (Severity::Critical, "the collector is restarted".into()),
            CollectorState::Released => (Severity::Warning, "the driver is released".into()),
        };
        let detail = self.collector.detail.as_ref().map_or_else(String::new, |detail| format!(": {detail}"));
        Some(Problem { severity, text: text + &detail })
    }
}

impl Gpu {
    /// The problem of a state that no reason of its health explains, such as the first seconds without a reading.
    fn state_problem(&self) -> Option<Problem> {
        let is_fine = matches!(self.state, GpuState::Ok | GpuState::Asleep);
        if is_fine || !self.health.reasons.is_empty() {
            return None;
        }
        let detail = self.state_detail.as_ref().map_or_else(String::new, |detail| format!(": {detail}"));
        let text = format!("GPU {}: {}{detail}", self.index, self.state.as_str());
        Some(Problem { severity: Severity::Warning, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixtures, snapshot::Reason};

    fn texts(snapshot: &Snapshot) -> Vec<String> {
        snapshot.problems().into_iter().map(|problem| problem.text).collect()
    }

    #[test]
    fn problems_listed_worst_first() {
        let reason =
            |severity, text: &str| Reason { severity, code: String::new(), text: text.into(), action: String::new() };
        let mut gpus: Vec<Gpu> = (0..4).map(fixtures::gpu).collect();
        gpus[0].health.reasons = vec![reason(Severity::Warning, "hot")];
        (gpus[1].state, gpus[1].state_detail) = (GpuState::Stale, Some("nvmlDeviceGetMemoryInfo hangs".into()));
        gpus[2].state = GpuState::Asleep;
        gpus[3].state = GpuState::Lost;
        gpus[3].health.reasons = vec![reason(Severity::Critical, "Xid 79"), reason(Severity::Warning, "slow link")];
        let mut snapshot = fixtures::snapshot(CollectorState::Ok, gpus);
        assert_eq!(
            texts(&snapshot),
            ["GPU 3: Xid 79", "GPU 0: hot", "GPU 1: stale: nvmlDeviceGetMemoryInfo hangs", "GPU 3: slow link"]
        );
        snapshot.collector.state = CollectorState::Stalled;
        snapshot.collector.detail = Some("nvmlInit hangs".into());
        snapshot.gpus.truncate(2);
        assert_eq!(texts(&snapshot), ["no GPU is read: nvmlInit hangs", "GPU 0: hot"]);
        let text = "Driver Not Loaded".to_owned();
        assert_eq!(
            texts(&fixtures::snapshot(CollectorState::NoDriver { text }, vec![])),
            ["the driver cannot be read: Driver Not Loaded"]
        );
        assert!(fixtures::snapshot(CollectorState::Starting, vec![]).problems().is_empty());
    }
}
