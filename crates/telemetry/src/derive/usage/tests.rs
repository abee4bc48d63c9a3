use super::*;
use crate::fixtures::blank;
use crate::sample::{Container, ProcessShare};

const GIB: u64 = 1 << 30;

fn process(kind: ProcessKind, memory: Reading<u64>) -> Process {
    Process { kind, gpu_memory_bytes: memory, uid: Ok(1001), user: Some("alice".into()), ..blank::process(7) }
}

fn memory(used: u64) -> Reading<Memory> {
    Ok(Memory { used_bytes: Ok(used), ..blank::memory(80 * GIB) })
}

/// These processes, each with whether it holds the GPU.
fn judged(listed: &[Process], memory: &Reading<Memory>, works: bool, exclusive: bool) -> Vec<Process> {
    let circumstances = Circumstances::of(memory, &listed.iter().collect::<Vec<_>>(), works, exclusive);
    listed.iter().map(|process| Process { holds: holds(process, circumstances), ..process.clone() }).collect()
}

fn facts(listed: &[Process], memory: Reading<Memory>) -> Facts<'_> {
    let listed: Vec<&Process> = listed.iter().collect();
    Facts { listed: Ok(listed.clone()), sharers: listed, memory, allocated: Taken::No, works: false }
}

fn find(listed: &[Process], memory: Reading<Memory>) -> Finding {
    look(&facts(&judged(listed, &memory, false, false), memory))
}

#[test]
fn usage_by_process_kind() {
    use ProcessKind::{Both, Compute, Graphics};
    use Taken::{No, Unknown, Yes};
    let untold = Err(Absence::NotSupported);
    let unified = memory(100 * GIB).map(|memory| Memory { unified: true, ..memory });
    let denied = Err(Absence::Denied);
    let unread = memory(0).map(|memory| Memory { used_bytes: Err(Absence::Error), ..memory });
    for (name, listed, memory, taken, users, unattributed) in [
        ("nobody", vec![], memory(0), No, 0, Ok(0)),
        ("a driver's own", vec![], memory(GIB - 1), No, 0, Ok(GIB - 1)),
        ("memory that nobody explains", vec![], memory(GIB), Yes, 0, Ok(GIB)),
        ("Xorg alone", vec![process(Graphics, Ok(3 * GIB))], memory(3 * GIB), No, 0, Ok(0)),
        ("Xorg and a ghost", vec![process(Graphics, Ok(GIB))], memory(2 * GIB), Yes, 0, Ok(GIB)),
        ("a small desktop program", vec![process(Both, Ok(GIB - 1))], memory(GIB), No, 0, Ok(1)),
        ("a large one", vec![process(Both, Ok(GIB))], memory(GIB), Yes, 1, Ok(0)),
        ("the smallest job", vec![process(Compute, Ok(0))], memory(0), Yes, 1, Ok(0)),
        ("a job that reports nothing", vec![process(Compute, untold)], memory(GIB), Yes, 1, untold),
        ("a desktop that reports nothing", vec![process(Graphics, untold)], memory(GIB - 1), No, 0, untold),
        ("and may hide a job", vec![process(Graphics, untold)], memory(GIB), Yes, 0, untold),
        ("C+G that reports nothing", vec![process(Both, untold)], memory(GIB - 1), No, 0, untold),
        ("and may be large", vec![process(Both, untold)], memory(GIB), Yes, 1, untold),
        ("more reported than used", vec![process(Graphics, Ok(9 * GIB))], memory(GIB), No, 0, Ok(0)),
        ("sums that overflow", vec![process(Graphics, Ok(u64::MAX)); 2], memory(GIB), No, 0, Ok(0)),
        ("unified memory", vec![], unified, No, 0, untold),
        ("a job in it", vec![process(Compute, Ok(GIB))], unified, Yes, 1, untold),
        ("memory denied", vec![], denied, Unknown, 0, Err(Absence::Denied)),
        ("memory denied and a job", vec![process(Compute, Ok(1))], denied, Yes, 1, Err(Absence::Denied)),
        ("used memory not read", vec![], unread, Unknown, 0, Err(Absence::Error)),
    ] {
        let found = find(&listed, memory);
        assert_eq!((found.taken, found.users.len(), found.unattributed_bytes), (taken, users, unattributed), "{name}");
    }
}

