//! Users of the GPUs: the processes, summed by account or by container.

use std::collections::{BTreeMap, BTreeSet};

use telemetry::{
    Absence, Reading,
    snapshot::{Gpu, Process, Snapshot, Usage, UseVerdict},
};

use crate::v1::view::{Absent, ViewContext, Why, view};

view! {
    /// Account, or container that counts instead of its accounts, with its use of the GPUs.
    struct UserView of (context, tally: &Tally) {
        /// Name of the account, or the uid in digits if it has none. For a container its name, in a pod `namespace/pod/container`, or the first 12 digits of its ID.
        /// Source: `getpwuid_r`; as the processes' `container_name`. Read: derived. Absent: as the processes' `owner`.
        private user: Option<String> = tally.user.clone();
        /// Real user ID of the account; null for a container whose processes have several, or that has accounts of its own.
        /// Source: `/proc/PID/status`, `Uid`. Read: derived. Absent: as the processes' `uid`; null for such a container.
        private_opt uid: Option<u32> = tally.uid;
        /// ID of the container whose processes are counted; null for an account. Root counts for its container, another account with `--count-containers container`, and each in a system container.
        /// Source: `/proc/PID/cgroup`, else `/proc/PID/cmdline` of an ancestor. Read: derived. Absent: null for an account.
        private_opt container: Option<String> = Ok(tally.container.clone());
        /// Indices of the GPUs with its processes.
        /// Source: derived from the processes. Read: derived. Absent: never.
        value gpus: Vec<u32> = tally.gpus.iter().copied().collect();
        /// Number of its processes, each counted once.
        /// Source: derived from the processes. Read: derived. Absent: never.
        value processes: usize = tally.pids.len();
        /// GPU memory of its processes, where that is reported.
        /// Source: derived from the processes. Read: derived. Absent: where it is reported for none.
        read gpu_memory_bytes: Option<u64> = tally.gpu_memory_bytes;
        /// Share of SM time over all GPUs, in % of one, where that is reported.
        /// Source: derived from the processes. Read: derived. Absent: where it is reported for none.
        read sm_percent: Option<u64> = tally.sm_percent;
        /// Age of its oldest process.
        /// Source: derived from the processes. Read: derived. Absent: where it is reported for none.
        read longest_run_seconds: Option<u64> = tally.longest_run_seconds;
        /// Idle GPUs, or MIG instances, that it holds.
        value held_idle: Vec<HeldView> =
            tally.held.values().enumerate().map(|(at, held)| {
                context.part(format_args!("held_idle.{at}"), |context| HeldView::of(context, held))
            }).collect();
        /// Reasons why values of this row are null, by dotted path.
        value absent: Absent = context.absent();
    }
}

view! {
    /// An idle GPU that is held.
    struct HeldView of (context, held: &Held) {
        /// Index of the GPU.
        /// Source: derived. Read: derived. Absent: never.
        value gpu: u32 = held.gpu;
        /// Held memory of its processes, where that is reported.
        /// Source: derived from the processes. Read: derived. Absent: where it is reported for none.
        read gpu_memory_bytes: Option<u64> = held.gpu_memory_bytes;
        /// Time since which the GPU has been held, Unix time in milliseconds.
        /// Source: derived. Read: derived. Absent: never.
        value since: u64 = held.since;
    }
}

/// Sums of one account or container.
pub(crate) struct Tally {
    user: Result<String, Why>,
    /// None for a container with several, or with accounts of its own.
    uid: Reading<Option<u32>>,
    container: Option<String>,
    gpus: BTreeSet<u32>,
    pids: BTreeSet<u32>,
    gpu_memory_bytes: Reading<u64>,
    sm_percent: Reading<u64>,
    longest_run_seconds: Reading<u64>,
    held: BTreeMap<(u32, Option<u32>, Option<u32>), Held>,
}

/// A GPU or an instance of it, with the memory that is held there.
pub(crate) struct Held {
    gpu: u32,
    gpu_memory_bytes: Reading<u64>,
    since: u64,
}

