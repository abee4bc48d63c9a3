//! A host made by hand, of which the unit tests, the tests of the whole and the example each use a part.
#![allow(dead_code, reason = "each of its users needs another part")]

use std::{sync::Arc, time::Duration};

use telemetry::{
    Absence, BootTime, Stamp,
    readings::{Fans, Identity, MemoryReadings, PowerReadings, Readings, Temperature, Utilization},
    sample::Life,
    snapshot::{
        Collector, CollectorState, Gpu, GpuState, Health, Host, ListsRead, Process, ProcessKind, Snapshot, Totals,
        Usage, Xid,
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
        readings: readings(),
        lists: ListsRead::absent(Absence::NotSupported),
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

fn readings() -> Readings {
    const NONE: Absence = Absence::NotSupported;
    Readings {
        memory: MemoryReadings {
            total_bytes: Ok(25_769_803_776),
            used_bytes: Ok(12_297_699_328),
            free_bytes: Ok(25_769_803_776 - 12_297_699_328 - 338_690_048),
            reserved_bytes: Ok(338_690_048),
            unified: Ok(false),
            ..MemoryReadings::absent(NONE)
        },
        fans: Fans { speed_percent: Ok(51), ..Fans::absent(NONE) },
        temperature: Temperature { gpu_celsius: Ok(55), ..Temperature::absent(NONE) },
        power: PowerReadings { draw_mw: Ok(119_312), limit_mw: Ok(350_000), ..PowerReadings::absent(NONE) },
        utilization: Utilization { gpu_percent: Ok(5), memory_percent: Ok(1), ..Utilization::absent(NONE) },
        ..Readings::absent(NONE)
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
