//! `bench fleet --engine`: the cost of a hub that reads an engine, and of that engine.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    engines::{Engine, EngineKind, hub, refreshes},
    measure::{Options, percent_of},
    programs::{Agents, Program, fleet},
    reader::{find_times, quantile},
};
use crate::{
    Outcome, get,
    places::keep,
    stream_clients::StreamClients,
    table::{judged, markdown, number},
};

/// Hosts that a viewer looks at.
const ROWS: &str = "/api/v1/fleet/stream?rows=0-49";

pub(super) fn run(kind: EngineKind, options: &Options) -> Outcome {
    let time = Duration::from_secs(options.seconds.max(3 * options.scrape));
    let agents = Agents::start(options.hosts, &[])?;
    let engine = Engine::start(kind, &agents, options.scrape, 1)?;
    engine.wait(options.hosts)?;
    eprintln!("  the engine has all hosts");
    let ((), before) = percent_of(&engine.programs(), || {
        thread::sleep(Duration::from_secs(2 * options.scrape));
        Ok(())
    })?;
    eprintln!("  measured the engine alone");
    let hub = hub(&agents, engine.address)?;
    let started = Instant::now();
    let ok = loop {
        let ok = fleet(hub.address).map_or(0, |fleet| fleet["totals"]["hosts"]["ok"].as_u64().unwrap_or(0));
        if ok >= options.hosts as u64 || started.elapsed() > Duration::from_secs(60 + 3 * options.scrape) {
            break ok;
        }
        thread::sleep(Duration::from_millis(500));
    };
    let first = started.elapsed();
    let mut clients = StreamClients::open_path(hub.address, ROWS, 1, "gzip")?;
    clients.read(Duration::from_secs(options.scrape))?;
    let skipped = refreshes(&agents)?.len();
    let mut programs = vec![&hub];
    programs.extend(engine.programs());
    let (address, stop) = (hub.address, Arc::new(AtomicBool::new(false)));
    let stopped = Arc::clone(&stop);
    let fewest = thread::spawn(move || fewest_ok(address, &stopped));
    let (_, used) = percent_of(&programs, || clients.read(time))?;
    stop.store(true, Ordering::Relaxed);
    let fewest = fewest.join().map_err(|_| "expected a number of hosts")?;
    let all = refreshes(&agents)?;
    let measured = all.get(skipped..).unwrap_or_default();
    let mut milliseconds: Vec<f64> = measured.iter().map(|refresh| refresh.0).collect();
    milliseconds.sort_by(f64::total_cmp);
    let found = find_times(hub.address, 500)?;
    drop(clients);
    let asked = Instant::now();
    let page = get::get(hub.address, "/api/v1/fleet", "gzip")?;
    let fleet_ms = asked.elapsed().as_secs_f64() * 1000.0;
    let memory = engine.programs().iter().map(|program| program.memory_mib()).sum::<Outcome<f64>>()?;
    let results = json!({
        "engine": kind.name(), "hosts": options.hosts, "hosts_ok": ok, "scrape_seconds": options.scrape,
        "fewest_ok": fewest,
        // An engine may refuse to count so many.
        "series": engine.number("count(%7B__name__%21%3D%22%22%7D)").ok().filter(|series| *series > 0.0),
        "first_seconds": first.as_secs_f64(),
        "refreshes": measured.len(),
        "refresh_ms_p50": quantile(&milliseconds, 0.5),
        "refresh_ms_max": quantile(&milliseconds, 1.0),
        "queries": all.iter().map(|refresh| refresh.1).fold(0.0, f64::max),
        "looked_at": measured.iter().map(|refresh| refresh.2).fold(0.0, f64::max),
        "hub_percent": used[0], "hub_memory_mib": hub.memory_mib()?,
        "engine_percent_alone": before.iter().sum::<f64>(), "engine_percent": used[1..].iter().sum::<f64>(),
        "engine_memory_mib": memory,
        "simulator_memory_mib": Program::memory_mib(&agents.program)?,
        "find_ms_p99": quantile(&found, 0.99),
        "fleet_ms": fleet_ms, "fleet_bytes": page.body.len(),
    });
    let text = report(kind, options, &results);
    print!("{text}");
    if options.keep {
        keep(&format!("fleet-{}.md", kind.name()), &text)?;
        keep(&format!("fleet-{}.json", kind.name()), &(serde_json::to_string_pretty(&results)? + "\n"))?;
    }
    Ok(())
}

/// Fewest hosts that were ok at once, by the hub's metrics.
fn fewest_ok(hub: SocketAddr, stopped: &AtomicBool) -> Option<f64> {
    let mut fewest: Option<f64> = None;
    while !stopped.load(Ordering::Relaxed) {
        if let Ok(answer) = get::get(hub, "/metrics", "identity") {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            let line = text.lines().find_map(|line| line.strip_prefix("nvsmi_hub_hosts{state=\"ok\"} "));
            let ok = line.and_then(|value| value.parse::<f64>().ok());
            fewest = [fewest, ok].into_iter().flatten().reduce(f64::min);
        }
        thread::sleep(Duration::from_millis(500));
    }
    fewest
}

/// Table of results with their targets.
fn report(kind: EngineKind, options: &Options, results: &Value) -> String {
    let value = |name: &str| results[name].as_f64();
    let mut rows = Vec::new();
    let mut row = |name: &str, value: Option<f64>, target: Option<f64>| {
        let shown = value.map_or_else(|| "not measured".to_owned(), number);
        rows.push(vec![
            name.to_owned(),
            shown,
            target.map_or_else(|| "none".to_owned(), |target| judged(value, target)),
        ]);
    };
    let seconds = |name: &str| value(name).map(|milliseconds| milliseconds / 1000.0);
    row("hosts that are ok at the start", value("hosts_ok"), None);
    row("fewest hosts that are ok at once", value("fewest_ok"), None);
    row("refreshes", value("refreshes"), None);
    row("a refresh with 50 visible hosts, median, s", seconds("refresh_ms_p50"), Some(3.0));
    row("the same, the longest, s", seconds("refresh_ms_max"), Some(3.0));
    row("queries of a refresh, at most", value("queries"), Some(12.0));
    row("from the start of the hub to the first state of all hosts, s", value("first_seconds"), None);
    row("processor time of the hub, % of a core", value("hub_percent"), None);
    row("memory of the hub, MiB", value("hub_memory_mib"), None);
    row("processor time of the engine and its rules without the hub, % of a core", value("engine_percent_alone"), None);
    row("the same with the hub", value("engine_percent"), None);
    row("memory of the engine and its rules, MiB", value("engine_memory_mib"), None);
    row("series in the engine", value("series"), None);
    row("`/api/v1/find`, p99, ms", value("find_ms_p99"), None);
    row("`/api/v1/fleet`, ms", value("fleet_ms"), None);
    format!(
        "{} hosts with 8 GPUs in {}, scraped with `set=fleet` every {} s, rules every {} s.\n\n{}",
        options.hosts,
        kind.name(),
        options.scrape,
        options.scrape,
        markdown(&["", "measured", "target"], &rows)
    )
}