/// Account or container that a process counts for: true if unknown, the uid, and the container's ID with its runtime.
type Counted<'a> = (bool, Option<u32>, Option<(&'a str, Option<&'a str>)>);

/// Each account and container on these GPUs: accounts by uid, containers after root, those unknown last.
pub(crate) fn users(context: &mut ViewContext, snapshot: &Snapshot) -> Vec<UserView> {
    let mut tallies: BTreeMap<Counted<'_>, Tally> = BTreeMap::new();
    for gpu in &snapshot.gpus {
        for process in &gpu.processes {
            let container = process.counts_for_container();
            let unknown = container.is_none() && process.uid.is_err() || process.is_unplaced().is_some();
            let uid = if container.is_some() { Some(0) } else { process.uid.ok() };
            // Two runtimes may have a container of the same name.
            let key = (unknown, uid, container.map(|it| (it.id.as_str(), it.runtime.as_deref())));
            let new = || Tally::new(process, container.map(|container| container.id.clone()));
            tallies.entry(key).or_insert_with(new).add(gpu, process);
        }
    }
    tallies.values().map(|tally| UserView::of(context, tally)).collect()
}

impl Tally {
    fn new(process: &Process, container: Option<String>) -> Self {
        Self {
            user: process.owner().map_err(Why::from),
            uid: if process.system_container.is_some() { Ok(None) } else { process.uid.map(Some) },
            container,
            gpus: BTreeSet::new(),
            pids: BTreeSet::new(),
            gpu_memory_bytes: Err(Absence::NotSupported),
            sm_percent: Err(Absence::NotSupported),
            longest_run_seconds: Err(Absence::Timeout),
            held: BTreeMap::new(),
        }
    }

    fn add(&mut self, gpu: &Gpu, process: &Process) {
        if self.user.is_err() || process.user.is_some() {
            self.user = process.owner().map_err(Why::from);
        }
        if self.container.is_some() {
            self.uid = match (self.uid, process.uid) {
                (Err(_), uid) => uid.map(Some),
                (Ok(Some(known)), Ok(uid)) if uid != known => Ok(None),
                (known, _) => known,
            };
        }
        self.gpus.insert(gpu.index);
        self.pids.insert(process.pid);
        self.gpu_memory_bytes = sum(self.gpu_memory_bytes, process.gpu_memory_bytes);
        self.sm_percent = sum(self.sm_percent, process.share.map(|share| u64::from(share.sm_percent)));
        let ran = process.running.map(|running| running.as_secs());
        self.longest_run_seconds = match (self.longest_run_seconds, ran) {
            (Ok(longest), Ok(ran)) => Ok(longest.max(ran)),
            (longest, ran) => longest.or(ran),
        };
        let usage = usage_of(gpu, process);
        if usage.verdict == UseVerdict::Held && process.holds {
            let place = (gpu.index, process.gpu_instance, process.compute_instance);
            let held = self.held.entry(place).or_insert_with(|| Held {
                gpu: gpu.index,
                gpu_memory_bytes: Err(Absence::NotSupported),
                since: usage.since.unix_ms,
            });
            held.gpu_memory_bytes = sum(held.gpu_memory_bytes, process.gpu_memory_bytes);
        }
    }
}

/// Use of the MIG instance that a process runs in, else of the GPU.
fn usage_of<'a>(gpu: &'a Gpu, process: &Process) -> &'a Usage {
    gpu.instance_of(process).map_or(&gpu.usage, |mig| &mig.usage)
}

/// Sum of the values that are reported; the newest reason if none is.
fn sum(so_far: Reading<u64>, next: Reading<u64>) -> Reading<u64> {
    match (so_far, next) {
        (Ok(so_far), Ok(next)) => Ok(so_far.saturating_add(next)),
        (Ok(so_far), Err(_)) => Ok(so_far),
        (Err(_), next) => next,
    }
}
