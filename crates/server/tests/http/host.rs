//! A host made by hand, of which the unit tests, the tests of the whole and the example each use a part.
#![allow(dead_code, reason = "each of its users needs another part")]

use std::{sync::Arc, time::Duration};

use telemetry::{
    Absence, BootTime, Stamp,
    sample::{Activity, FastSet, Identity, Life, Memory, SlowSet, Traffic, Utilization},
    snapshot::{
        Collector, CollectorState, Gpu, GpuState, Health, Host, Process, ProcessKind, Snapshot, Totals, Usage, Xid,
    },
};

const NOW: Stamp = Stamp { boot: BootTime(1_000_000), unix_ms: 1_795_406_910_864 };

/// A snapshot of these GPUs.
pub(crate) fn snapshot(state: CollectorState, gpus: Vec<Gpu>) -> Snapshot {
    Snapshot {
        sequence: 1,
        at: NOW,
        collector: Collector { state, since: NOW, detail: None, restarts: 0, sample_duration: None },
        driver: None,
        host: Host::absent(Absence::NotSupported),
        gpus,
        events: Arc::default(),
        read_at: None,
        timings: Arc::default(),
    }
}

/// The board of the recordings, with no process on it.
pub(crate) fn gpu(index: u32) -> Gpu {
    Gpu {
        index,
        state: GpuState::Ok,
        state_detail: None,
        read_at: NOW,
        never_read: false,
        age: Duration::ZERO,
        identity: Identity {
            uuid: Ok(format!("GPU-{index}")),
            name: Ok("NVIDIA GeForce RTX 3090".into()),
            ..Identity::absent(Absence::NotSupported)
        },
        fast: FastSet {
            memory: Ok(Memory {
                total_bytes: 25_769_803_776,
                used_bytes: Ok(12_297_699_328),
                free_bytes: Ok(25_769_803_776 - 12_297_699_328 - 338_690_048),
                reserved_bytes: Ok(338_690_048),
                unified: false,
            }),
            fan_percent: Ok(51),
            temperature_celsius: Ok(55),
            power_draw_mw: Ok(119_312),
            power_limit_mw: Ok(350_000),
            utilization: Ok(Utilization { gpu_percent: 5, memory_percent: 1 }),
            ..FastSet::absent(Absence::NotSupported)
        },
        slow: SlowSet::absent(Absence::NotSupported),
        activity: Activity::absent(Absence::NotSupported),
        traffic: Traffic::absent(Absence::NotSupported),
        mig: Ok(Vec::new()),
        pods: Err(Absence::NotSupported),
        xid: Xid {
            since: Err(Absence::NotSupported),
            last: None,
            count: Err(Absence::NotSupported),
            by_severity: [0; 3],
            held: Vec::new(),
        },
        usage: Usage::unknown(NOW, Absence::NotSupported),
        health: Health::default(),
        processes: Vec::new(),
        totals: Totals::absent(Absence::NotSupported),
        jobs: None,
    }
}

/// A live program in the compute list.
pub(crate) fn process(pid: u32) -> Process {
    Process {
        pid,
        kind: ProcessKind::Compute,
        extra: false,
        gpu_memory_bytes: Ok(100 << 20),
        gpu_instance: None,
        compute_instance: None,
        life: Life::Running,
        uid: Ok(1000),
        user: Some("dave".into()),
        running: Ok(Duration::from_millis(973_900)),
        arguments: Ok(vec!["python".into(), "my train.py".into()]),
        name: Ok("python".into()),
        started_at_ms: Ok(NOW.unix_ms - 973_900),
        share: Err(Absence::NotSupported),
        cpu_percent: Err(Absence::NotSupported),
        host_memory_bytes: Ok(2 << 30),
        placed: Ok(()),
        holds: true,
        container: None,
        pod: None,
        job: None,
    }
}

/// Eight GPUs and twenty processes on them, with command lines of the usual length.
pub(crate) fn busy() -> Snapshot {
    let mut gpus: Vec<Gpu> = (0..8).map(gpu).collect();
    for (pid, position) in (1000..1020).zip((0..8).cycle()) {
        let arguments = ["python", "train.py", "--config", "configs/llama-70b.yaml", "--lr", "3e-4"];
        gpus[position].processes.push(Process { arguments: Ok(arguments.map(String::from).into()), ..process(pid) });
    }
    snapshot(CollectorState::Ok, gpus)
}
