//! `bench fleet`: the cost of a hub, next to Prometheus that scrapes the same agents in the same run.

use std::{thread, time::Duration};

use clap::Args;
use serde_json::{Value, json};

use super::{
    engine,
    engines::EngineKind,
    faults,
    programs::{Agents, Program, hub, prometheus},
    reader::{find_times, prometheus_ages, quantile, read_stream},
};
use crate::{
    Outcome,
    places::keep,
    plot::{self, Line},
    stream_clients::StreamClients,
    table::{judged, markdown, number},
};

#[derive(Args)]
pub(crate) struct Options {
    /// Number of hosts, each with eight GPUs that change every second
    #[arg(long, default_value_t = 1000)]
    pub(super) hosts: usize,
    /// Measuring time in seconds
    #[arg(long, default_value_t = 60)]
    pub(super) seconds: u64,
    /// Measure the hub alone
    #[arg(long)]
    without_prometheus: bool,
    /// Measure the hub alone, with 10 to 3,000 hosts
    #[arg(long)]
    sweep: bool,
    /// Measure a hub that reads the live state of the hosts from this engine
    #[arg(long, value_enum)]
    pub(super) engine: Option<EngineKind>,
    /// Let the engine scrape and evaluate the rules every SCRAPE seconds
    #[arg(long, default_value_t = 15)]
    pub(super) scrape: u64,
    /// With --engine: let hosts and engine fail, and compare free GPUs with the truth
    #[arg(long, requires = "engine")]
    pub(super) faults: bool,
    /// Write the results to bench/results
    #[arg(long)]
    pub(super) keep: bool,
}

/// Readers of fifty rows.
const READERS: usize = 200;
/// Numbers of hosts of the sweep.
const SWEEP: [usize; 6] = [10, 30, 100, 300, 1000, 3000];
/// Two scrapes of each host, so that every series exists.
const SETTLE: Duration = Duration::from_secs(35);

pub(crate) fn run(options: &Options) -> Outcome {
    match options.engine {
        Some(kind) if options.faults => faults::run(kind, options),
        Some(kind) => engine::run(kind, options),
        None if options.sweep => sweep(options),
        None => compare(options),
    }
}

/// Share of a core in percent that a program uses while something runs.
pub(super) fn percent_of<T>(programs: &[&Program], run: impl FnOnce() -> Outcome<T>) -> Outcome<(T, Vec<f64>)> {
    let times = || programs.iter().map(|program| program.processor_time());
    let (before, started): (Vec<Duration>, _) = (times().collect(), std::time::Instant::now());
    let result = run()?;
    let elapsed = started.elapsed().as_secs_f64();
    let used = times().zip(before).map(|(now, before)| 100.0 * now.saturating_sub(before).as_secs_f64() / elapsed);
    Ok((result, used.collect()))
}

fn compare(options: &Options) -> Outcome {
    let time = Duration::from_secs(options.seconds);
    let agents = Agents::start(options.hosts, &[])?;
    let hub = hub(&agents, options.hosts)?;
    let prometheus = if options.without_prometheus { None } else { Some(prometheus(&agents, None)?) };
    thread::sleep(if prometheus.is_some() { SETTLE } else { Duration::from_secs(10) });
    // Without a reader, so that both do what they do alone; a reader comes next.
    let mut programs = vec![&hub, &agents.program];
    programs.extend(&prometheus);
    let ((), alone) = percent_of(&programs, || {
        thread::sleep(time);
        Ok(())
    })?;
    eprintln!("  measured without a reader");
    let (received, read) = percent_of(&programs, || read_stream(hub.address, time))?;
    eprintln!("  measured one reader of everything");
    let found = find_times(hub.address, 2000)?;
    let path = "/api/v1/fleet/stream?rows=0-49";
    let mut clients = StreamClients::open_path(hub.address, path, READERS, "gzip")?;
    clients.read(Duration::from_secs(5))?;
    let (shared, many) = percent_of(&programs, || clients.read(time))?;
    drop(clients);
    eprintln!("  measured {READERS} readers");
    let ages = prometheus.as_ref().map(|program| prometheus_ages(program.address, 10)).transpose()?;
    let memory = hub.memory_mib()?;
    let results = json!({
        "hosts": options.hosts,
        "hub_percent": alone[0],
        "simulator_percent": alone[1],
        "prometheus_percent": alone.get(2),
        "hub_percent_one_reader": read[0],
        "hub_percent_200_readers": many[0],
        "hub_memory_mib": memory,
        "prometheus_memory_mib": prometheus.as_ref().map(Program::memory_mib).transpose()?,
        "age_ms_p50": quantile(&received.ages_ms, 0.5),
        "age_ms_p99": quantile(&received.ages_ms, 0.99),
        "changes": received.ages_ms.len(),
        "prometheus_age_ms_p50": ages.as_ref().map(|ages| quantile(ages, 0.5)),
        "find_ms_p50": quantile(&found, 0.5),
        "find_ms_p99": quantile(&found, 0.99),
        "bytes_per_second_everything": received.bytes_per_second,
        "bytes_per_second_50_rows_gzip": shared.bytes as f64 / time.as_secs_f64() / READERS as f64,
    });
    let text = report(options, &results);
    print!("{text}");
    if options.keep {
        keep("fleet.md", &text)?;
        keep("fleet.json", &(serde_json::to_string_pretty(&results)? + "\n"))?;
    }
    Ok(())
}

