//! Worked examples: a GPU or two, and what their time counts for.

mod examples;
mod forgotten;
mod mig;

use std::collections::BTreeMap;

use super::*;
use crate::{
    Absence, BootTime, Reading, fixtures,
    readings::Activity,
    sample::{Container, MigSample, PodContainer, ProcessShare, SlurmJob},
    snapshot::{CollectorState, Mig, MissingGpu, Process, Usage, UseVerdict},
    usage::{Holder, Occupant, REMOVED, Sums},
};

/// Wall clock minus boot clock at the begin of a test: a full minute.
const BOOTED: u64 = 1_796_000_040_000;

fn at(boot: u64) -> Stamp {
    Stamp { boot: BootTime(boot), unix_ms: BOOTED + boot }
}

fn process(pid: u32, user: &str) -> Process {
    Process { user: Some(user.into()), started_at_ms: Ok(u64::from(pid)), ..fixtures::process(pid) }
}

fn gpu(index: u32, processes: Vec<Process>) -> Gpu {
    let verdict = if processes.is_empty() { UseVerdict::Free } else { UseVerdict::Busy };
    let mut gpu = fixtures::gpu(index);
    gpu.usage = Usage { verdict, ..gpu.usage };
    gpu.readings.utilization.gpu_percent = Ok(50);
    gpu.readings.power.draw_mw = Ok(100_000);
    Gpu { processes, ..gpu }
}

/// A ledger, fed once a second.
struct Host {
    ledger: Ledger,
    now: u64,
}

impl Host {
    fn new() -> Self {
        Self { ledger: Ledger::default(), now: 0 }
    }

    fn see(&mut self, boot: u64, gpus: Vec<Gpu>) {
        self.now = boot;
        let gpus = gpus.into_iter().map(|gpu| Gpu { read_at: at(boot), ..gpu }).collect();
        self.ledger.add(&Snapshot { at: at(boot), ..fixtures::snapshot(CollectorState::Ok, gpus) });
    }

    /// Reads GPUs each second, from the second after now.
    fn run(&mut self, seconds: u64, gpus: &[Gpu]) {
        for _ in 0..seconds {
            self.see(self.now + 1000, gpus.to_vec());
        }
    }

    fn pending(&self) -> Flush {
        self.ledger.pending(at(self.now))
    }

    fn flush(&mut self) -> Flush {
        self.ledger.flush(at(self.now))
    }
}

/// Name of an occupant.
fn instance(number: u32, profile: &str, verdict: UseVerdict) -> Mig {
    let sample = MigSample {
        gpu_instance: Ok(number),
        compute_instance: Ok(0),
        uuid: Ok(format!("MIG-{number}")),
        profile: Ok(profile.into()),
        activity: Ok(Activity { sm_ratio: Ok(0.8), ..Activity::absent(Absence::NotSupported) }),
        ..MigSample::absent(Absence::NotSupported)
    };
    let usage = Usage { verdict, ..Usage::unknown(at(0), Absence::NotSupported) };
    Mig { sample, pods: Err(Absence::NotSupported), usage, claim: None }
}

fn name(occupant: &Occupant) -> String {
    match occupant {
        Occupant::Holder(holder) => {
            let Holder { user, container, pod, job } = &**holder;
            let parts = [user, container, pod, job].map(|part| part.as_deref().unwrap_or("-"));
            parts.join(" ").trim_end_matches(" -").into()
        }
        Occupant::Free => "free".into(),
        Occupant::Unknown => "unknown".into(),
        Occupant::Unassigned => "unassigned".into(),
    }
}

