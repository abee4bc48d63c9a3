//! Memory and descriptors during an hour of scrapes, page loads and stream clients.

use std::{
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use serde::Serialize;

use crate::{
    Outcome,
    agent::Agent,
    cost, get,
    host::Host,
    places::keep,
    stream_clients::StreamClients,
    table::{markdown, number},
};

#[derive(Args)]
pub(crate) struct Options {
    /// Duration in minutes
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Write the results to bench/results
    #[arg(long)]
    keep: bool,
}

/// Requests of each second.
const REQUESTS: [(&str, &str); 6] = [
    ("/status", "identity"),
    ("/metrics", "gzip"),
    ("/metrics?names=dcgm", "identity"),
    ("/api/v1/snapshot", "gzip"),
    ("/api/v1/history?metric=power.draw_watts&since=-15m", "gzip"),
    ("/api/v1/events", "gzip"),
];

#[derive(Debug, Serialize)]
struct Point {
    minute: u64,
    memory_kib: u64,
    descriptors: usize,
}

pub(crate) fn run(options: &Options) -> Outcome {
    let host = Host::new(8, 50, 0)?;
    // Ten times the usual rate, so that an hour has the ticks of ten.
    let agent = Agent::start(&host, Duration::from_millis(100), &[])?;
    let started = Instant::now();
    let mut points: Vec<Point> = Vec::new();
    let mut clients = StreamClients::open(agent.address, 8, "gzip")?;
    while started.elapsed() < Duration::from_secs(options.minutes * 60 + 1) {
        for (path, encoding) in REQUESTS {
            let response = get::get(agent.address, path, encoding)?;
            if response.status != 200 {
                return Err(format!("{path}: expected status 200, got {}", response.status).into());
            }
        }
        clients.read(Duration::from_millis(500))?;
        thread::sleep(Duration::from_millis(400));
        let minute = started.elapsed().as_secs() / 60;
        if points.last().is_none_or(|point| point.minute < minute) {
            // Reconnect, because clients come and go.
            clients = StreamClients::open(agent.address, 8, "gzip")?;
            let pids = agent.pids();
            points.push(Point {
                minute,
                memory_kib: cost::proportional_kib(&pids)?,
                descriptors: cost::descriptors(&pids),
            });
        }
    }
    let shown = points.iter().filter(|point| point.minute <= 2 || point.minute % 10 == 0);
    let rows: Vec<Vec<String>> = shown
        .map(|point| {
            vec![point.minute.to_string(), number(point.memory_kib as f64 / 1024.0), point.descriptors.to_string()]
        })
        .collect();
    let text = format!(
        "8 GPUs, 50 processes, interval 100 ms; six views each second, eight stream clients\n\n{}",
        markdown(&["minute", "memory MiB", "descriptors"], &rows)
    );
    print!("{text}");
    if options.keep {
        keep("soak.md", &text)?;
        keep("soak.json", &(serde_json::to_string_pretty(&points)? + "\n"))?;
    }
    Ok(())
}
