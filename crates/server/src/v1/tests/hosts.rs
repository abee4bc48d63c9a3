//! Hosts made by hand, of every kind that the contract must be able to tell of.

use std::{sync::Arc, time::Duration};

use telemetry::{
    Absence, BootTime, Stamp,
    readings::{Activity, Clocks, Ecc, Fabric, Identity, Modes, Nvlink, Pcie, Readings, RemappedRows, State},
    sample::{Container, DriverFacts, Memory, MigSample, PodContainer, ProcessShare},
    snapshot::{
        CollectorState, Event, EventKind, Gpu, GpuState, Health, Host, ListsRead, Mig, Pod, PodName, Process,
        ProcessKind, Reason, Severity, Snapshot, Usage, UseVerdict, Xid,
    },
};

use crate::host;

pub(crate) const AT: Stamp = Stamp { boot: BootTime(1_000_000), unix_ms: 1_795_406_910_864 };

/// What nobody but a reader of everything may see; each of these words stands nowhere else.
pub(crate) const PLANTED: [&str; 11] = [
    "planted-user",
    "planted-name",
    "planted-argument",
    "planted-container",
    "planted-pod",
    "planted-job",
    "4194301",
    "planted-called",
    "planted-space",
    "planted-podname",
    "planted-given",
];

pub(crate) fn all() -> Vec<(&'static str, Snapshot)> {
    let of = |state, gpus| Snapshot { at: AT, ..host::snapshot(state, gpus) };
    let no_driver = CollectorState::NoDriver { text: "Driver Not Loaded".into() };
    vec![
        ("healthy", healthy()),
        ("all absent", of(CollectorState::Ok, vec![absent(Absence::NotSupported)])),
        ("lost", of(CollectorState::Ok, vec![healthy_gpu(0), Gpu { state: GpuState::Lost, ..absent(Absence::Lost) }])),
        ("mig", of(CollectorState::Ok, vec![mig()])),
        ("no gpu", of(CollectorState::Ok, vec![])),
        ("starting", of(CollectorState::Starting, vec![])),
        ("no driver", of(no_driver, vec![])),
    ]
}

pub(crate) fn healthy() -> Snapshot {
    let mut gpus: Vec<Gpu> = (0..2).map(healthy_gpu).collect();
    gpus[0].processes = vec![process(2_879_221, ProcessKind::Compute), in_container(2_879_300)];
    gpus[1].processes = vec![process(2_879_221, ProcessKind::Both)];
    gpus[1].pods = Ok(vec![given("training", "train-0", "main")]);
    gpus[1].usage = Usage { verdict: UseVerdict::Held, users: vec!["alice".into()], ..gpus[1].usage.clone() };
    let event = Event {
        sequence: 1,
        at: AT,
        kind: EventKind::Xid,
        gpu_uuid: Some("GPU-1".into()),
        severity: Severity::Critical,
        code: "xid_79".into(),
        text: "GPU has fallen off the bus".into(),
        action: "restart the host".into(),
    };
    let earlier = Event { at: Stamp { unix_ms: AT.unix_ms - 600_000, ..AT }, gpu_uuid: None, ..event.clone() };
    let mut snapshot = host::snapshot(CollectorState::Ok, gpus);
    snapshot.collector.sample_duration = Some(Duration::from_micros(4125));
    Snapshot {
        at: AT,
        sequence: 1042,
        driver: Some(DriverFacts {
            driver_version: Ok("580.159.04".into()),
            nvml_version: Ok("13.580.159.04".into()),
            cuda_version: Ok(13000),
            init_ms: 90,
        }),
        host: Host {
            hostname: Ok("gpu01".into()),
            booted_at_ms: Ok(1_795_000_000_000),
            cpu_percent: Ok(3.1),
            load_1m: Ok(0.4),
            memory_total_bytes: Ok(1 << 40),
            memory_available_bytes: Ok(1 << 39),
            notes: vec!["names of users are not resolved".into()],
        },
        events: Arc::new(vec![earlier, event]),
        ..snapshot
    }
}