/// Sums by occupant, and unobserved time, in microseconds.
fn by_occupant(flush: &Flush) -> (BTreeMap<String, Sums>, u64) {
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    let mut exists = 0;
    for slot in &flush.slots {
        assert!(slot.begins_ms <= slot.first_ms && slot.last_ms <= slot.begins_ms + MINUTE_MS, "{slot:?}");
        exists += (slot.last_ms - slot.first_ms) * 1000;
        for row in &slot.rows {
            *sums.entry(name(&row.occupant)).or_default() += row.sums;
        }
    }
    exists += flush.gaps.iter().map(|gap| (gap.last_ms - gap.first_ms) * 1000).sum::<u64>();
    let counted: u64 = sums.values().map(|sums| sums.gpu_us).sum();
    (sums, exists.checked_sub(counted).expect("no more than the GPU existed"))
}

/// GPU time by occupant in milliseconds, unobserved time as `unobserved`.
fn times(flush: &Flush) -> Vec<(String, u64)> {
    let (sums, unobserved) = by_occupant(flush);
    let mut all: Vec<(String, u64)> = sums.into_iter().map(|(name, sums)| (name, sums.gpu_us / 1000)).collect();
    if unobserved > 0 {
        all.push(("unobserved".into(), unobserved / 1000));
    }
    all
}

fn expected(times: &[(&str, u64)]) -> Vec<(String, u64)> {
    times.iter().map(|(name, ms)| ((*name).into(), *ms)).collect()
}

#[test]
fn gpu_without_a_name_is_not_another_one() {
    let mut host = Host::new();
    host.run(3, &[gpu(0, vec![]), gpu(1, vec![])]);
    let lost = Gpu {
        key: "index 1".into(),
        state: GpuState::Lost,
        identity: Identity::absent(Absence::Lost),
        ..gpu(1, vec![])
    };
    // Lost when another run of the agent starts.
    let stored = host.flush();
    let resumed = Resumed { sequence: stored.sequence, run: stored.run, gpus: stored.gpus, ..Resumed::default() };
    host.ledger = Ledger::resumed(LedgerConfig::default(), resumed);
    host.run(3, &[gpu(0, vec![]), lost]);
    let flush = host.flush();
    assert!(flush.slots.iter().all(|slot| !slot.gpu.starts_with("index")), "{:?}", flush.slots);
    assert_eq!(flush.gpus.len(), 2);
    let ms = |index| {
        flush.slots.iter().filter(|slot| slot.index == index).map(|slot| slot.last_ms - slot.first_ms).sum::<u64>()
    };
    assert_eq!((ms(0), ms(1)), (2000, 2000), "the known one exists, unobserved");
}

#[test]
fn rare_samples_count_up_to_three_intervals() {
    let mut host = Host::new();
    host.ledger = Ledger::new(LedgerConfig { interval: Duration::from_secs(60), ..LedgerConfig::default() });
    for second in [60, 120, 181, 361, 542] {
        host.see(second * 1000, vec![gpu(0, vec![process(7, "alice")])]);
    }
    let flush = host.flush();
    let rows = flush.slots.iter().flat_map(|slot| &slot.rows);
    // The last pause is longer than three intervals.
    assert_eq!(rows.map(|row| row.sums.gpu_us).sum::<u64>(), 301_000_000);
    assert_eq!(
        flush.sessions.iter().map(|session| session.key.first_ms - BOOTED).collect::<Vec<_>>(),
        [60_000, 542_000]
    );
}

#[test]
fn two_users_share_gpu_equally() {
    let mut host = Host::new();
    let (alice, bob) = (process(1, "alice"), process(2, "bob"));
    host.see(0, vec![gpu(0, vec![alice.clone()])]);
    host.run(600, &[gpu(0, vec![alice.clone()])]);
    host.run(600, &[gpu(0, vec![alice, bob])]);
    let flush = host.pending();
    assert_eq!(times(&flush), expected(&[("alice", 900_000), ("bob", 300_000)]));
    let (sums, _) = by_occupant(&flush);
    let of = |name: &str| sums[name];
    assert_eq!((of("alice").present_us, of("bob").present_us), (1_200_000_000, 600_000_000), "not split");
    assert_eq!((of("alice").busy_us, of("bob").busy_us), (Some(450_000_000), Some(150_000_000)), "at 50 %");
    assert_eq!((of("alice").energy_mj, of("bob").energy_mj), (90_000_000, 30_000_000), "100 W for 1200 s");
    assert_eq!(of("alice").allocated_us, None, "no scheduler");
    assert_eq!(of("bob").memory_byte_seconds, 600.0 * f64::from(100 << 20));
    let sessions: Vec<_> = flush.sessions.iter().map(|one| (one.key.first_ms, one.last_ms, one.open)).collect();
    assert_eq!(sessions, [(BOOTED, BOOTED + 1_200_000, true), (BOOTED + 601_000, BOOTED + 1_200_000, true)]);
}

