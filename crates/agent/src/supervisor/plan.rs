//! Settings of the next collector, from what earlier ones reported and crashed in.

use std::time::{Duration, Instant};

use collector::{ExcludedGpu, Settings};
use telemetry::{
    derive::LeftOut,
    sample::{Call, Failure, LibraryFile},
};

/// NVML's return code without a kernel module.
const DRIVER_NOT_LOADED: u32 = 9;
/// Two crashes in calls for one GPU within this time exclude it, for the same time.
const EXCLUSION: Duration = Duration::from_secs(600);

/// Changes to the settings of the next collector.
#[derive(Debug, Default)]
pub(super) struct StartPlan {
    crashes: CrashHistory,
    /// GPUs that the present collector does not read.
    left_out: Vec<LeftOut>,
    /// PCI bus ids of the GPUs that the last collector left for suspension.
    suspended: Vec<String>,
    /// The library's file, if a collector could not initialize it.
    library: Option<LibraryFile>,
    /// The next collector waits for a kernel module.
    await_driver: bool,
    /// Suspension failed; it is not tried again until the driver changes.
    suspend_failed: bool,
}

impl StartPlan {
    /// Settings of a collector that is started now.
    pub(super) fn settings(&mut self, base: &Settings, now: Instant) -> Settings {
        let excluded = self.crashes.excluded(now);
        self.left_out = excluded.iter().map(|(out, _)| out.clone()).collect();
        Settings {
            excluded: excluded.iter().map(|(out, wait)| ExcludedGpu { gpu: out.gpu, retry_after: *wait }).collect(),
            library_seen: self.library.clone(),
            await_driver: self.await_driver,
            // Once: if this one ends before a GPU wakes, the next one reads.
            suspended: std::mem::take(&mut self.suspended),
            sleep_after: base.sleep_after.filter(|_| !self.suspend_failed),
            ..base.clone()
        }
    }

    /// GPUs that the present collector does not read.
    pub(super) fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Records the call that a collector crashed in.
    pub(super) fn crashed_in(&mut self, call: &Call, now: Instant) {
        if let Some(out) = self.crashes.add(call, now) {
            tracing::error!(
                gpu = out.gpu,
                function = out.function,
                "the library crashed twice in calls for this GPU: it is left out for ten minutes"
            );
        }
    }

    /// Records that the driver could not be read, by a library in this file. Only NVIDIA's library for discrete GPUs
    /// waits for a module: others, such as a simulated one, are tried again and again.
    pub(super) fn driver_failed(&mut self, failure: &Failure, library: Option<&LibraryFile>) {
        let not_loaded = failure.code == DRIVER_NOT_LOADED && failure.function.starts_with("nvmlInit");
        self.await_driver = not_loaded && library.is_some_and(|library| library.needs_module);
        self.library = library.cloned();
    }

    /// Lets the next collector load the library without waiting for a module; false if it would have done so.
    pub(super) fn try_driver(&mut self) -> bool {
        std::mem::take(&mut self.await_driver)
    }

    /// Records that a collector left so that these GPUs can be suspended.
    pub(super) fn suspend(&mut self, buses: &[String]) {
        tracing::info!(gpus = buses.len(), "every GPU is idle: closing the driver so that they can be suspended");
        self.suspended = buses.to_vec();
    }

    /// Records that the GPUs were not suspended.
    pub(super) fn suspend_failed(&mut self) {
        tracing::info!("the GPUs were not suspended: reading them again, without another try until the driver changes");
        self.suspend_failed = true;
    }

    /// Records that another driver was installed, which may suspend GPUs.
    pub(super) fn driver_replaced(&mut self) {
        self.suspend_failed = false;
    }
}

/// Recent crashes by GPU, and the GPUs excluded for them, so that the others are read.
#[derive(Debug, Default)]
struct CrashHistory {
    crashes: Vec<(u32, Instant)>,
    excluded: Vec<(LeftOut, Instant)>,
}

impl CrashHistory {
    /// Records the call that a collector crashed in; returns the GPU if it is excluded from now on.
    fn add(&mut self, call: &Call, now: Instant) -> Option<&LeftOut> {
        let gpu = call.gpu?;
        self.crashes.retain(|(_, when)| now.duration_since(*when) < EXCLUSION);
        self.crashes.push((gpu, now));
        if self.crashes.iter().filter(|(other, _)| *other == gpu).count() < 2 {
            return None;
        }
        self.crashes.retain(|(other, _)| *other != gpu);
        self.excluded.push((LeftOut { gpu, function: call.function.clone() }, now + EXCLUSION));
        self.excluded.last().map(|(out, _)| out)
    }

    /// Excluded GPUs, each with the remaining time.
    fn excluded(&mut self, now: Instant) -> Vec<(LeftOut, Duration)> {
        self.excluded.retain(|(_, until)| now < *until);
        self.excluded.iter().map(|(out, until)| (out.clone(), until.duration_since(now))).collect()
    }
}

#[cfg(test)]
mod tests {
    use telemetry::BootTime;

    use super::*;

    fn call(gpu: Option<u32>) -> Call {
        Call { function: "nvmlX".into(), gpu, since: BootTime(1) }
    }

    #[test]
    fn plan_passes_on_what_earlier_collectors_reported() {
        let now = Instant::now();
        let base = Settings { sleep_after: Some(Duration::from_secs(60)), ..Settings::default() };
        let never = Settings { sleep_after: None, ..base.clone() };
        let mut plan = StartPlan::default();
        assert_eq!(plan.settings(&base, now), base);
        assert_eq!(plan.settings(&never, now), never);
        plan.suspend(&["00000000:01:00.0".into()]);
        let suspended = Settings { suspended: vec!["00000000:01:00.0".into()], ..base.clone() };
        assert_eq!(plan.settings(&base, now), suspended);
        assert_eq!(plan.settings(&base, now), base, "once");
        plan.suspend_failed();
        assert_eq!(plan.settings(&base, now), never);
        plan.driver_replaced();
        plan.crashed_in(&call(Some(2)), now);
        plan.crashed_in(&call(Some(2)), now);
        let excluded = vec![ExcludedGpu { gpu: 2, retry_after: Duration::from_secs(600) }];
        assert_eq!(plan.settings(&base, now), Settings { excluded, ..base });
        assert_eq!(plan.left_out().len(), 1);
    }

    #[test]
    fn gpu_excluded_for_ten_minutes_after_two_crashes_in_ten_minutes() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut crashes = CrashHistory::default();
        assert_eq!(crashes.add(&call(None), at(0)), None);
        assert_eq!(crashes.add(&call(None), at(1)), None, "a call for no GPU");
        assert_eq!(crashes.add(&call(Some(1)), at(2)), None);
        assert_eq!(crashes.add(&call(Some(0)), at(3)), None, "another GPU");
        assert_eq!(crashes.add(&call(Some(1)), at(602)), None, "the first has expired");
        assert!(crashes.excluded(at(602)).is_empty());
        let out = LeftOut { gpu: 1, function: "nvmlX".into() };
        assert_eq!(crashes.add(&call(Some(1)), at(700)), Some(&out));
        assert_eq!(crashes.excluded(at(1000)), [(out, Duration::from_secs(300))]);
        assert!(crashes.excluded(at(1300)).is_empty());
        assert_eq!(crashes.add(&call(Some(1)), at(1301)), None, "counting starts again");
    }
}
