//! Whatever the samples and the clocks say, no number is absurd and nothing panics.

use std::{sync::Arc, time::Duration};

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::{
    Absence, BootTime, Reading,
    fixtures::blank,
    sample::{
        Allocation, Container, CpuTicks, Device, GpuSample, HostSample, ListedProcess, Memory, MigSample, PodContainer,
        ProcessFacts, ProcessShare, SampledProcess, XidSample,
    },
    snapshot::{Mig, UseVerdict},
};

fn word() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(u64::MAX), 0..9_u64, 0..2_000_000_u64, any::<u64>()]
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![Just(u32::MAX), 0..200_u32]
}

fn stamp() -> impl Strategy<Value = Stamp> {
    (word(), word()).prop_map(|(boot, unix_ms)| Stamp { boot: BootTime(boot), unix_ms })
}

fn reading<T: Clone + std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Reading<T>> {
    let why = select(vec![Absence::NotSupported, Absence::Denied, Absence::Lost, Absence::Timeout, Absence::Error]);
    (option::weighted(0.8, value), why).prop_map(|(value, why)| value.ok_or(why))
}

fn uuid() -> impl Strategy<Value = Reading<String>> {
    reading(select(vec!["A", "B", "C"]).prop_map(String::from))
}

fn list() -> impl Strategy<Value = Reading<Vec<ListedProcess>>> {
    let listed = (0..4_u32, reading(word()), option::of(0..2_u32)).prop_map(|(pid, memory_bytes, instance)| {
        ListedProcess { pid, memory_bytes, gpu_instance: instance, compute_instance: instance }
    });
    reading(vec(listed, 0..4))
}

fn memory() -> impl Strategy<Value = Reading<Memory>> {
    reading((word(), reading(word()), any::<bool>()).prop_map(|(total, used_bytes, unified)| Memory {
        used_bytes,
        unified,
        ..blank::memory(total)
    }))
}

fn gpu() -> impl Strategy<Value = GpuSample> {
    let slow = (reading(word()), reading(number()), reading((number(), number())), reading(any::<(bool, bool)>()));
    let fast = (list(), list(), list(), memory(), reading(number()), reading(word()), number(), number());
    let mig = reading(vec((uuid(), list(), memory(), reading(0..2_u32)), 0..3));
    (uuid(), option::of(stamp()), slow, fast, mig, reading(stamp()), reading(any::<f64>())).prop_map(
        |(uuid, read_at, slow, (compute, graphics, mps, memory, busy, energy, share, clock), mig, xid_since, ratio)| {
            let mut gpu = super::tests::gpu(0, "A", 0);
            gpu.identity.uuid = uuid;
            gpu.read_at = read_at;
            gpu.xid_since = xid_since;
            gpu.readings.activity.sm_ratio = ratio;
            gpu.lists.compute = compute;
            gpu.lists.graphics = graphics;
            gpu.lists.mps = mps;
            gpu.readings.memory.set_whole(memory);
            gpu.readings.utilization.gpu_percent = busy;
            gpu.readings.power.energy_mj = energy;
            gpu.readings.clocks.event_reasons = energy;
            gpu.readings.clocks.sm_mhz = Ok(clock);
            gpu.lists.shares = Ok(vec![SampledProcess {
                pid: 1,
                share: Ok(ProcessShare {
                    sm_percent: share,
                    memory_percent: clock,
                    encoder_percent: 0,
                    decoder_percent: 0,
                }),
            }]);
            let (count, action, fabric, rows) = slow;
            gpu.readings.ecc.volatile_uncorrected = count;
            gpu.readings.state.recovery_action = action;
            gpu.readings.modes.compute = Ok(share % 4);
            gpu.readings.nvlink.links_active = action;
            gpu.readings.temperature.shutdown_celsius = action;
            gpu.readings.clocks.max_sm_mhz = action;
            gpu.readings.fabric.state = fabric.map(|(state, _)| state);
            gpu.readings.fabric.status = fabric.map(|(_, status)| status);
            gpu.readings.nvlink.links_total = fabric.map(|(_, total)| total);
            gpu.readings.remapped_rows.pending = rows.map(|(pending, _)| pending);
            gpu.readings.remapped_rows.failed = rows.map(|(_, failed)| failed);
            gpu.mig = mig.map(|all| {
                let instance = |(uuid, compute, memory, id)| MigSample {
                    gpu_instance: id,
                    compute_instance: id,
                    uuid,
                    memory,
                    compute,
                    ..MigSample::absent(Absence::Error)
                };
                all.into_iter().map(instance).collect()
            });
            gpu
        },
    )
}

