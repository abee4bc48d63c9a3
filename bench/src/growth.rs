//! How cost grows: with GPUs, processes, readers of the stream, and a shorter interval. Each is measured with nobody asking
//! and with a page open (a reader of the stream), and drawn beside the line that it should follow.

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
    readers::Readers,
    table::{markdown, number},
};

#[derive(Args)]
pub(crate) struct Options {
    /// How long each point is measured, in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How long each call into the driver takes, in ms: 0 until it has been measured on real hardware
    #[arg(long, default_value_t = 0)]
    latency: u64,
    /// Write what comes out into bench/results
    #[arg(long)]
    keep: bool,
}

/// What is measured at one point.
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
    /// As the agent tells it.
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

/// What grows, and how far.
struct Sweep {
    name: &'static str,
    axis: &'static str,
    settings: Vec<Setting>,
    /// Where the point stands on the axis.
    at: fn(&Point) -> f64,
}

fn sweeps() -> Vec<Sweep> {
    vec![
        Sweep {
            name: "gpus",
            axis: "GPUs",
            settings: [1, 2, 4, 8, 16].map(|gpus| Setting { gpus, ..USUAL }).into(),
            at: |point| point.gpus as f64,
        },
        Sweep {
            name: "processes",
            axis: "processes",
            settings: [0, 50, 200, 500, 1000, 2000].map(|processes| Setting { processes, ..USUAL }).into(),
            at: |point| point.processes as f64,
        },
        Sweep {
            name: "readers",
            axis: "readers of the stream",
            settings: [0, 1, 64, 250, 500, 1000].map(|readers| Setting { readers, ..USUAL }).into(),
            at: |point| point.readers as f64,
        },
        Sweep {
            name: "interval",
            axis: "readings a second",
            settings: [10_000, 2000, 1000, 500, 200, 100].map(|interval_ms| Setting { interval_ms, ..USUAL }).into(),
            at: |point| 1000.0 / point.interval_ms as f64,
        },
    ]
}

pub(crate) fn run(options: &Options) -> Outcome {
    let mut all = serde_json::Map::new();
    let mut text = format!(
        "8 GPUs, 50 processes, one reader of the stream, interval 1 s, but for what grows; {} s a point; a call into the driver \
         takes {}\n",
        options.seconds,
        if options.latency == 0 { "no time".into() } else { format!("{} ms", options.latency) }
    );
    for sweep in sweeps() {
        let mut points = Vec::new();
        for setting in &sweep.settings {
            points.push(measure(*setting, options)?);
            eprintln!("  measured {} {}", (sweep.at)(points.last().ok_or("no point")?), sweep.axis);
        }
        text.push_str(&format!("\n{}", tell(&sweep, &points)));
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
    let mut readers = Readers::open(agent.address, setting.readers, "identity")?;
    // Whole intervals, so that each has as many ticks as another.
    let time = Duration::from_secs(options.seconds).max(Duration::from_millis(3 * setting.interval_ms));
    let pause = Duration::from_secs(3);
    readers.read(pause)?;
    let collector: Vec<u32> = agent.pids().into_iter().filter(|pid| *pid != agent.pid()).collect();
    let before = (cost::processor_time(&[agent.pid()]), cost::processor_time(&collector), calls(&agent)?);
    if setting.readers > 0 {
        readers.read(time)?;
    } else {
        thread::sleep(time);
    }
    let percent = |now: Duration, before: Duration| 100.0 * (now - before).as_secs_f64() / time.as_secs_f64();
    let (agent_percent, collector_percent) =
        (percent(cost::processor_time(&[agent.pid()]), before.0), percent(cost::processor_time(&collector), before.1));
    let calls = calls(&agent)? - before.2;
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

/// Calls into the driver so far, by the agent's own account: to have the driver count them would cost more than they do.
fn calls(agent: &Agent) -> Outcome<f64> {
    let text = String::from_utf8(get::get(agent.address, "/metrics", "identity")?.body)?;
    let lines = text.lines().filter(|line| line.starts_with("nvsmi_agent_nvml_call_duration_seconds_count{"));
    Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

fn tell(sweep: &Sweep, points: &[Point]) -> String {
    let rows: Vec<Vec<String>> = points
        .iter()
        .map(|point| {
            vec![
                number((sweep.at)(point)),
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
            "a sample, ms",
        ],
        &rows,
    )
}

fn draw(sweep: &Sweep, points: &[Point]) -> Outcome {
    let line = |name: &str, value: fn(&Point) -> f64| Line {
        name: name.into(),
        points: points.iter().map(|point| ((sweep.at)(point), value(point))).collect(),
    };
    let both: fn(&Point) -> f64 = |point| point.agent_percent + point.collector_percent;
    // In proportion, from the first point and the last: what lies over it grows faster than what it grows with.
    let ends = points.first().zip(points.last());
    let straight = ends.map(|(first, last)| Line {
        name: "in proportion".into(),
        points: [first, last].map(|point| ((sweep.at)(point), both(point))).into(),
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
