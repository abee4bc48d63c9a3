//! Calls into the driver per GPU and second, for one or several builds at the same time.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use clap::Args;

use crate::{
    Outcome,
    agent::Agent,
    host::Host,
    places::built,
    table::{markdown, number},
};

#[derive(Args)]
pub(crate) struct Options {
    /// Agents to compare with that of this build
    #[arg(long = "agent", value_name = "PATH")]
    agents: Vec<PathBuf>,
    /// Simulated driver that all agents load (default: that of this build)
    #[arg(long, value_name = "PATH")]
    nvml: Option<PathBuf>,
    #[arg(long, default_value_t = 8)]
    gpus: usize,
    #[arg(long, default_value_t = 20)]
    processes: usize,
    /// Measuring time in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Time before the measurement in seconds, for calls that are made once
    #[arg(long, default_value_t = 15)]
    settle: u64,
}

/// A running agent, and its counts at the start of the measurement.
struct Measured {
    name: String,
    agent: Agent,
    calls: BTreeMap<String, f64>,
    /// Calls that the driver counted.
    driver_calls: u64,
}

pub(crate) fn run(options: &Options) -> Outcome {
    let host = Host::counting(options.nvml.as_deref(), options.gpus, options.processes)?;
    let own = built("nvidia-smi-web-agent")?;
    let mut measured = Vec::new();
    for (index, program) in std::iter::once(&own).chain(&options.agents).enumerate() {
        // A relative path would be resolved in the host's folder.
        let program = program.canonicalize().map_err(|error| format!("{}: {error}", program.display()))?;
        let name = format!("agent-{index}");
        let agent = Agent::start_program(&program, &name, &host, Duration::from_secs(1), &[])?;
        measured.push(Measured { name, agent, calls: BTreeMap::new(), driver_calls: 0 });
    }
    thread::sleep(Duration::from_secs(options.settle));
    for one in &mut measured {
        one.calls = one.agent.calls()?;
        one.driver_calls = host.calls(&one.name);
    }
    thread::sleep(Duration::from_secs(options.seconds));
    let per_gpu_and_second = (options.gpus as f64) * (options.seconds as f64);
    let mut rates: Vec<BTreeMap<String, f64>> = Vec::new();
    let mut driver_rates = Vec::new();
    for one in &measured {
        driver_rates.push((host.calls(&one.name) - one.driver_calls) as f64 / per_gpu_and_second);
        let since = |(function, count): (String, f64)| {
            let calls = count - one.calls.get(&function).copied().unwrap_or(0.0);
            (calls > 0.0).then_some((function, calls / per_gpu_and_second))
        };
        rates.push(one.agent.calls()?.into_iter().filter_map(since).collect());
    }
    println!(
        "{} GPUs, {} processes, interval 1 s, {} s; calls per GPU and second\n",
        options.gpus, options.processes, options.seconds
    );
    print!("{}", table(&head(&own, &options.agents), &rates, &driver_rates));
    Ok(())
}

fn head(own: &Path, others: &[PathBuf]) -> Vec<String> {
    let mut head = vec!["function".to_owned(), own.display().to_string()];
    for other in others {
        head.extend([other.display().to_string(), "this build / that".to_owned()]);
    }
    head
}

/// One row per function, the most frequent of this build first, then the sums.
fn table(head: &[String], rates: &[BTreeMap<String, f64>], driver_rates: &[f64]) -> String {
    let rate = |build: &BTreeMap<String, f64>, function: &str| build.get(function).copied().unwrap_or(0.0);
    let mut functions: Vec<&String> = rates.iter().flat_map(BTreeMap::keys).collect();
    functions.sort();
    functions.dedup();
    let key = |function: &str| rates.iter().map(|build| rate(build, function)).collect::<Vec<_>>();
    functions.sort_by(|a, b| key(b).partial_cmp(&key(a)).unwrap_or(std::cmp::Ordering::Equal));
    let mut rows: Vec<Vec<String>> = functions.into_iter().map(|function| row(function, &key(function))).collect();
    let sums: Vec<f64> = rates.iter().map(|build| build.values().sum()).collect();
    rows.push(row("sum, counted by the agent", &sums));
    rows.push(row("sum, counted by the driver", driver_rates));
    markdown(&head.iter().map(String::as_str).collect::<Vec<_>>(), &rows)
}

fn row(name: &str, rates: &[f64]) -> Vec<String> {
    let mut row = vec![name.to_owned()];
    let Some((own, others)) = rates.split_first() else { return row };
    row.push(number(*own));
    for other in others {
        row.extend([number(*other), number(own / other)]);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_has_functions_of_all_builds_and_ratio() {
        let build = |calls: &[(&str, f64)]| calls.iter().map(|(name, rate)| ((*name).to_owned(), *rate)).collect();
        let rates = [build(&[("a", 1.0), ("b", 2.0)]), build(&[("b", 4.0), ("c", 2.0)])];
        let head = ["function", "own", "other", "ratio"].map(str::to_owned);
        let table = table(&head, &rates, &[3.0, 6.0]);
        let lines: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(lines[0], "| b | 2.00 | 4.00 | 0.500 |");
        assert_eq!(lines[1], "| a | 1.00 | 0.000 | — |");
        assert_eq!(lines[2], "| c | 0.000 | 2.00 | 0.000 |");
        assert_eq!(lines[3], "| sum, counted by the agent | 3.00 | 6.00 | 0.500 |");
    }
}
