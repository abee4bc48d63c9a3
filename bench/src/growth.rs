//! Cost by number of GPUs, processes and stream clients, and by interval. Each result is drawn next to a line of proportional
//! growth.

use std::{thread, time::Duration};

use clap::Args;
use serde::Serialize;

use crate::{
    Outcome,
    agent::Agent,
    cost, get,
    host::Host,
    places::keep,
    plot::{self, Line},
    stream_clients::StreamClients,
    table::{markdown, number},
};

#[derive(Args)]
pub(crate) struct Options {
    /// Measuring time per point in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Latency of each call into the driver, in ms
    ///
    /// 0 until it has been measured on real hardware.
    #[arg(long, default_value_t = 0)]
    latency: u64,
    /// Write the results to bench/results
    #[arg(long)]
    keep: bool,
}

/// Results of one point.
#[derive(Clone, Debug, Serialize)]
struct Point {
    gpus: usize,
    processes: usize,
    readers: usize,
    interval_ms: u64,
    agent_percent: f64,
    collector_percent: f64,
    memory_kib: u64,
    driver_calls_per_second: f64,
    snapshot_bytes: usize,
    /// Duration of a sample as the agent reports it.
    sample_ms: f64,
}

#[derive(Clone, Copy)]
struct Setting {
    gpus: usize,
    processes: usize,
    readers: usize,
    interval_ms: u64,
}

const USUAL: Setting = Setting { gpus: 8, processes: 50, readers: 1, interval_ms: 1000 };

/// A parameter and its values.
struct Sweep {
    name: &'static str,
    axis: &'static str,
    settings: Vec<Setting>,
    /// Position of a point on the axis.
    position: fn(&Point) -> f64,
}

fn sweeps() -> Vec<Sweep> {
    vec![
        Sweep {
            name: "gpus",
            axis: "GPUs",
            settings: [1, 2, 4, 8, 16].map(|gpus| Setting { gpus, ..USUAL }).into(),
            position: |point| point.gpus as f64,
        },
        Sweep {
            name: "processes",
            axis: "processes",
            settings: [0, 50, 200, 500, 1000, 2000].map(|processes| Setting { processes, ..USUAL }).into(),
            position: |point| point.processes as f64,
        },
        Sweep {
            name: "readers",
            axis: "stream clients",
            settings: [0, 1, 64, 250, 500, 1000].map(|readers| Setting { readers, ..USUAL }).into(),
            position: |point| point.readers as f64,
        },
        Sweep {
            name: "interval",
            axis: "samples per second",
            settings: [10_000, 2000, 1000, 500, 200, 100].map(|interval_ms| Setting { interval_ms, ..USUAL }).into(),
            position: |point| 1000.0 / point.interval_ms as f64,
        },
    ]
}

pub(crate) fn run(options: &Options) -> Outcome {
    let mut all = serde_json::Map::new();
    let mut text = format!(
        "8 GPUs, 50 processes, 1 stream client and an interval of 1 s, except for the parameter that varies. {} s per point, \
         latency of a driver call: {}.\n",
        options.seconds,
        if options.latency == 0 { "none".into() } else { format!("{} ms", options.latency) }
    );
    for sweep in sweeps() {
        let mut points = Vec::new();
        for setting in &sweep.settings {
            points.push(measure(*setting, options)?);
            eprintln!(
                "  measured {} {}",
                (sweep.position)(points.last().ok_or("expected at least one value")?),
                sweep.axis
            );
        }
        text.push_str(&format!("\n{}", table(&sweep, &points)));
        if options.keep {
            draw(&sweep, &points)?;
        }
        all.insert(sweep.name.into(), serde_json::to_value(points)?);
    }
    print!("{text}");
    if options.keep {
        keep("growth.md", &text)?;
        keep("growth.json", &(serde_json::to_string_pretty(&all)? + "\n"))?;
    }
    Ok(())
}

fn measure(setting: Setting, options: &Options) -> Outcome<Point> {
    let host = Host::new(setting.gpus, setting.processes, options.latency)?;
    let agent = Agent::start(&host, Duration::from_millis(setting.interval_ms), &[])?;
    let mut clients = StreamClients::open(agent.address, setting.readers, "identity")?;
    // At least three intervals, so that points with a long interval have several ticks.
    let time = Duration::from_secs(options.seconds).max(Duration::from_millis(3 * setting.interval_ms));
    let pause = Duration::from_secs(3);
    clients.read(pause)?;
    let collector = agent.collector();
    let before = (cost::processor_time(&[agent.pid()]), cost::processor_time(&collector), agent.calls()?);
    if setting.readers > 0 {
        clients.read(time)?;
    } else {
        thread::sleep(time);
    }
    let percent = |now: Duration, before: Duration| 100.0 * (now - before).as_secs_f64() / time.as_secs_f64();
    let (agent_percent, collector_percent) =
        (percent(cost::processor_time(&[agent.pid()]), before.0), percent(cost::processor_time(&collector), before.1));
    let calls = agent.calls()?.values().sum::<f64>() - before.2.values().sum::<f64>();
    let body = get::get(agent.address, "/api/v1/snapshot", "identity")?.body;
    let snapshot: serde_json::Value = serde_json::from_slice(&body)?;
    Ok(Point {
        gpus: setting.gpus,
        processes: setting.processes,
        readers: setting.readers,
        interval_ms: setting.interval_ms,
        agent_percent,
        collector_percent,
        memory_kib: cost::proportional_kib(&agent.pids())?,
        driver_calls_per_second: calls / time.as_secs_f64(),
        snapshot_bytes: body.len(),
        sample_ms: snapshot["collector"]["sample_duration_seconds"].as_f64().unwrap_or(f64::NAN) * 1000.0,
    })
}

fn table(sweep: &Sweep, points: &[Point]) -> String {
    let rows: Vec<Vec<String>> = points
        .iter()
        .map(|point| {
            vec![
                number((sweep.position)(point)),
                number(point.agent_percent),
                number(point.collector_percent),
                number(point.memory_kib as f64 / 1024.0),
                number(point.driver_calls_per_second),
                number(point.snapshot_bytes as f64 / 1000.0),
                number(point.sample_ms),
            ]
        })
        .collect();
    markdown(
        &[
            sweep.axis,
            "agent, % of a core",
            "collector, % of a core",
            "memory MiB",
            "driver calls/s",
            "snapshot kB",
            "sample duration, ms",
        ],
        &rows,
    )
}

fn draw(sweep: &Sweep, points: &[Point]) -> Outcome {
    let line = |name: &str, value: fn(&Point) -> f64| Line {
        name: name.into(),
        points: points.iter().map(|point| ((sweep.position)(point), value(point))).collect(),
    };
    let both: fn(&Point) -> f64 = |point| point.agent_percent + point.collector_percent;
    // A line between the first and the last point: values above it grow faster than in proportion.
    let ends = points.first().zip(points.last());
    let straight = ends.map(|(first, last)| Line {
        name: "proportional".into(),
        points: [first, last].map(|point| ((sweep.position)(point), both(point))).into(),
    });
    let lines = [
        line("both", both),
        line("agent", |point| point.agent_percent),
        line("collector", |point| point.collector_percent),
    ];
    plot::lines(
        &format!("growth-{}.svg", sweep.name),
        &format!("Processor time by {}", sweep.axis),
        (sweep.axis, "% of a core"),
        &lines,
        straight.as_ref(),
    )
}
