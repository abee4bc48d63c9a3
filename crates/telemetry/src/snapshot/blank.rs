//! Things of which nothing is known, for tests to fill in.

use std::time::Duration;

use super::{Gpu, GpuState, Health, ListsRead, Process, ProcessKind, Totals, Usage, Xid};
use crate::{
    Absence::{self, NotSupported},
    BootTime, Stamp,
    readings::{Identity, Readings},
    sample::{Life, Memory},
};

pub(crate) fn at(boot_ms: u64) -> Stamp {
    Stamp { boot: BootTime(boot_ms), unix_ms: 1_700_000_000_000 + boot_ms }
}

pub(crate) fn process(pid: u32) -> Process {
    Process {
        pid,
        kind: ProcessKind::Compute,
        extra: false,
        gpu_memory_bytes: Err(NotSupported),
        gpu_instance: None,
        compute_instance: None,
        life: Life::Running,
        uid: Err(NotSupported),
        user: None,
        running: Err(NotSupported),
        arguments: Err(NotSupported),
        name: Err(NotSupported),
        started_at_ms: Err(NotSupported),
        share: Err(NotSupported),
        cpu_percent: Err(NotSupported),
        host_memory_bytes: Err(NotSupported),
        placed: Ok(()),
        holds: false,
        container: None,
        pod: None,
        job: None,
    }
}

pub(crate) const fn memory(total_bytes: u64) -> Memory {
    Memory {
        total_bytes,
        used_bytes: Err(NotSupported),
        free_bytes: Err(NotSupported),
        reserved_bytes: Err(NotSupported),
        unified: false,
    }
}

pub(crate) fn gpu(uuid: &str, read_at: Stamp) -> Gpu {
    Gpu {
        index: 0,
        state: GpuState::Ok,
        state_detail: None,
        read_at,
        never_read: false,
        age: Duration::ZERO,
        identity: Identity { uuid: Ok(uuid.into()), ..Identity::absent(NotSupported) },
        readings: Readings::absent(NotSupported),
        lists: ListsRead::absent(NotSupported),
        mig: Err(NotSupported),
        pods: Err(NotSupported),
        xid: Xid {
            since: Err(Absence::NotSupported),
            last: None,
            count: Err(NotSupported),
            by_severity: [0; 3],
            held: Vec::new(),
        },
        usage: Usage::unknown(read_at, NotSupported),
        health: Health::default(),
        processes: Vec::new(),
        totals: Totals::absent(NotSupported),
        jobs: None,
    }
}