/// Table of results with their targets.
fn report(options: &Options, results: &Value) -> String {
    let value = |name: &str| results[name].as_f64();
    let shown = |value: Option<f64>| value.map_or_else(|| "not measured".to_owned(), number);
    let ratio = |one: &str, other: &str| value(one).zip(value(other)).map(|(one, other)| one / other);
    let mut rows = Vec::new();
    let mut row = |name: &str, value: Option<f64>, target: Option<f64>| {
        let target = target.map_or_else(|| "none".to_owned(), |target| judged(value, target));
        rows.push(vec![name.to_owned(), shown(value), target]);
    };
    row("processor time of the hub, relative to Prometheus", ratio("hub_percent", "prometheus_percent"), Some(0.2));
    row("memory of the hub, relative to Prometheus", ratio("hub_memory_mib", "prometheus_memory_mib"), Some(0.05));
    row(
        "age of a value in Prometheus, relative to the hub's stream",
        ratio("prometheus_age_ms_p50", "age_ms_p50"),
        None,
    );
    row("processor time of the hub, % of a core", value("hub_percent"), Some(15.0));
    row("memory of the hub, MiB", value("hub_memory_mib"), Some(96.0));
    row("age of a change at a reader of the stream, p50, ms", value("age_ms_p50"), None);
    row("the same, p99, ms", value("age_ms_p99"), Some(1500.0));
    row("`/api/v1/find`, p50, ms", value("find_ms_p50"), None);
    row("the same, p99, ms", value("find_ms_p99"), Some(2.0));
    let added = value("hub_percent_200_readers").zip(value("hub_percent")).map(|(many, alone)| many - alone);
    row("200 readers of 50 rows with gzip, added % of a core", added, Some(10.0));
    row("one reader of everything, kB/s", value("bytes_per_second_everything").map(|bytes| bytes / 1000.0), None);
    row("one of the 200 readers, kB/s", value("bytes_per_second_50_rows_gzip").map(|bytes| bytes / 1000.0), None);
    row("processor time of Prometheus, % of a core", value("prometheus_percent"), None);
    row("memory of Prometheus, MiB", value("prometheus_memory_mib"), None);
    row("processor time of the simulator, % of a core", value("simulator_percent"), None);
    format!(
        "{} hosts with 8 GPUs, all changing every second; Prometheus scrapes `/metrics` of the same hosts every 15 s. {} s each.\n\n{}",
        options.hosts,
        options.seconds,
        markdown(&["", "measured", "target"], &rows)
    )
}

/// The hub's cost by number of hosts.
fn sweep(options: &Options) -> Outcome {
    let time = Duration::from_secs(options.seconds.min(30));
    let mut points = Vec::new();
    for hosts in SWEEP {
        let agents = Agents::start(hosts, &[])?;
        let hub = hub(&agents, hosts)?;
        thread::sleep(Duration::from_secs(5));
        let (received, used) = percent_of(&[&hub], || read_stream(hub.address, time))?;
        points.push((hosts, used[0], hub.memory_mib()?, quantile(&received.ages_ms, 0.99)));
        eprintln!("  measured {hosts} hosts");
    }
    let rows: Vec<Vec<String>> = points
        .iter()
        .map(|(hosts, percent, memory, age)| vec![hosts.to_string(), number(*percent), number(*memory), number(*age)])
        .collect();
    let text = format!(
        "Hosts with 8 GPUs, all changing every second, and one reader of everything; {} s each.\n\n{}",
        time.as_secs(),
        markdown(&["hosts", "% of a core", "memory MiB", "age of a change, p99, ms"], &rows)
    );
    print!("{text}");
    if options.keep {
        keep("fleet-growth.md", &text)?;
        let line = |name: &str, value: fn(&(usize, f64, f64, f64)) -> f64| Line {
            name: name.into(),
            points: points.iter().map(|point| (point.0 as f64, value(point))).collect(),
        };
        let cost = line("hub", |point| point.1);
        let straight = cost
            .points
            .first()
            .zip(cost.points.last())
            .map(|(first, last)| Line { name: "proportional".into(), points: vec![*first, *last] });
        let axes = ("hosts", "% of a core");
        plot::lines("fleet-growth.svg", "Processor time of the hub by hosts", axes, &[cost], straight.as_ref())?;
    }
    Ok(())
}
