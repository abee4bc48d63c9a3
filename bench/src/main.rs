//! Measures the agent on the simulated driver: each view beside nginx, a bare server and other programs, how cost grows,
//! instruction counts, and whether anything grows with time. `bench/README.md` says how to read what comes out.

mod agent;
mod cost;
mod counts;
mod files;
mod get;
mod growth;
mod host;
mod load;
mod places;
mod plot;
mod readers;
mod server;
mod soak;
mod table;
mod views;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Why a measurement cannot go on, in words.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[derive(Parser)]
#[command(about = "What the agent costs, beside the limit and beside others")]
struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Requests a second of each view, beside nginx, a bare server and other programs; readers of the stream; memory
    Views(views::Options),
    /// Draws bench/results/views.* anew from views.json
    Draw,
    /// How cost grows with GPUs, processes, readers, and a shorter interval
    Growth(growth::Options),
    /// Instructions of one tick and of one request of each kind, held against bench/counts.toml
    Counts(counts::Options),
    /// Settings of a collector, as its standard input takes them
    #[command(hide = true)]
    Settings {
        /// The driver library
        library: PathBuf,
    },
    /// Whether memory or descriptors grow over a long time
    Soak(soak::Options),
}

fn main() -> Outcome {
    match Bench::parse().what {
        What::Views(options) => views::run(&options),
        What::Draw => views::draw_again(),
        What::Growth(options) => growth::run(&options),
        What::Counts(options) => counts::run(&options),
        What::Settings { library } => counts::write_settings(&library),
        What::Soak(options) => soak::run(&options),
    }
}