pub(crate) fn healthy_gpu(index: u32) -> Gpu {
    Gpu {
        identity: Identity {
            uuid: Ok(format!("GPU-{index}")),
            name: Ok("NVIDIA H200".into()),
            pci_bus_id: Ok("00000000:18:00.0".into()),
            minor_number: Ok(index),
            serial: Ok("1650".into()),
            architecture: Ok(9),
            compute_capability: Ok("9.0".into()),
            vbios_version: Ok("96.00.99.00.01".into()),
        },
        readings: readings(index),
        xid: Xid { since: Ok(AT), last: Some((79, AT)), count: Ok(1), by_severity: [0, 0, 1], held: Vec::new() },
        usage: Usage {
            verdict: UseVerdict::Busy,
            since: AT,
            since_at_least: false,
            users: vec!["alice".into()],
            unattributed_bytes: Ok(0),
        },
        health: Health {
            verdict: Severity::Critical,
            reasons: vec![Reason {
                severity: Severity::Critical,
                code: "xid_79".into(),
                text: "GPU has fallen off the bus".into(),
                action: "restart the host".into(),
            }],
        },
        ..host::gpu(index)
    }
}

fn readings(index: u32) -> Readings {
    let mut readings = host::gpu(index).readings;
    readings.temperature.memory_celsius = Ok(44);
    readings.temperature.slowdown_celsius = Ok(92);
    readings.temperature.margin_celsius = Ok(51);
    readings.temperature.shutdown_celsius = Ok(95);
    readings.power.energy_mj = Ok(123_456_789);
    readings.power.enforced_limit_mw = Ok(700_000);
    readings.power.default_limit_mw = Ok(700_000);
    let utilization = &mut readings.utilization;
    (utilization.encoder_percent, utilization.decoder_percent) = (Ok(0), Ok(0));
    (utilization.jpeg_percent, utilization.ofa_percent) = (Ok(0), Ok(0));
    let none = Err(Absence::Timeout);
    readings.clocks = Clocks {
        graphics_mhz: Ok(1980),
        sm_mhz: Ok(1980),
        memory_mhz: Ok(3201),
        video_mhz: Ok(1545),
        event_reasons: Ok(4),
        ..Clocks::absent(Absence::Timeout)
    };
    readings.state = State { performance_state: Ok(0), recovery_action: Ok(0) };
    readings.pcie = Pcie {
        generation: Ok(5),
        width: Ok(16),
        max_generation: Ok(5),
        max_width: Ok(16),
        replays: Ok(0),
        tx_bytes_per_second: Ok(1 << 30),
        rx_bytes_per_second: none,
    };
    (readings.memory.bar1_total_bytes, readings.memory.bar1_used_bytes) = (Ok(1 << 37), Ok(1 << 20));
    readings.remapped_rows =
        RemappedRows { correctable: Ok(0), uncorrectable: Ok(0), pending: Ok(false), failed: Ok(false) };
    readings.nvlink = Nvlink { links_active: Ok(18), links_total: Ok(18), ..Nvlink::absent(Absence::Timeout) };
    readings.fabric = Fabric { state: Ok(3), status: Ok(0) };
    readings.modes = Modes { compute: Ok(0), ..Modes::absent(Absence::Timeout) };
    readings.fans.speeds_percent = Ok(vec![51, 52]);
    readings.ecc = Ecc { enabled: Ok(true), ..Ecc::absent(Absence::Timeout) };
    readings.activity.sm_ratio = Ok(0.37);
    readings
}

/// Nothing read, for one reason.
pub(crate) fn absent(why: Absence) -> Gpu {
    Gpu {
        identity: Identity::absent(why),
        readings: Readings::absent(why),
        lists: ListsRead::absent(why),
        mig: Err(why),
        pods: Err(why),
        xid: Xid { since: Err(why), last: None, count: Err(why), by_severity: [0; 3], held: Vec::new() },
        usage: Usage::unknown(AT, why),
        processes: vec![Process {
            gpu_memory_bytes: Err(why),
            uid: Err(why),
            user: None,
            running: Err(why),
            arguments: Err(why),
            name: Err(why),
            started_at_ms: Err(why),
            host_memory_bytes: Err(why),
            ..host::process(77)
        }],
        ..host::gpu(1)
    }
}