#[test]
fn usage_unknown_without_process_list() {
    let facts = Facts {
        listed: Err(Absence::Denied),
        sharers: Vec::new(),
        memory: memory(0),
        allocated: Taken::Yes,
        works: false,
    };
    assert_eq!(look(&facts), Finding::unknown(Absence::Denied));
}

#[test]
fn usage_of_working_gpu_is_taken_by_who_works() {
    use ProcessKind::{Both, Compute, Graphics};
    use Taken::{No, Unknown, Yes};
    let share =
        |percent| Ok(ProcessShare { sm_percent: percent, memory_percent: 0, encoder_percent: 0, decoder_percent: 0 });
    let with = |kind, bytes, share| Process { share, ..process(kind, Ok(bytes)) };
    let untold = Err(Absence::NotSupported);
    let mut encoder = with(Graphics, GIB / 4, share(0));
    encoder.share = share(0).map(|share| ProcessShare { encoder_percent: 100, ..share });
    for (name, listed, works, exclusive, taken, users) in [
        ("nobody is seen", vec![], true, false, Yes, 0),
        ("Vulkan", vec![with(Graphics, 60 * GIB, share(95))], true, false, Yes, 1),
        ("Vulkan at rest, with most of the memory", vec![with(Graphics, 60 * GIB, share(0))], false, false, Yes, 1),
        ("a small one that draws as well", vec![with(Both, GIB / 2, share(92))], true, false, Yes, 1),
        ("of which no share is read", vec![with(Both, GIB / 2, untold)], true, false, Yes, 1),
        ("a large one that draws, without a share", vec![with(Graphics, 2 * GIB, untold)], true, false, Yes, 1),
        ("a desktop beside somebody unseen", vec![with(Graphics, GIB / 2, share(3))], true, false, Yes, 0),
        ("an encoder", vec![encoder], true, false, Yes, 1),
        ("a desktop", vec![with(Graphics, 3 * GIB, share(18)), with(Both, GIB / 2, share(18))], false, false, No, 0),
        ("exclusive, and a small program", vec![with(Both, GIB / 2, share(0))], false, true, Yes, 1),
        ("exclusive, and a desktop", vec![with(Graphics, GIB / 2, share(0))], false, true, No, 0),
        ("a job", vec![with(Compute, 0, untold)], false, false, Yes, 1),
    ] {
        let used = listed.iter().map(|process| process.gpu_memory_bytes.unwrap()).sum();
        let listed = judged(&listed, &memory(used), works, exclusive);
        let facts = Facts { works, ..facts(&listed, memory(used)) };
        let found = look(&facts);
        assert_eq!((found.taken, found.users.len()), (taken, users), "{name}");
        let denied = Facts { listed: Err(Absence::Denied), ..facts };
        assert_eq!(look(&denied).taken, if works { Yes } else { Unknown }, "{name}");
    }
}

#[test]
fn usage_allocated_is_not_free() {
    use Taken::{No, Unknown, Yes};
    let job = [process(ProcessKind::Compute, Ok(1))];
    for (name, listed, memory, allocated, taken, users) in [
        ("given away, and nobody has come", &[][..], memory(0), Yes, Yes, 0),
        ("and its memory is not read", &[], Err(Absence::Denied), Yes, Yes, 0),
        ("given away, and at work", &job, memory(1), Yes, Yes, 1),
        ("nobody's", &[], memory(0), No, No, 0),
        ("not known, and nobody there", &[], memory(0), Unknown, Unknown, 0),
        ("not known, and somebody there", &job, memory(1), Unknown, Yes, 1),
        ("not known, and memory that nobody explains", &[], memory(GIB), Unknown, Yes, 0),
    ] {
        let listed = judged(listed, &memory, false, false);
        let found = look(&Facts { allocated, ..facts(&listed, memory) });
        assert_eq!((found.taken, found.users.len()), (taken, users), "{name}");
    }
}