#[test]
fn sleeping_notebook_counts_and_is_idle() {
    let mut host = Host::new();
    let mut held = gpu(0, vec![process(1, "alice")]);
    held.usage.verdict = UseVerdict::Held;
    held.readings.utilization.gpu_percent = Ok(0);
    host.see(0, vec![held.clone()]);
    host.run(3600, &[held]);
    let flush = host.pending();
    let (sums, _) = by_occupant(&flush);
    let alice = sums["alice"];
    assert_eq!((alice.gpu_us, alice.idle_us, alice.busy_us), (3_600_000_000, Some(3_600_000_000), Some(0)));
}

#[test]
fn root_in_container_counts_for_container() {
    let mut host = Host::new();
    let container =
        Container { id: "0123456789abcdef".into(), runtime: None, name: Ok("trainer".into()), rootless: false };
    let inside =
        |pid, uid, user| Process { uid: Ok(uid), container: Some(Box::new(container.clone())), ..process(pid, user) };
    let both = gpu(0, vec![inside(1, 0, "root"), inside(2, 1000, "alice")]);
    host.see(0, vec![both.clone()]);
    host.run(60, &[both]);
    assert_eq!(times(&host.pending()), expected(&[("alice trainer", 30_000), ("trainer trainer", 30_000)]));
}

#[test]
fn crash_of_program_ends_its_time_at_last_sample() {
    let mut host = Host::new();
    host.see(0, vec![gpu(0, vec![process(1, "alice")])]);
    host.run(100, &[gpu(0, vec![process(1, "alice")])]);
    host.run(10, &[gpu(0, Vec::new())]);
    // A supervisor starts it again, within a minute.
    host.run(100, &[gpu(0, vec![process(7, "alice")])]);
    host.run(70, &[gpu(0, Vec::new())]);
    let flush = host.flush();
    assert_eq!(times(&flush), expected(&[("alice", 200_000), ("free", 80_000)]));
    let session = &flush.sessions[0];
    assert_eq!((flush.sessions.len(), session.processes, session.open), (1, 2, false));
    assert_eq!((session.key.first_ms, session.last_ms), (BOOTED, BOOTED + 210_000));
    assert_eq!(session.command.as_deref(), Some("python \"my train.py\""));
    assert_eq!(session.sums.gpu_us, 200_000_000);
}

#[test]
fn crash_of_agent_leaves_unobserved_time() {
    let mut host = Host::new();
    let held = gpu(0, vec![process(1, "alice")]);
    host.see(0, vec![held.clone()]);
    host.run(90, std::slice::from_ref(&held));
    let stored = host.flush();
    host.run(20, std::slice::from_ref(&held));
    // The last 20 s are lost, and it is down for 10 s.
    let resumed = Resumed {
        sequence: stored.sequence,
        run: stored.run,
        gpus: stored.gpus,
        sessions: stored.sessions,
        users: vec!["alice".into()],
    };
    let mut next = Host { ledger: Ledger::resumed(LedgerConfig::default(), resumed), now: 120_000 };
    next.see(120_000, vec![held.clone()]);
    next.run(60, &[held]);
    let flush = next.flush();
    assert_eq!(times(&flush), expected(&[("alice", 60_000), ("unobserved", 30_000)]));
    let session = &flush.sessions[0];
    assert_eq!((session.key.first_ms, session.processes, flush.sessions.len()), (BOOTED, 1, 1), "it goes on");
    assert_eq!(session.sums.gpu_us, 150_000_000);
    assert_eq!(flush.sequence, 2);
}

