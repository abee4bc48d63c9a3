//! Benchmarks of the agent on the simulated driver. `bench/README.md` explains the results.

mod agent;
mod calls;
mod cost;
mod counts;
mod files;
mod fleet;
mod get;
mod growth;
mod host;
mod load;
mod places;
mod plot;
mod server;
mod soak;
mod stream_clients;
mod table;
mod views;
mod waiting;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Result with an error message.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[derive(Parser)]
#[command(about = "Measure the cost of the agent, next to other servers and other builds")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure requests per second, latency and memory of each view, next to nginx, a bare server and other programs
    Views(views::Options),
    /// Draw bench/results/views.* from views.json
    Draw,
    /// Measure cost by number of GPUs, processes and stream clients, and by interval
    Growth(growth::Options),
    /// Count driver calls per GPU and second, for one or several builds
    Calls(calls::Options),
    /// Count instructions per tick and per request, and compare them with bench/counts.toml or with another build
    Counts(counts::Options),
    /// Write the settings of a collector in the format of its standard input
    #[command(hide = true)]
    Settings {
        /// Driver library
        library: PathBuf,
    },
    /// Measure memory and descriptors over a long time
    Soak(soak::Options),
    /// Measure a hub in front of simulated agents, next to Prometheus
    Fleet(fleet::measure::Options),
    /// Simulate many agents in one process, and write a list of them for a hub and for Prometheus
    Agents(fleet::agents::Options),
    /// Play random faults of a fleet, and compare what hubs say with the truth
    Chaos(fleet::chaos::Options),
    /// Measure processor time while the driver library finds no kernel module, for one or several builds
    Waiting(waiting::Options),
}

fn main() -> Outcome {
    match Cli::parse().command {
        Command::Views(options) => views::run(&options),
        Command::Fleet(options) => fleet::measure::run(&options),
        Command::Agents(options) => fleet::agents::run(&options),
        Command::Chaos(options) => fleet::chaos::run(&options),
        Command::Draw => views::draw_again(),
        Command::Calls(options) => calls::run(&options),
        Command::Growth(options) => growth::run(&options),
        Command::Counts(options) => counts::run(&options),
        Command::Settings { library } => counts::write_settings(&library),
        Command::Soak(options) => soak::run(&options),
        Command::Waiting(options) => waiting::run(&options),
    }
}
