//! Requests per second, latency and cost of each view, measured in turn with other servers on the same machine.

use std::{fs, path::PathBuf, thread, time::Duration};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::{
    Outcome,
    agent::Agent,
    cost,
    files::{self, View},
    get,
    host::Host,
    load::{Load, wrk},
    places::{keep, repository},
    plot,
    server::{self, Server},
    stream_clients::StreamClients,
    table::{markdown, median, number},
};

#[derive(Args)]
pub(crate) struct Options {
    /// Number of measurements of each server, in turn with the others
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Duration of each measurement in seconds
    #[arg(long, default_value_t = 1)]
    seconds: u64,
    /// Duration of the measurement without requests in seconds
    #[arg(long, default_value_t = 30)]
    idle: u64,
    /// Path of the Python agent's main.py
    #[arg(long, env = "ORIGINAL")]
    original: Option<PathBuf>,
    /// Write the results to bench/results
    #[arg(long)]
    keep: bool,
    /// Views; `+gzip` requests a compressed response
    #[arg(default_values = [
        "/count", "/status", "/api/v1/snapshot", "/api/v1/snapshot+gzip", "/metrics", "/metrics+gzip",
        "/metrics?names=dcgm", "/metrics?names=dcgm+gzip",
    ])]
    views: Vec<String>,
}

const GPUS: usize = 8;
const PROCESSES: usize = 50;
const STREAM_CLIENTS: [usize; 3] = [1, 64, 1000];
const INTERVAL: Duration = Duration::from_secs(1);

/// Results of one server for one view: medians of all rounds.
#[derive(Debug, Serialize, Deserialize)]
struct Served {
    view: String,
    bytes: usize,
    server: String,
    /// Requests per second in each round.
    rates: Vec<f64>,
    #[serde(flatten)]
    load: Load,
    processor_ms_per_thousand: f64,
    memory_kib: u64,
    driver_calls_per_second: Option<f64>,
}

/// Cost of stream clients.
#[derive(Debug, Serialize, Deserialize)]
struct Streamed {
    readers: usize,
    encoding: String,
    processor_percent: f64,
    memory_kib: u64,
    bytes_per_second: f64,
    median_ms: Option<f64>,
    worst_ms: Option<f64>,
}

/// Cost without requests.
#[derive(Debug, Serialize, Deserialize)]
struct Idle {
    seconds: u64,
    agent_percent: f64,
    collector_percent: f64,
    memory_kib: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Report {
    cores: usize,
    gpus: usize,
    processes: usize,
    rounds: usize,
    seconds: u64,
    idle: Idle,
    views: Vec<Served>,
    streams: Vec<Streamed>,
    gpustat_seconds: Option<f64>,
}

pub(crate) fn run(options: &Options) -> Outcome {
    let idle = idle(options.idle)?;
    let streams = streams()?;
    let host = Host::counting(None, GPUS, PROCESSES)?;
    let agent = Agent::start(&host, INTERVAL, &[])?;
    let views: Vec<View> = options.views.iter().map(|text| View::parse(text)).collect();
    let (folder, sizes) = files::fill(&host, agent.address, &views)?;
    let first = views.first().ok_or("expected at least one view")?.as_file();
    let plain: Vec<(String, usize)> =
        views.iter().zip(&sizes).filter(|(view, _)| !view.gzip).map(|(view, bytes)| (view.as_file(), *bytes)).collect();
    let others = [server::nginx(&host, &folder, &first, &plain)?, server::bare(&folder, &first)?];
    let mut served = Vec::new();
    for (view, bytes) in views.iter().zip(sizes) {
        let others = others.iter().map(|server| Rival::other(server, &view.as_file(), bytes));
        let ours = Rival::agent("agent", &agent, &view.path, bytes);
        served.extend(in_turn(&host, options, view, &std::iter::once(ours).chain(others).collect::<Vec<_>>())?);
        served.extend(while_the_driver_hangs(options, view)?);
        eprintln!("  measured {}", view.name());
    }
    drop(others);
    served.extend(peers(&host, options, &agent, &views)?);
    let gpustat_seconds = server::gpustat(&host).transpose()?;
    let cores = thread::available_parallelism()?.get();
    let (rounds, seconds) = (options.rounds, options.seconds);
    let report = Report {
        cores,
        gpus: GPUS,
        processes: PROCESSES,
        rounds,
        seconds,
        idle,
        views: served,
        streams,
        gpustat_seconds,
    };
    let text = text(&report);
    print!("{text}");
    if options.keep {
        keep("views.md", &text)?;
        keep("views.json", &(serde_json::to_string_pretty(&report)? + "\n"))?;
        draw(&report)?;
        println!("\nwritten to {}", repository("bench/results").display());
    }
    Ok(())
}

fn idle(seconds: u64) -> Outcome<Idle> {
    let host = Host::new(GPUS, PROCESSES, 0)?;
    let agent = Agent::start(&host, INTERVAL, &[])?;
    // Views requested at the start are rendered in advance for a minute.
    if seconds >= 10 {
        thread::sleep(Duration::from_secs(61));
    }
    let collector = agent.collector();
    let before = (cost::processor_time(&[agent.pid()]), cost::processor_time(&collector));
    let time = Duration::from_secs(seconds);
    thread::sleep(time);
    let percent = |now: Duration, before: Duration| 100.0 * (now - before).as_secs_f64() / time.as_secs_f64();
    Ok(Idle {
        seconds,
        agent_percent: percent(cost::processor_time(&[agent.pid()]), before.0),
        collector_percent: percent(cost::processor_time(&collector), before.1),
        memory_kib: cost::proportional_kib(&agent.pids())?,
    })
}

/// A server that serves a view.
struct Rival {
    name: &'static str,
    address: std::net::SocketAddr,
    pids: Vec<u32>,
    path: String,
    /// Size of the response.
    bytes: usize,
}

impl Rival {
    fn agent(name: &'static str, agent: &Agent, path: &str, bytes: usize) -> Self {
        Self { name, address: agent.address, pids: agent.pids(), path: path.into(), bytes }
    }