#[test]
fn lost_gpu_is_unobserved_until_it_is_forgotten() {
    let mut host = Host::new();
    host.see(0, vec![gpu(0, Vec::new())]);
    host.run(60, &[gpu(0, Vec::new())]);
    host.run(40, &[Gpu { state: GpuState::Lost, ..gpu(0, Vec::new()) }]);
    let stored = host.flush();
    assert_eq!(times(&stored), expected(&[("free", 60_000), ("unobserved", 40_000)]));
    host.ledger.forget_gpu("GPU-0");
    host.run(60, &[]);
    let flush = host.flush();
    assert_eq!((times(&flush), flush.gpus.len()), (expected(&[]), 0));
}

#[test]
fn missing_gpu_of_earlier_run_is_unobserved_and_replaced_one_ends() {
    let frontier = |key: &str| Frontier {
        run: BOOTED - 60_000,
        gpu: key.into(),
        index: 0,
        model: None,
        until_ms: BOOTED - 10_000,
    };
    let gpus = vec![frontier("GPU-missing"), frontier("GPU-replaced")];
    let mut ledger = Ledger::resumed(LedgerConfig::default(), Resumed { gpus, ..Resumed::default() });
    let empty = fixtures::snapshot(CollectorState::Starting, Vec::new());
    ledger.add(&Snapshot { at: at(0), ..empty.clone() });
    ledger.add(&Snapshot { at: at(5_000), ..empty.clone() });
    let listed = Snapshot {
        at: at(6_000),
        gpus: vec![Gpu { read_at: at(6_000), ..gpu(0, Vec::new()) }],
        missing: vec![MissingGpu { id: "GPU-missing".into(), name: String::new(), read_at_ms: 0 }],
        ..empty
    };
    ledger.add(&listed);
    ledger.add(&Snapshot { at: at(20_000), ..listed });
    let flush = ledger.flush(at(20_000));
    let until = |key: &str| flush.gpus.iter().find(|one| &*one.gpu == key).map(|one| one.until_ms.wrapping_sub(BOOTED));
    assert_eq!([until("GPU-missing"), until("GPU-replaced"), until("GPU-0")], [Some(20_000), None, Some(20_000)]);
    let of = |key: &str| {
        let gaps = flush.gaps.iter().filter(|gap| &*gap.gpu == key).map(|gap| gap.last_ms - gap.first_ms);
        let slots = flush.slots.iter().filter(|slot| &*slot.gpu == key).map(|slot| slot.last_ms - slot.first_ms);
        (gaps.sum::<u64>(), slots.sum::<u64>())
    };
    assert_eq!([of("GPU-missing"), of("GPU-replaced")], [(10_000, 20_000), (10_000, 5_000)]);
}

#[test]
fn job_and_pod_are_allocated() {
    let mut host = Host::new();
    let job = Ok(Some(Box::new(SlurmJob { id: "42".into(), step: None, shown: Ok("2_3".into()) })));
    let in_job = gpu(0, vec![Process { job, ..process(1, "alice") }, process(2, "bob")]);
    // A pod that has a GPU and runs nothing on it.
    let mut in_pod = gpu(1, Vec::new());
    in_pod.usage.verdict = UseVerdict::Busy;
    let given = PodContainer { namespace: "ml".into(), pod: "train-0".into(), container: "main".into() };
    in_pod.pods = Ok(vec![given.clone(), PodContainer { container: "side".into(), ..given }]);
    let both = [in_job, in_pod];
    host.see(0, both.to_vec());
    host.run(60, &both);
    let (sums, _) = by_occupant(&host.pending());
    let of = |name: &str| (sums[name].gpu_us / 1000, sums[name].allocated_us.map(|us| us / 1000));
    assert_eq!(of("alice - - 42"), (30_000, Some(60_000)));
    assert_eq!(of("bob"), (30_000, None));
    assert_eq!(of("- - ml/train-0"), (60_000, Some(60_000)));
}

