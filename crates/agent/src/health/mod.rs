//! `health`: asks a running agent how it is. For container engines, cron and Slurm's health checks.

mod ask;
mod gpus;
mod place;
mod trust;

use std::{io, process::ExitCode};

use serde::Deserialize;

use crate::{
    cli::{Cli, Health, Options},
    say,
};
use ask::Agent;
use place::Place;

/// Status if it cannot be told. Wrong options are this too: 2 means critical here.
pub(crate) const UNKNOWN: u8 = 3;

/// How well something is, from the best to the worst. What is not known may be worse than a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Ok,
    Warning,
    Unknown,
    Critical,
}

impl Verdict {
    fn of(word: &str) -> Self {
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

/// Asks the agent that is started with the same options, and prints what it says.
pub(crate) fn run(cli: &Cli, asked: Health) -> io::Result<ExitCode> {
    let options = &cli.options;
    let answer = Place::of(options).and_then(|place| {
        // Whether it serves is told to everyone.
        let token = cli.token.clone().filter(|_| asked.gpus);
        let agent = Agent::new(place, options.url_prefix.as_str(), token);
        if asked.gpus { gpus::ask(&agent) } else { serves(&agent) }
    });
    match answer {
        Ok((verdict, text)) => say::out(&text).map(|()| ExitCode::from(verdict.status())),
        Err(why) => {
            say::error(&why);
            Ok(ExitCode::from(UNKNOWN))
        }
    }
}

/// Whether an agent that is started with these options reads its GPUs now, and its state; none if no agent answers there.
pub(crate) fn readiness(options: &Options) -> Option<(bool, String)> {
    let agent = Agent::new(Place::of(options).ok()?, options.url_prefix.as_str(), None);
    let (status, body) = agent.ask("/readyz").ok()?;
    let readiness: Readiness = serde_json::from_slice(&body).ok()?;
    Some((status == 200, readiness.state))
}

/// What is looked at of `/readyz`.
#[derive(Debug, Deserialize)]
struct Readiness {
    state: String,
}

/// Whether it serves; nothing of the driver.
fn serves(agent: &Agent) -> Result<(Verdict, String), String> {
    agent.get("/healthz").map(|_| (Verdict::Ok, "ok\n".into()))
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
            assert_eq!(Verdict::of(verdict.as_str()), verdict);
        }
        assert_eq!(Verdict::of("dreadful"), Verdict::Unknown, "of an agent that is newer");
    }
}
