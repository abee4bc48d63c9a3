//! Processor time while the driver library finds no kernel module, for this build and others at the same time.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use clap::Args;

use crate::{
    Outcome,
    agent::Agent,
    cost, get,
    places::built,
    table::{markdown, number},
};

#[derive(Args)]
pub(crate) struct Options {
    /// Agents to compare with that of this build
    #[arg(long = "agent", value_name = "PATH")]
    agents: Vec<PathBuf>,
    /// Driver library of NVIDIA, such as that of Debian's package libnvidia-ml1
    #[arg(long, value_name = "PATH")]
    library: PathBuf,
    /// Measuring time in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Time before the measurement in seconds
    #[arg(long, default_value_t = 10)]
    settle: u64,
}

pub(crate) fn run(options: &Options) -> Outcome {
    let own = built("nvidia-smi-web-agent")?;
    let programs: Vec<&PathBuf> = std::iter::once(&own).chain(&options.agents).collect();
    let agents = programs.iter().map(|program| start(program, &options.library)).collect::<Outcome<Vec<_>>>()?;
    thread::sleep(Duration::from_secs(options.settle));
    let time = |agent: &Agent| cost::processor_time(&agent.pids()) + cost::reaped_time(agent.pid());
    let before: Vec<Duration> = agents.iter().map(time).collect();
    let begun = Instant::now();
    thread::sleep(Duration::from_secs(options.seconds));
    let shares: Vec<f64> = agents
        .iter()
        .zip(before)
        .map(|(agent, before)| time(agent).saturating_sub(before).as_secs_f64() / begun.elapsed().as_secs_f64())
        .collect();
    println!("waiting for a driver with {}, {} s\n", options.library.display(), options.seconds);
    let rows: Vec<Vec<String>> = programs
        .iter()
        .zip(&shares)
        .map(|(program, share)| vec![program.display().to_string(), number(share * 100.0), number(shares[0] / share)])
        .collect();
    print!("{}", markdown(&["agent", "% of a core", "this build / that"], &rows));
    Ok(())
}

/// Starts an agent, and waits until it has reported that there is no driver.
fn start(program: &Path, library: &Path) -> Outcome<Agent> {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    let agent = Agent::spawn(command, library)?;
    get::until(agent.address, "/readyz", |answer| String::from_utf8_lossy(&answer.body).contains("no_driver"))?;
    Ok(agent)
}