#[test]
fn work_is_divided_by_sm_shares() {
    let share = |sm_percent| Ok(ProcessShare { sm_percent, memory_percent: 0, encoder_percent: 0, decoder_percent: 0 });
    let with = |one: Reading<ProcessShare>, other: Reading<ProcessShare>| {
        let mut host = Host::new();
        let (one, other) =
            (Process { share: one, ..process(1, "alice") }, Process { share: other, ..process(2, "bob") });
        let both = gpu(0, vec![one, other]);
        host.see(0, vec![both.clone()]);
        host.run(10, &[both]);
        let (sums, _) = by_occupant(&host.pending());
        (sums["alice"].busy_us, sums["bob"].busy_us)
    };
    assert_eq!(with(share(40), share(10)), (Some(4_000_000), Some(1_000_000)));
    assert_eq!(with(share(40), Err(Absence::NotSupported)), (Some(2_500_000), Some(2_500_000)));
    assert_eq!(with(share(0), share(0)), (Some(2_500_000), Some(2_500_000)));
}

#[test]
fn owner_unknown_has_equal_share() {
    let mut host = Host::new();
    let unknown = Process { uid: Err(Absence::Denied), user: None, ..process(2, "") };
    let gone = Process { life: crate::sample::Life::Gone, ..process(3, "bob") };
    let all = gpu(0, vec![process(1, "alice"), unknown.clone(), gone]);
    host.see(0, vec![all.clone()]);
    host.run(60, &[all]);
    host.run(60, &[gpu(0, vec![unknown])]);
    assert_eq!(times(&host.pending()), expected(&[("alice", 30_000), ("unknown", 90_000)]));
}

#[test]
fn only_interval_of_at_most_10_s_counts() {
    let mut host = Host::new();
    let held = gpu(0, vec![process(1, "alice")]);
    for boot in [0, 10_000, 20_001, 30_000] {
        host.see(boot, vec![held.clone()]);
    }
    assert_eq!(times(&host.pending()), expected(&[("alice", 19_999), ("unobserved", 10_001)]));
}

#[test]
fn repeated_reading_counts_once() {
    let mut host = Host::new();
    let held = gpu(0, vec![process(1, "alice")]);
    host.see(0, vec![held.clone()]);
    let again = fixtures::snapshot(CollectorState::Ok, vec![Gpu { read_at: at(0), ..held.clone() }]);
    for boot in [500, 900, 1500] {
        host.ledger.add(&Snapshot { at: at(boot), ..again.clone() });
    }
    assert_eq!(times(&host.pending()), expected(&[]));
    host.see(2_000, vec![held]);
    assert_eq!(times(&host.pending()), expected(&[("alice", 2_000)]));
}

#[test]
fn clock_set_while_agent_runs_is_no_gap() {
    for step in [-7_200_000_i64, 7_200_000] {
        let mut ledger = Ledger::default();
        let see = |ledger: &mut Ledger, boot: u64, step: i64| {
            let stamp = Stamp { boot: BootTime(boot), unix_ms: (BOOTED + boot).checked_add_signed(step).unwrap() };
            let held = Gpu { read_at: stamp, ..gpu(0, vec![process(1, "alice")]) };
            ledger.add(&Snapshot { at: stamp, ..fixtures::snapshot(CollectorState::Ok, vec![held]) });
        };
        (0..60).for_each(|second| see(&mut ledger, second * 1000, 0));
        (60..120).for_each(|second| see(&mut ledger, second * 1000, step));
        let flush = ledger.flush(at(119_000));
        assert_eq!(times(&flush), expected(&[("alice", 119_000)]), "{step}");
        assert_eq!(flush.gaps, []);
        let runs: BTreeMap<u64, u64> = flush.slots.iter().map(|slot| (slot.run, slot.last_ms)).collect();
        assert_eq!(runs.len(), 2);
        assert_eq!(flush.sessions.iter().filter(|session| session.open).count(), 1);
        assert_eq!(flush.sessions.len(), 2, "a session has one clock");
    }
}