fn mig() -> Gpu {
    let instance = |number: u32| Mig {
        sample: MigSample {
            gpu_instance: Ok(number),
            compute_instance: Ok(0),
            uuid: Ok(format!("MIG-{number}")),
            profile: Err(Absence::Error),
            memory: Ok(Memory {
                total_bytes: 18 << 30,
                used_bytes: Ok(1 << 30),
                free_bytes: Ok(17 << 30),
                reserved_bytes: Err(Absence::NotSupported),
                unified: false,
            }),
            activity: Ok(Activity {
                graphics_ratio: Ok(0.125),
                sm_ratio: Ok(0.25),
                sm_occupancy_ratio: Ok(0.375),
                tensor_ratio: Ok(0.5),
                dram_ratio: Ok(0.625),
                fp64_ratio: Ok(0.75),
                fp32_ratio: Ok(0.875),
                fp16_ratio: Ok(1.0),
            }),
            compute: Ok(vec![]),
        },
        pods: Ok(vec![given("training", "train-1", "main")]),
        usage: Usage { verdict: UseVerdict::Held, ..healthy_gpu(0).usage },
    };
    let process = Process { gpu_instance: Some(2), compute_instance: Some(0), ..process(9, ProcessKind::Compute) };
    Gpu { mig: Ok(vec![instance(1), instance(2)]), processes: vec![process], ..healthy_gpu(0) }
}

pub(crate) fn process(pid: u32, kind: ProcessKind) -> Process {
    Process {
        kind,
        user: Some("alice".into()),
        uid: Ok(1001),
        share: Ok(ProcessShare { sm_percent: 11, memory_percent: 5, encoder_percent: 0, decoder_percent: 0 }),
        cpu_percent: Ok(99.5),
        ..host::process(pid)
    }
}

fn in_container(pid: u32) -> Process {
    Process {
        user: Some("root".into()),
        uid: Ok(0),
        container: Some(Container { id: "3f2a".repeat(16), runtime: None, name: Ok("trainer".into()) }),
        ..process(pid, ProcessKind::Compute)
    }
}

fn given(namespace: &str, pod: &str, container: &str) -> PodContainer {
    PodContainer { namespace: namespace.into(), pod: pod.into(), container: container.into() }
}

/// A host on which everything that tells of people is one of the planted words.
pub(crate) fn planted() -> Snapshot {
    let mut snapshot = healthy();
    for gpu in &mut snapshot.gpus {
        gpu.usage.users = vec![PLANTED[0].into()];
        gpu.pods = Ok(vec![given(PLANTED[8], PLANTED[9], PLANTED[10])]);
        gpu.mig = mig().mig.map(|instances| {
            let pods = Ok(vec![given(PLANTED[8], PLANTED[9], PLANTED[10])]);
            let planted = |mig: Mig| Mig { usage: gpu.usage.clone(), pods: pods.clone(), ..mig };
            instances.into_iter().map(planted).collect()
        });
        gpu.processes = vec![Process {
            pid: 4_194_301,
            user: Some(PLANTED[0].into()),
            uid: Ok(4_194_301),
            name: Ok(PLANTED[1].into()),
            arguments: Ok(vec![PLANTED[1].into(), PLANTED[2].into()]),
            container: Some(Container { id: PLANTED[3].into(), runtime: None, name: Ok(PLANTED[7].into()) }),
            pod: Some(Pod {
                uid: PLANTED[4].into(),
                name: Ok(PodName { namespace: PLANTED[8].into(), name: PLANTED[9].into() }),
            }),
            job: Some(PLANTED[5].into()),
            ..process(4_194_301, ProcessKind::Compute)
        }];
    }
    snapshot
}
