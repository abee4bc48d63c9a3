//! The worked examples of `docs/usage.md`: their numbers are computed here. `RENEW_DOCS=1` writes them there.

use std::{fmt::Write as _, fs, path::Path};

use super::*;

/// Variable that makes the test rewrite the document.
const RENEW: &str = "RENEW_DOCS";
const HOUR: u64 = 3600;

type Example = fn() -> String;

/// A row per holder, then the rest and the sum, in hours.
fn table(flush: &Flush) -> String {
    let (sums, unobserved) = by_occupant(flush);
    let hours = |us: u64| format!("{:.2}", us as f64 / 3.6e9);
    let energy = |mj: u64| format!("{:.2}", mj as f64 / 3.6e9);
    let rest = ["free", "unknown", "unassigned"];
    let (mut all, mut board) = (unobserved, 0);
    let mut text = String::from("| who | GPU-hours | present | busy | idle | kWh |\n|---|--:|--:|--:|--:|--:|\n");
    let mut line = |who: &str, cells: [&str; 5]| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "| {who} | {} |", cells.join(" | "));
    };
    let holders = sums.iter().filter(|(who, _)| !rest.contains(&who.as_str()));
    for (who, sums) in holders.chain(sums.iter().filter(|(who, _)| rest.contains(&who.as_str()))) {
        (all, board) = (all + sums.gpu_us, board + sums.energy_mj);
        let [gpu, present] = [sums.gpu_us, sums.present_us].map(hours);
        let [busy, idle] = [sums.busy_us, sums.idle_us].map(|us| us.map_or_else(|| "unknown".into(), hours));
        if rest.contains(&who.as_str()) {
            line(who, [&gpu, "", "", "", &energy(sums.energy_mj)]);
        } else {
            // A holder's container follows its name.
            let who = who.split_once(' ').map_or_else(|| who.clone(), |(user, place)| format!("{user}, in {place}"));
            line(&who, [&gpu, &present, &busy, &idle, &energy(sums.energy_mj)]);
        }
    }
    if unobserved > 0 {
        line("unobserved", [&hours(unobserved), "", "", "", ""]);
    }
    line("**all**", [&hours(all), "", "", "", &energy(board)]);
    text
}

/// GPU with these processes, utilization in % and power in W.
fn working(processes: Vec<Process>, percent: u32, watts: u32) -> Gpu {
    let mut gpu = gpu(0, processes);
    gpu.readings.utilization.gpu_percent = Ok(percent);
    gpu.readings.power.draw_mw = Ok(watts * 1000);
    if percent == 0 && !gpu.processes.is_empty() {
        gpu.usage.verdict = UseVerdict::Held;
    }
    gpu
}

/// Sums while these GPUs are seen one after the other, each for so many seconds.
fn played(parts: &[(u64, Gpu)]) -> String {
    let mut host = Host::new();
    host.see(0, vec![parts[0].1.clone()]);
    for (seconds, gpu) in parts {
        host.run(*seconds, std::slice::from_ref(gpu));
    }
    table(&host.pending())
}

fn two_users() -> String {
    let (alice, bob) = (process(1, "alice"), process(2, "bob"));
    played(&[(HOUR, working(vec![alice.clone()], 50, 400)), (HOUR, working(vec![alice, bob], 50, 400))])
}

fn notebook() -> String {
    let carol = process(1, "carol");
    played(&[(8 * HOUR, working(vec![carol.clone()], 0, 80)), (HOUR, working(vec![carol], 90, 600))])
}

fn mig() -> String {
    let mut parent =
        working(vec![Process { gpu_instance: Some(2), compute_instance: Some(0), ..process(1, "alice") }], 0, 300);
    parent.identity.name = Ok("NVIDIA H100 80GB HBM3".into());
    parent.readings.modes.mig = Ok(true);
    parent.mig = Ok(vec![instance(2, "3g.40gb", UseVerdict::Busy), instance(9, "1g.10gb", UseVerdict::Free)]);
    played(&[(HOUR, parent)])
}

fn container() -> String {
    let inside = |pid: u32, uid: u32, user: &str, name: &str| {
        let id = format!("{pid:064x}");
        let container = Container { id, runtime: None, name: Ok(name.into()), rootless: false };
        Process { uid: Ok(uid), container: Some(Box::new(container)), ..process(pid, user) }
    };
    played(&[(HOUR, working(vec![inside(1, 0, "root", "trainer"), inside(2, 1000, "dave", "notebook")], 50, 400))])
}

fn crash() -> String {
    let mut host = Host::new();
    let (held, free) = (working(vec![process(1, "erin")], 80, 500), working(Vec::new(), 0, 60));
    host.see(0, vec![held.clone()]);
    host.run(HOUR / 2, std::slice::from_ref(&held));
    // The agent is down.
    host.now += 300_000;
    host.see(host.now, vec![held.clone()]);
    host.run(HOUR / 2 - 300, &[held]);
    host.run(HOUR / 2, &[free]);
    table(&host.pending())
}

fn lost() -> String {
    let held = working(vec![process(1, "frank")], 80, 500);
    played(&[(HOUR / 2, held.clone()), (HOUR / 2, Gpu { state: GpuState::Lost, ..held })])
}

fn clock() -> String {
    let mut ledger = Ledger::default();
    for second in 0..=HOUR {
        let back = if second > HOUR / 2 { 1_200_000 } else { 0 };
        let stamp = Stamp { boot: BootTime(second * 1000), unix_ms: BOOTED + second * 1000 - back };
        let held = Gpu { read_at: stamp, ..working(vec![process(1, "grace")], 80, 500) };
        ledger.add(&Snapshot { at: stamp, ..fixtures::snapshot(CollectorState::Ok, vec![held]) });
    }
    table(&ledger.pending(at(HOUR * 1000)))
}

#[test]
fn examples_of_document_are_computed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/usage.md");
    let found = fs::read_to_string(&path).unwrap();
    let mut text = found.clone();
    let examples: [(&str, Example); 7] = [
        ("two users", two_users),
        ("notebook", notebook),
        ("MIG", mig),
        ("container", container),
        ("crash", crash),
        ("lost", lost),
        ("clock", clock),
    ];
    assert_eq!(text.matches("<!-- example: ").count(), examples.len());
    for (name, example) in examples {
        let begin = format!("<!-- example: {name} -->\n");
        let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("no example {name}"));
        let (_, after) = rest.split_once("<!-- /example -->").unwrap();
        text = format!("{before}{begin}{}<!-- /example -->{after}", example());
    }
    if std::env::var_os(RENEW).is_some() {
        fs::write(&path, &text).unwrap();
        return;
    }
    assert!(text == found, "{} is stale; run {RENEW}=1 cargo test -p telemetry --lib examples", path.display());
}