fn sample() -> impl Strategy<Value = Sample> {
    let facts = (0..4_u32, reading(word()), reading(word()), reading(0..3_u32), option::of(uuid()), option::of(uuid()))
        .prop_map(|(pid, started, cpu_ms, uid, container, pod)| ProcessFacts {
            started: started.map(BootTime),
            cpu_ms,
            uid,
            user: Some("root".into()),
            container: container
                .map(|name| Box::new(Container { id: "0123".into(), runtime: None, name, rootless: false })),
            pod: pod.and_then(Reading::ok),
            ..ProcessFacts::unread(pid, Absence::Error)
        });
    let device = prop_oneof![
        uuid().prop_map(|uuid| Device::Uuid(uuid.unwrap_or_default())),
        (0..2_u32, option::of(0..2_u32)).prop_map(|(minor, gpu_instance)| Device::Minor { minor, gpu_instance }),
    ];
    let allocation = (device, select(vec!["a", "b"])).prop_map(|(device, pod)| Allocation {
        device,
        to: PodContainer { namespace: "n".into(), pod: pod.into(), container: pod.into() },
    });
    let xid = (0..3_u32, uuid(), 0..170_u64, stamp()).prop_map(|(gpu, uuid, code, at)| XidSample {
        gpu,
        uuid,
        code,
        at,
        times: 1,
        gpu_instance: None,
        compute_instance: Some(1),
    });
    let host = (reading((word(), word())), reading(any::<f64>())).prop_map(|(ticks, load_1m)| HostSample {
        cpu: ticks.map(|(busy, total)| CpuTicks { busy, total }),
        load_1m,
        ..HostSample::absent(Absence::Error)
    });
    let driver = reading(select(vec!["1", "2"]).prop_map(String::from)).prop_map(|driver_version| {
        Driver::Ready(DriverFacts { driver_version, nvml_version: Ok("2".into()), cuda_version: Ok(1), init_ms: 0 })
    });
    let driver = prop_oneof![5 => driver, 1 => Just(Driver::Suspended)];
    let allocations = reading(vec(allocation, 0..4));
    (stamp(), driver, vec(gpu(), 0..4), vec(facts, 0..5), vec(xid, 0..3), host, allocations).prop_map(
        |(assembled, driver, mut gpus, processes, xids, host, allocations)| {
            for (index, gpu) in (0..).zip(&mut gpus) {
                gpu.index = index;
            }
            Sample { gpus, processes, xids, host, allocations, ..Sample::of(driver, assembled) }
        },
    )
}

fn is_sane(number: Reading<f64>) -> bool {
    number.is_ok_and(|number| number.is_finite() && number >= 0.0) || number.is_err()
}

fn check(snapshot: &Snapshot, xids: u64) {
    // Each GPU has records of its own.
    let keys: std::collections::BTreeSet<&str> = snapshot.gpus.iter().map(|gpu| gpu.key.as_str()).collect();
    assert!(keys.len() == snapshot.gpus.len() && !keys.contains(""));
    assert!(is_sane(snapshot.host.cpu_percent) && is_sane(snapshot.host.load_1m));
    assert!(snapshot.host.cpu_percent.is_ok_and(|percent| percent <= 100.0) || snapshot.host.cpu_percent.is_err());
    for gpu in &snapshot.gpus {
        assert!(is_sane(gpu.readings.activity.sm_ratio));
        assert!(gpu.totals.busy.unwrap_or_default() <= gpu.totals.read.unwrap_or_default());
        assert!(gpu.xid.count.is_err() || gpu.xid.count.is_ok_and(|count| count <= gpu.xid.by_severity.iter().sum()));
        assert!(gpu.health.reasons.is_sorted_by(|one, next| one.severity >= next.severity));
        assert_eq!(
            gpu.health.verdict,
            gpu.health.reasons.first().map_or_else(Default::default, |worst| worst.severity)
        );
        assert!(gpu.usage.users.is_sorted_by(|one, next| one < next));
        assert!(gpu.xid.count.is_err() || gpu.xid.count.is_ok_and(|count| count <= xids));
        let is_given = gpu.pods.as_ref().is_ok_and(|pods| !pods.is_empty());
        let is_prohibited = gpu.readings.modes.compute == Ok(2);
        assert!(!(is_given || is_prohibited) || gpu.usage.verdict != UseVerdict::Free);
        assert!(gpu.state == GpuState::Ok || gpu.usage.verdict == UseVerdict::Unknown);
        for process in &gpu.processes {
            assert!(is_sane(process.cpu_percent));
            assert_eq!(process.container_label().is_some(), process.container.is_some() && process.uid == Ok(0));
            let given = gpu.instance_of(process).map_or_else(|| gpu.only_pod(), Mig::only_pod);
            assert!(process.pod.as_ref().is_none_or(|pod| pod.name.is_err() || given.is_some()));
            assert!(process.share.is_err() || process.share.is_ok_and(|share| share.sm_percent <= 100));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn arbitrary_samples_give_plausible_snapshot(steps in vec((stamp(), option::of(sample()), any::<bool>()), 1..12), idle_ms in word()) {
        let mut deriver = Deriver::default();
        let mut newest: Option<Arc<Sample>> = None;
        let mut xids = 0;
        for (now, sample, is_down) in steps {
            if let Some(sample) = sample {
                xids += sample.xids.len() as u64;
                newest = Some(Arc::new(sample));
            }
            let down = Child::Down { detail: String::new() };
            let snapshot = deriver.derive(&Input {
                now,
                interval: Duration::from_secs(1),
                child: if is_down { &down } else { &Child::Alive },
                sample: newest.as_ref(),
                restarts: 0,
                left_out: &[],
                idle_after: Duration::from_millis(idle_ms),
                container_count: ContainerCount::default(),
            claims: None,
            });
            check(&snapshot, xids);
        }
    }
}