#[test]
fn usage_explains_memory_of_same_gpu_instance() {
    let neighbour = process(ProcessKind::Compute, Ok(5 * GIB));
    let facts = Facts {
        listed: Ok(Vec::new()),
        sharers: vec![&neighbour],
        memory: memory(5 * GIB),
        allocated: Taken::No,
        works: false,
    };
    assert_eq!(look(&facts).taken, Taken::No);
}

#[test]
fn users_are_accounts_digits_or_root_containers() {
    let id = "0123456789abcdef".repeat(4);
    let container = Some(Container { id, runtime: None, name: Err(Absence::NotSupported), rootless: false });
    let named = container.clone().map(|container| Container { name: Ok("trainer".into()), ..container });
    for (uid, name, container, life, expected) in [
        (Ok(1001), Some("alice"), None, Life::Running, Some("alice")),
        (Ok(1001), Some("alice"), container.clone(), Life::Running, Some("alice")),
        (Ok(4242), None, None, Life::Running, Some("4242")),
        (Ok(0), Some("root"), None, Life::Running, Some("root")),
        (Ok(0), Some("root"), container.clone(), Life::Running, Some("0123456789ab")),
        (Ok(0), Some("root"), named, Life::Running, Some("trainer")),
        (Ok(0), Some("root"), container.clone(), Life::Gone, None),
        (Err(Absence::Denied), None, container, Life::Unknown, None),
    ] {
        let process = Process {
            uid,
            user: name.map(String::from),
            container: container.map(Box::new),
            life,
            ..blank::process(1)
        };
        assert_eq!(user(&process).as_deref(), expected);
    }
    let unread = |uid| Process { uid: Ok(uid), placed: Err(Absence::Denied), ..blank::process(1) };
    assert_eq!(user(&unread(0)), None, "root's or a container's");
    assert_eq!(user(&unread(1001)).as_deref(), Some("1001"));
}

#[test]
fn users_sorted_without_duplicates() {
    let named = |name: &str| Process { user: Some(name.into()), ..process(ProcessKind::Compute, Ok(1)) };
    let xorg = Process { user: Some("gdm".into()), ..process(ProcessKind::Graphics, Ok(1)) };
    let found = find(&[named("zoe"), xorg, named("alice"), named("zoe")], memory(4));
    assert_eq!(found.users, ["alice", "zoe"]);
}

#[test]
fn usage_of_gpu_follows_instances() {
    use Taken::{No, Unknown, Yes};
    let finding = |taken, users: &[&str], unattributed_bytes| Finding {
        taken,
        users: users.iter().map(|&user| user.into()).collect(),
        unattributed_bytes,
    };
    let free = finding(No, &[], Ok(1));
    let taken = finding(Yes, &["zoe", "alice"], Ok(2));
    let unknown = finding(Unknown, &[], Err(Absence::Denied));
    assert_eq!(Finding::of_all(&[free.clone(), free.clone()], &[Ok(1), Ok(2)]), finding(No, &[], Ok(2)));
    let shared = [free.clone(), free.clone(), taken.clone()];
    assert_eq!(
        Finding::of_all(&shared, &[Ok(2), Ok(2), Ok(3)]).unattributed_bytes,
        Ok(3),
        "one GPU instance counts once"
    );
    assert_eq!(Finding::of_all(&shared[..1], &[Err(Absence::Lost)]).unattributed_bytes, Err(Absence::Lost));
    assert_eq!(Finding::of_all(&[free.clone(), unknown.clone()], &[Ok(1), Ok(2)]).taken, Unknown);
    let all = Finding::of_all(&[unknown, taken.clone(), free, taken], &[Ok(1), Ok(2), Ok(3), Ok(4)]);
    assert_eq!(all, finding(Yes, &["alice", "zoe"], Err(Absence::Denied)));
    let whole = |taken, allocated| finding(taken, &[], Ok(0)).given(allocated).taken;
    assert_eq!([whole(No, Yes), whole(No, Unknown), whole(No, No)], [Yes, Unknown, No]);
    assert_eq!([whole(Unknown, Yes), whole(Yes, No)], [Unknown, Yes]);
}
