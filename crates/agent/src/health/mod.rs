//! `health`: checks a running agent over HTTP, for container engines, cron, Nagios and Slurm.
//!
//! Everything is on standard output, since supervisors such as NRPE read nothing else.
//!
//! It uses HTTP and not the control socket, because it must prove that HTTP answers, and many agents (in a container, or
//! started by a user) have no control socket.

mod drain;
mod gpus;
mod report;

use std::{io, process::ExitCode};

use serde::Deserialize;

use crate::{
    cli::{self, Cli, HealthArgs, Options},
    client::{AgentAddress, Client},
    say,
};
use gpus::HostHealth;

/// Exit status if the health is unknown, also after invalid options: 2 means critical here.
pub(crate) const UNKNOWN: u8 = 3;

/// Subjects of the verdict line.
const AGENT: &str = "AGENT";
const GPUS: &str = "GPU";

/// Health from the best to the worst. Unknown is worse than a warning, because it may be critical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Ok,
    Warning,
    Unknown,
    Critical,
}

impl Verdict {
    fn parse(word: &str) -> Self {
        match word {
            "ok" => Self::Ok,
            "warning" => Self::Warning,
            "critical" => Self::Critical,
            _ => Self::Unknown,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Critical => "critical",
        }
    }

    const fn status(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => UNKNOWN,
        }
    }
}

/// Checks the agent that is started with the same options, and prints the result.
pub(crate) fn run(cli: &Cli, arguments: &HealthArgs) -> io::Result<ExitCode> {
    let options = &cli.options;
    let about_gpus = arguments.gpus || arguments.drain;
    let answer = AgentAddress::of(options).and_then(|address| {
        // `/healthz` requires no token.
        let token = cli.token.clone().filter(|_| about_gpus);
        let agent = Client::new(address, options.url_prefix.as_str(), token);
        if about_gpus { gpus(&agent, arguments) } else { serves(&agent) }
    });
    match answer {
        Ok((verdict, text)) => say::out(&text).map(|()| ExitCode::from(verdict.status())),
        Err(why) => unknown(&why),
    }
}

/// Prints why the health is unknown.
pub(crate) fn unknown(why: &str) -> io::Result<ExitCode> {
    let subject = if cli::has_argument("--gpus") || cli::has_argument("--drain") { GPUS } else { AGENT };
    say::out(&format!("{}\n", report::verdict_line(subject, Verdict::Unknown, why)))?;
    Ok(ExitCode::from(UNKNOWN))
}

/// Reports every GPU, and acts on the Slurm node.
fn gpus(agent: &Client, arguments: &HealthArgs) -> Result<(Verdict, String), String> {
    let host = HostHealth::ask(agent)?;
    let (mut verdict, mut text) = (host.verdict(), report::text(&host));
    if arguments.drain {
        let outcome = drain::run(&host, &arguments.slurm);
        if outcome.is_err() {
            verdict = verdict.max(Verdict::Unknown);
        }
        let line = outcome.unwrap_or_else(|error| format!("failed: {error}"));
        text = report::with_line(&text, &format!("Slurm: {line}"));
    }
    Ok((verdict, text))
}

/// Asks the agent that is started with these options whether it reads its GPUs, and for its state; none if no agent
/// answers.
pub(crate) fn readiness(options: &Options) -> Option<(bool, String)> {
    let agent = Client::new(AgentAddress::of(options).ok()?, options.url_prefix.as_str(), None);
    let answer = agent.request("/readyz").ok()?;
    let readiness: Readiness = serde_json::from_slice(&answer.body).ok()?;
    Some((answer.status == 200, readiness.state))
}

/// Fields of `/readyz`.
#[derive(Debug, Deserialize)]
struct Readiness {
    state: String,
}

/// Checks that the agent serves, whatever the driver does.
fn serves(agent: &Client) -> Result<(Verdict, String), String> {
    let line = report::verdict_line(AGENT, Verdict::Ok, "it serves");
    agent.get("/healthz").map(|_| (Verdict::Ok, format!("{line}\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severity_orders_critical_above_unknown() {
        let all = [Verdict::Unknown, Verdict::Warning, Verdict::Ok, Verdict::Critical];
        assert_eq!(all.into_iter().max(), Some(Verdict::Critical));
        assert_eq!(all[..3].iter().max(), Some(&Verdict::Unknown));
        assert_eq!(all.map(Verdict::status), [3, 1, 0, 2]);
        for verdict in all {
            assert_eq!(Verdict::parse(verdict.as_str()), verdict);
        }
        assert_eq!(Verdict::parse("dreadful"), Verdict::Unknown, "of an agent that is newer");
    }
}
