//! A host as it is published: its state by the hub, and its last report.

use std::{borrow::Cow, sync::Arc, time::Duration};

use serde::Serialize;
use telemetry::{
    BootTime, Stamp,
    snapshot::{GpuState, UseVerdict},
};

use crate::{
    report::{GpuReport, MigReport, Report, Source},
    target::Target,
};

/// State of a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HostState {
    /// It reports, and its newest reading is at most three intervals old.
    Ok,
    /// No report yet, or its agent has read nothing yet.
    #[default]
    Starting,
    /// No reading for three intervals, or its agent says that it reads nothing.
    Stale,
    /// No connection, a timeout, or an answer that is not an agent's; also a host that is no longer listed.
    Unreachable,
    /// 401, 403 or an invalid certificate.
    Refused,
}

/// GPUs or MIG instances by use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UseCounts {
    /// Free.
    pub free: u32,
    /// Idle, with memory held.
    pub held: u32,
    /// Busy.
    pub busy: u32,
    /// Unknown, as all of a host that is not `ok`.
    pub unknown: u32,
}

/// MIG instances that are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MigCounts {
    /// Free.
    pub free: u32,
}

/// Counts of a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RowCounts {
    /// GPUs.
    pub gpus: UseCounts,
    /// MIG instances.
    pub mig: MigCounts,
}

/// State of a host, as it is shown. `None` is unknown, never zero.
#[derive(Clone, Debug)]
pub struct Host {
    /// Entry in the list of targets.
    pub target: Arc<Target>,
    /// State.
    pub state: HostState,
    /// Reason for a state other than `ok`, in one line.
    pub error: Option<Arc<str>>,
    /// Begin of this state, Unix time in milliseconds by the hub's clock.
    pub since_ms: u64,
    /// Time of its newest reading, by the hub's clocks.
    pub read: Option<Stamp>,
    /// Age of a reading from which on the host is stale: three intervals.
    pub limit: Duration,
    /// Its last report, which stays while there is no newer one.
    pub report: Option<Arc<Report>>,
    /// Its GPUs by use.
    pub counts: RowCounts,
    /// Name of another host that is `ok` and reports the UUID of one of its GPUs or instances.
    pub shares_with: Option<Arc<str>>,
}

impl HostState {
    /// All states, in the order in which they are counted.
    pub const ALL: [Self; 5] = [Self::Ok, Self::Starting, Self::Stale, Self::Unreachable, Self::Refused];

    /// Word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Starting => "starting",
            Self::Stale => "stale",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
        }
    }
}

impl UseCounts {
    /// Counts one more device.
    pub fn add(&mut self, usage: UseVerdict) {
        let count = match usage {
            UseVerdict::Free => &mut self.free,
            UseVerdict::Held => &mut self.held,
            UseVerdict::Busy => &mut self.busy,
            UseVerdict::Unknown => &mut self.unknown,
        };
        *count = count.saturating_add(1);
    }

    /// All devices.
    #[must_use]
    pub const fn total(&self) -> u32 {
        self.free.saturating_add(self.held).saturating_add(self.busy).saturating_add(self.unknown)
    }
}

impl Host {
    /// Name, unique on this hub.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.target.name
    }

    /// GPUs of the last report.
    #[must_use]
    pub fn gpus(&self) -> &[GpuReport] {
        self.report.as_ref().map_or(&[], |report| &report.gpus)
    }

    /// Problems that its agent reports, and that of the hub: one list, in this order.
    #[must_use]
    pub fn problems(&self) -> Vec<Cow<'_, str>> {
        let reported = self.report.iter().flat_map(|report| &report.problems).map(|problem| problem.as_str().into());
        let shared = self.shares_with.as_ref().map(|other| {
            format!(
                "{other} reports the same UUIDs, so find offers these GPUs on neither host. If both are one agent, list \
                 it once."
            )
        });
        reported.chain(shared.map(Cow::Owned)).collect()
    }

    /// Origin of the last report.
    #[must_use]
    pub fn source(&self) -> Option<Source> {
        self.report.as_ref().map(|report| report.source)
    }

    /// True if the host is `ok`, and still is at this time.
    #[must_use]
    pub fn is_current(&self, now: BootTime) -> bool {
        self.state == HostState::Ok && self.read.is_some_and(|read| now.since(read.boot) <= self.limit)
    }

    /// Use of one of its GPUs: unknown unless host and GPU are read on time.
    #[must_use]
    pub fn use_of(&self, gpu: &GpuReport) -> UseVerdict {
        if self.knows(gpu) { gpu.r#use } else { UseVerdict::Unknown }
    }

    /// Use of an instance of one of its GPUs, in the same way.
    #[must_use]
    pub fn use_of_instance(&self, gpu: &GpuReport, instance: &MigReport) -> UseVerdict {
        if self.knows(gpu) { instance.r#use } else { UseVerdict::Unknown }
    }

    /// True if the use of this GPU is known. The original and engines have no state of a GPU.
    pub(super) fn knows(&self, gpu: &GpuReport) -> bool {
        self.state == HostState::Ok && gpu.state.is_none_or(|state| state == GpuState::Ok)
    }

    /// Counts its GPUs.
    #[must_use]
    pub(super) fn count(&self) -> RowCounts {
        let mut counts = RowCounts::default();
        if let Some(sums) = self.report.as_ref().and_then(|report| report.counts) {
            let gpus = UseCounts { free: sums.free, held: sums.held, busy: sums.busy, unknown: sums.unknown };
            return match self.state {
                HostState::Ok => RowCounts { gpus, mig: MigCounts { free: sums.mig_free } },
                _ => RowCounts { gpus: UseCounts { unknown: gpus.total(), ..UseCounts::default() }, ..counts },
            };
        }
        for gpu in self.gpus() {
            counts.gpus.add(self.use_of(gpu));
            let free = gpu.mig.iter().filter(|mig| self.use_of_instance(gpu, mig) == UseVerdict::Free).count();
            counts.mig.free = counts.mig.free.saturating_add(u32::try_from(free).unwrap_or(u32::MAX));
        }
        counts
    }

    /// True if nothing that is shown differs.
    #[must_use]
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let same_report = match (&self.report, &other.report) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        same_report
            && Arc::ptr_eq(&self.target, &other.target)
            && self.shares_with == other.shares_with
            && (self.state, &self.error, self.since_ms, self.read)
                == (other.state, &other.error, other.since_ms, other.read)
    }
}
