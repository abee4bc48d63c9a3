//! Whether anything grows: an hour of scrapes, pages that come and go, and readers of the stream.

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
    readers::Readers,
    table::{markdown, number},
};

#[derive(Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Write what comes out into bench/results
    #[arg(long)]
    keep: bool,
}

/// What is asked for each second.
const ASKED: [(&str, &str); 6] = [
    ("/status", "identity"),
    ("/metrics", "gzip"),
    ("/metrics?names=dcgm", "identity"),
    ("/api/v1/snapshot", "gzip"),
    ("/api/v1/history?metric=power.draw_watts&since=-15m", "gzip"),
    ("/api/v1/events", "gzip"),
];

#[derive(Debug, Serialize)]
struct Mark {
    minute: u64,
    memory_kib: u64,
    descriptors: usize,
}

pub(crate) fn run(options: &Options) -> Outcome {
    let host = Host::new(8, 50, 0)?;
    // Ten times as often as usual, so that an hour is ten.
    let agent = Agent::start(&host, Duration::from_millis(100), &[])?;
    let begun = Instant::now();
    let mut marks: Vec<Mark> = Vec::new();
    let mut readers = Readers::open(agent.address, 8, "gzip")?;
    while begun.elapsed() < Duration::from_secs(options.minutes * 60 + 1) {
        for (path, encoding) in ASKED {
            let answer = get::get(agent.address, path, encoding)?;
            if answer.status != 200 {
                return Err(format!("{path} answers {}", answer.status).into());
            }
        }
        readers.read(Duration::from_millis(500))?;
        thread::sleep(Duration::from_millis(400));
        let minute = begun.elapsed().as_secs() / 60;
        if marks.last().is_none_or(|mark| mark.minute < minute) {
            // Readers go, and others come.
            readers = Readers::open(agent.address, 8, "gzip")?;
            let pids = agent.pids();
            marks.push(Mark {
                minute,
                memory_kib: cost::proportional_kib(&pids)?,
                descriptors: cost::descriptors(&pids),
            });
        }
    }
    let shown = marks.iter().filter(|mark| mark.minute <= 2 || mark.minute % 10 == 0);
    let rows: Vec<Vec<String>> = shown
        .map(|mark| {
            vec![mark.minute.to_string(), number(mark.memory_kib as f64 / 1024.0), mark.descriptors.to_string()]
        })
        .collect();
    let text = format!(
        "8 GPUs, 50 processes, interval 100 ms; six views each second, eight readers of the stream\n\n{}",
        markdown(&["minute", "memory MiB", "descriptors"], &rows)
    );
    print!("{text}");
    if options.keep {
        keep("soak.md", &text)?;
        keep("soak.json", &(serde_json::to_string_pretty(&marks)? + "\n"))?;
    }
    Ok(())
}
