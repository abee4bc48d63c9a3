use super::*;
use crate::{
    Reading,
    fixtures::blank::{self, at},
    sample::{Container, MigSample, ProcessShare},
    snapshot::{Gpu, Process, ProcessKind},
};

const ALICE: u32 = 1001;
const BOB: u32 = 1002;

fn process(uid: u32, user: &str) -> Process {
    Process { uid: Ok(uid), user: Some(user.into()), holds: true, ..blank::process(uid) }
}

fn others_on(processes: Vec<Process>) -> Vec<String> {
    let gpu = Gpu { processes, ..blank::gpu("A", at(0)) };
    others(&gpu, &ClaimedDevice::gpu("A"), ALICE).into_iter().collect()
}

#[test]
fn users_who_compute_count_once_and_by_name() {
    let docker = |id: &str| {
        Some(Box::new(Container { id: id.into(), runtime: None, name: Ok("train".into()), rootless: false }))
    };
    let found = others_on(vec![
        process(BOB, "bob"),
        process(BOB, "bob"),
        process(ALICE, "alice"),
        Process { user: None, ..process(77, "") },
        Process { container: docker("abc"), ..process(0, "root") },
        Process { container: docker("def"), ..process(ALICE, "alice") },
    ]);
    assert_eq!(found, ["77", "bob", "train"]);
}

#[test]
fn graphics_and_monitors_of_root_do_not_count() {
    let share = |sm_percent| Ok(ProcessShare { sm_percent, memory_percent: 0, encoder_percent: 0, decoder_percent: 0 });
    let root = |name: &str, bytes: Reading<u64>| Process {
        name: Ok(name.into()),
        gpu_memory_bytes: bytes,
        ..process(0, "root")
    };
    let unread = Err(crate::Absence::NotSupported);
    for (process, counts) in [
        (Process { kind: ProcessKind::Graphics, ..process(BOB, "bob") }, false),
        (Process { kind: ProcessKind::Both, holds: false, ..process(BOB, "bob") }, false),
        (Process { kind: ProcessKind::Both, ..process(BOB, "bob") }, true),
        (root("nv-hostengine", Ok(9 << 30)), false),
        (root("watch", Ok(10 << 20)), false),
        (Process { share: share(60), ..root("watch", Ok(10 << 20)) }, true),
        (root("python", Ok(9 << 30)), true),
        (root("python", unread), true),
        (Process { name: Ok("nvidia-smi".into()), ..process(BOB, "bob") }, true),
        (Process { life: crate::sample::Life::Gone, ..process(BOB, "bob") }, false),
        (Process { uid: unread.map(|_| 0), ..process(BOB, "bob") }, false),
    ] {
        assert_eq!(others_on(vec![process.clone()]).len(), usize::from(counts), "{process:?}");
    }
}

#[test]
fn processes_of_an_instance_are_its_own() {
    let sample = |number: u32| MigSample {
        gpu_instance: Ok(number),
        compute_instance: Ok(0),
        uuid: Ok(format!("M{number}")),
        ..MigSample::absent(crate::Absence::NotSupported)
    };
    let mig = |number| crate::snapshot::Mig {
        sample: sample(number),
        pods: Err(crate::Absence::NotSupported),
        usage: crate::snapshot::Usage::unknown(at(0), crate::Absence::NotSupported),
        claim: None,
    };
    let on = |uid, user, gpu_instance| Process { gpu_instance, compute_instance: Some(0), ..process(uid, user) };
    let gpu = Gpu {
        mig: Ok(vec![mig(1), mig(2)]),
        processes: vec![on(BOB, "bob", Some(1)), on(1003, "carol", Some(2))],
        ..blank::gpu("A", at(0))
    };
    let of = |device: &ClaimedDevice| others(&gpu, device, ALICE).into_iter().collect::<Vec<_>>();
    assert_eq!(of(&ClaimedDevice::instance("A", "M1")), ["bob"]);
    assert_eq!(of(&ClaimedDevice::instance("A", "M2")), ["carol"]);
    assert_eq!(of(&ClaimedDevice::instance("A", "M3")), [""; 0]);
    assert_eq!(of(&ClaimedDevice::gpu("A")), ["bob", "carol"]);
}