#[test]
fn host_without_clock_has_gap_once_it_gets_time() {
    let model = Some("NVIDIA GeForce RTX 3090".into());
    let before = Frontier { run: BOOTED, gpu: "GPU-0".into(), index: 0, model, until_ms: BOOTED + 60_000 };
    let stored = Resumed { run: BOOTED, gpus: vec![before.clone()], ..Resumed::default() };
    let mut ledger = Ledger::resumed(LedgerConfig::default(), stored);
    let see = |ledger: &mut Ledger, boot: u64, unix_ms: u64| {
        let stamp = Stamp { boot: BootTime(boot), unix_ms };
        let free = Gpu { read_at: stamp, ..gpu(0, Vec::new()) };
        ledger.add(&Snapshot { at: stamp, ..fixtures::snapshot(CollectorState::Ok, vec![free]) });
    };
    (1..6).for_each(|second| see(&mut ledger, second * 1000, second * 1000));
    let flush = ledger.flush(Stamp { boot: BootTime(5_000), unix_ms: 5_000 });
    assert_eq!(flush.gaps, [], "in 1970");
    assert!(flush.gpus.contains(&before) && flush.gpus.len() == 2, "the frontier is kept: {:?}", flush.gpus);
    (6..9).for_each(|second| see(&mut ledger, second * 1000, BOOTED + 100_000 + second * 1000));
    let flush = ledger.flush(at(8_000));
    let gaps: Vec<(u64, u64, u64)> = flush.gaps.iter().map(|gap| (gap.run, gap.first_ms, gap.last_ms)).collect();
    assert_eq!(gaps, [(BOOTED, BOOTED + 60_000, BOOTED + 105_000)]);
    assert_eq!(flush.gpus.len(), 1);
}

#[test]
fn totals_of_user_are_sums_since_flush() {
    let mut host = Host::new();
    host.see(0, vec![gpu(0, vec![process(1, "alice")])]);
    assert_eq!(host.ledger.users(), [("alice".into(), 100 << 20)]);
    let totals = |flush: &Flush| flush.totals.iter().map(|one| (one.user.to_string(), one.gpu_us)).collect::<Vec<_>>();
    assert_eq!(totals(&host.flush()), [("alice".to_owned(), 0)], "known before it has anything");
    host.run(30, &[gpu(0, vec![process(1, "alice")])]);
    assert_eq!(totals(&host.flush()), [("alice".to_owned(), 30_000_000)]);
    host.run(30, &[gpu(0, Vec::new())]);
    assert_eq!(totals(&host.flush()), []);
    assert_eq!(host.ledger.users(), [("alice".into(), 0)]);
}

#[test]
fn totals_mode_keeps_no_names() {
    let mut host = Host::new();
    host.ledger = Ledger::new(LedgerConfig { people: false, ..LedgerConfig::default() });
    let held = gpu(0, vec![process(1, "alice"), process(2, "bob")]);
    host.see(0, vec![held.clone()]);
    host.run(30, &[held]);
    let flush = host.flush();
    assert_eq!(times(&flush), expected(&[("-", 30_000)]));
    let text = format!("{flush:?}");
    assert!(!text.contains("alice") && !text.contains("train") && !text.contains("python"), "{text}");
    assert_eq!((flush.totals.len(), flush.sessions.len()), (0, 1));
}

#[test]
fn long_unobserved_time_is_one_gap() {
    let mut host = Host::new();
    host.see(0, vec![gpu(0, Vec::new())]);
    // It slept for three days, and the boot clock went on.
    host.see(259_200_000, vec![gpu(0, Vec::new())]);
    host.run(10, &[gpu(0, Vec::new())]);
    let flush = host.flush();
    assert_eq!(times(&flush), expected(&[("free", 10_000), ("unobserved", 259_200_000)]));
    assert_eq!((flush.gaps.len(), flush.slots.len()), (1, 1));
}