    fn other(server: &Server, path: &str, bytes: usize) -> Self {
        Self { name: server.name, address: server.address, pids: server.pids(), path: path.into(), bytes }
    }
}

/// Measures all servers in each round, so that a slower machine slows all of them.
fn in_turn(host: &Host, options: &Options, view: &View, rivals: &[Rival]) -> Outcome<Vec<Served>> {
    let mut loads: Vec<Vec<(Load, Duration, f64)>> = rivals.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.rounds {
        for (rival, loads) in rivals.iter().zip(&mut loads) {
            let before = (cost::processor_time(&rival.pids), host.calls(rival.name));
            let load = wrk(host.folder(), rival.address, &rival.path, view.encoding(), options.seconds)?;
            #[expect(clippy::cast_precision_loss, reason = "the number of calls is far below 2^52")]
            let calls = (host.calls(rival.name) - before.1) as f64;
            loads.push((load, cost::processor_time(&rival.pids) - before.0, calls));
        }
    }
    let mut served = Vec::new();
    for (rival, loads) in rivals.iter().zip(loads) {
        let of = |what: fn(&Load) -> f64| median(loads.iter().map(|(load, ..)| what(load)).collect());
        let requests: f64 = loads.iter().map(|(load, ..)| load.requests).sum();
        let processor: Duration = loads.iter().map(|(_, time, _)| *time).sum();
        let calls: f64 = loads.iter().map(|(.., calls)| calls).sum();
        #[expect(clippy::cast_precision_loss, reason = "rounds and seconds are small numbers")]
        let time = options.seconds as f64 * loads.len() as f64;
        served.push(Served {
            view: view.name(),
            bytes: rival.bytes,
            server: rival.name.into(),
            rates: loads.iter().map(|(load, ..)| load.rate).collect(),
            load: Load {
                rate: of(|load| load.rate),
                requests,
                p50_us: of(|load| load.p50_us),
                p99_us: of(|load| load.p99_us),
                p999_us: of(|load| load.p999_us),
                failed: 0.0,
            },
            processor_ms_per_thousand: processor.as_secs_f64() * 1e6 / requests.max(1.0),
            memory_kib: cost::proportional_kib(&rival.pids)?,
            driver_calls_per_second: (calls > 0.0).then_some(calls / time),
        });
    }
    Ok(served)
}

/// Measures the agent on a host on which every call into the driver hangs.
fn while_the_driver_hangs(options: &Options, view: &View) -> Outcome<Vec<Served>> {
    if view.path != "/metrics" && view.path != "/status" {
        return Ok(Vec::new());
    }
    let host = Host::new(GPUS, PROCESSES, 0)?;
    let agent = Agent::start(&host, INTERVAL, &[])?;
    host.hang()?;
    get::until(agent.address, "/readyz", |answer| answer.status == 503)?;
    let bytes = get::get(agent.address, &view.path, view.encoding())?.body.len();
    let hung = Rival::agent("agent, driver hangs", &agent, &view.path, bytes);
    in_turn(&host, options, view, &[hung])
}

/// Measures the installed programs of other projects on the same driver, each with its own view.
fn peers(host: &Host, options: &Options, agent: &Agent, views: &[View]) -> Outcome<Vec<Served>> {
    let mut served = Vec::new();
    let is_requested = |path: &str| views.iter().any(|view| view.path == path);
    let mut others: Vec<(&str, Outcome<Server>)> = Vec::new();
    if is_requested("/status") {
        others.extend(options.original.as_deref().map(|main| ("/status", server::original(host, main))));
    }
    if is_requested("/metrics") {
        others.extend(server::nvitop_exporter(host).map(|server| ("/metrics", server)));
        others.extend(server::all_smi(host).map(|server| ("/metrics", server)));
    }
    for (path, server) in others {
        let server = server?;
        let bytes = |address| Ok::<_, Box<dyn std::error::Error>>(get::get(address, path, "identity")?.body.len());
        let ours = Rival::agent("agent", agent, path, bytes(agent.address)?);
        let rivals = [ours, Rival::other(&server, path, bytes(server.address)?)];
        let pair = View { path: format!("{path} beside {}", server.name), gzip: false };
        let pair = in_turn(host, options, &pair, &rivals)?;
        served.extend(pair);
        eprintln!("  measured {}", server.name);
    }
    Ok(served)
}

fn streams() -> Outcome<Vec<Streamed>> {
    let mut streamed = Vec::new();
    for encoding in ["identity", "gzip"] {
        let host = Host::new(GPUS, PROCESSES, 0)?;
        let agent = Agent::start(&host, INTERVAL, &[])?;
        for count in STREAM_CLIENTS {
            let mut clients = StreamClients::open(agent.address, count, encoding)?;
            clients.read(Duration::from_secs(3))?;
            let before = cost::processor_time(&agent.pids());
            let time = Duration::from_secs(10);
            let received = clients.read(time)?;
            let used = cost::processor_time(&agent.pids()) - before;
            #[expect(clippy::cast_precision_loss, reason = "far less than 2^52 bytes")]
            let bytes = received.bytes as f64;
            streamed.push(Streamed {
                readers: count,
                encoding: encoding.into(),
                processor_percent: 100.0 * used.as_secs_f64() / time.as_secs_f64(),
                memory_kib: cost::proportional_kib(&agent.pids())?,
                bytes_per_second: bytes / time.as_secs_f64(),
                median_ms: received.median_ms,
                worst_ms: received.worst_ms,
            });
            eprintln!("  measured {count} stream clients, {encoding}");
        }
    }
    Ok(streamed)
}

/// Median over the rounds of the ratio of the agent's rate to another server's.
fn ratio(views: &[Served], view: &str, other: &str) -> Option<f64> {
    let rates = |server: &str| views.iter().find(|served| served.view == view && served.server == server);
    let (ours, theirs) = (rates("agent")?, rates(other)?);
    Some(median(ours.rates.iter().zip(&theirs.rates).map(|(ours, theirs)| ours / theirs).collect()))
}

fn names(views: &[Served]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for served in views {
        if !names.contains(&served.view.as_str()) {
            names.push(&served.view);
        }
    }
    names
}

/// Results as Markdown.
fn text(report: &Report) -> String {
    let mut text = format!(
        "{} GPUs, {} processes, interval 1 s; {} cores; medians of {} rounds of {} s in turn, `wrk -t1 -c8` on the same machine\n\n",
        report.gpus, report.processes, report.cores, report.rounds, report.seconds
    );
    text.push_str(&served_table(&report.views));
    text.push('\n');
    text.push_str(&ratio_table(&report.views));
    text.push('\n');
    text.push_str(&stream_table(&report.streams));
    let idle = &report.idle;
    text.push_str(&format!(
        "\nWithout requests, over {} s: {} % of a core for the agent and {} % for its collector, including the simulated driver; \
         {} MiB together.\n",
        idle.seconds,
        number(idle.agent_percent),
        number(idle.collector_percent),
        number(idle.memory_kib as f64 / 1024.0),
    ));
    if let Some(seconds) = report.gpustat_seconds {
        text.push_str(&format!("One run of `gpustat --json` takes {} s.\n", number(seconds)));
    }
    text
}

fn served_table(views: &[Served]) -> String {
    let row = |served: &Served| {
        let load = &served.load;
        let times = [load.p50_us, load.p99_us, load.p999_us].map(|us| number(us / 1000.0));
        let (low, high) =
            served.rates.iter().fold((f64::MAX, 0.0_f64), |(low, high), rate| (low.min(*rate), high.max(*rate)));
        vec![
            served.view.clone(),
            served.server.clone(),
            number(served.bytes as f64),
            number(load.rate),
            format!("{} – {}", number(low), number(high)),
            times.join(" / "),
            number(served.processor_ms_per_thousand),
            number(served.memory_kib as f64 / 1024.0),
            served.driver_calls_per_second.map_or_else(|| "—".into(), number),
        ]
    };
    let head = [
        "view",
        "server",
        "bytes",
        "requests/s",
        "in rounds",
        "p50 / p99 / p99.9 ms",
        "CPU ms per 1,000",
        "memory MiB",
        "driver calls/s",
    ];
    markdown(&head, &views.iter().map(row).collect::<Vec<_>>())
}

/// Rate and 99.9th percentile of the agent, relative to the other servers.
fn ratio_table(views: &[Served]) -> String {
    let p999 = |view: &str, server: &str| {
        views.iter().find(|served| served.view == view && served.server == server).map(|served| served.load.p999_us)
    };
    let row = |view: &str| {
        let others = views.iter().filter(|served| served.view == view && served.server != "agent");
        let rates: Vec<String> = others
            .filter_map(|other| Some(format!("{} {}", other.server, number(ratio(views, view, &other.server)?))))
            .collect();
        let late = p999(view, "agent").zip(p999(view, "nginx"));
        let late = late.map_or_else(|| "—".into(), |(ours, theirs)| number(ours / theirs));
        vec![view.to_owned(), rates.join(", "), late]
    };
    let rows: Vec<Vec<String>> = names(views).into_iter().map(row).collect();
    markdown(&["view", "the agent's rate relative to", "its p99.9 relative to nginx's"], &rows)
}

fn stream_table(streams: &[Streamed]) -> String {
    let row = |streamed: &Streamed| {
        vec![
            streamed.readers.to_string(),
            streamed.encoding.clone(),
            number(streamed.processor_percent),
            number(streamed.memory_kib as f64 / 1024.0),
            number(streamed.bytes_per_second / 1e6),
            streamed.median_ms.map_or_else(|| "—".into(), number),
            streamed.worst_ms.map_or_else(|| "—".into(), number),
        ]
    };
    let head = [
        "stream clients",
        "encoding",
        "CPU % of a core",
        "memory MiB",
        "MB/s in all",
        "age on arrival, ms, median",
        "worst",
    ];
    markdown(&head, &streams.iter().map(row).collect::<Vec<_>>())
}

/// Draws the results of the last measurement again.
pub(crate) fn draw_again() -> Outcome {
    let report: Report = serde_json::from_str(&fs::read_to_string(repository("bench/results/views.json"))?)?;
    keep("views.md", &text(&report))?;
    draw(&report)
}

fn draw(report: &Report) -> Outcome {
    let views = &report.views;
    for (file, other, bound) in [("views-nginx.svg", "nginx", 1.1), ("views-bare.svg", "bare", 0.9)] {
        let bars: Vec<(String, f64)> =
            names(views).into_iter().filter_map(|view| Some((view.to_owned(), ratio(views, view, other)?))).collect();
        plot::bars(
            file,
            &format!("Requests per second, as a fraction of {other}'s with the same bytes"),
            "ratio",
            &bars,
            &[(bound, "target")],
        )?;
    }
    Ok(())
}
