//! `hub --check`: prints the configuration without secrets, the hosts, and the problems.

use std::{io, process::ExitCode, time::Duration};

use hub::{
    Client, TargetList, discovery,
    engine::{self, Checked},
};

use super::config::{self, Config};
use crate::{
    cli::{Cli, HubArgs, LiveFrom, Setting},
    exposure,
    limits::HubLimits,
    say,
};

/// Time in which each source must answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Timeout for a connection to the server of a list.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Hosts, and notes of hosts, that are listed; the others are counted.
const MAX_LISTED: usize = 20;
/// Exit status if a problem prevents the hub from working.
const EXIT_PROBLEM: u8 = 1;

/// Prints the configuration and reads the lists of hosts once.
pub(super) fn run(cli: &Cli, arguments: &HubArgs) -> io::Result<ExitCode> {
    let config = Config::new(cli, arguments)?;
    let list = read(&config)?;
    let mut problems = Vec::new();
    let mut facts = Vec::new();
    for bind in &config.exposure.binds {
        match bind.listen(&config.exposure.binds, &config.exposure.given_by) {
            Ok(_) => facts.push(format!("listening              {bind} is free")),
            Err(error) => problems.push(error.to_string()),
        }
    }
    if config.live_from != LiveFrom::Prometheus {
        problems.extend(HubLimits::new().problem(list.targets.len()));
    }
    let mut warnings: Vec<String> = exposure::warnings(&config.exposure).into_iter().chain(config.warnings()).collect();
    if list.is_loaded {
        warnings.extend(list.notes.clone());
    } else {
        problems.extend(list.notes.clone());
    }
    if list.is_loaded && list.targets.is_empty() {
        warnings.push("expected hosts, got empty lists: the page will be empty until a list has targets".into());
    }
    let engine = ask_engine(&config, &list)?;
    problems.extend(engine.problems);
    facts.extend(engine.facts);
    warnings.extend(engine.warnings);
    warnings.extend(notes(&list));
    for (kind, texts) in [("problem", &problems), ("warning", &warnings)] {
        for text in texts {
            say::line(&format!("{kind:<22} {text}"))?;
        }
    }
    if problems.is_empty() && warnings.is_empty() {
        say::line(&format!("{:<22} none", "problems"))?;
    }
    say::out("\n")?;
    facts.extend(facts_of(&config, &list));
    facts.extend(config::ignored(cli).map(|line| format!("{:<22} {line}", "variable")));
    for fact in &facts {
        say::line(fact)?;
    }
    say::out("\n")?;
    settings(cli, arguments)?;
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_PROBLEM) })
}

/// Reads all lists, or what can be read in time.
fn read(config: &Config) -> io::Result<TargetList> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = Client::new(config.list_tls.clone(), CONNECT_TIMEOUT);
    let list = runtime.block_on(discovery::read(&config.sources, &client, &config.credentials(), TIMEOUT));
    runtime.shutdown_background();
    list
}

/// Asks the engine, if there is one.
fn ask_engine(config: &Config, list: &TargetList) -> io::Result<Checked> {
    let Some(engine) = config.engine.clone() else { return Ok(Checked::default()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = Client::new(config.list_tls.clone(), CONNECT_TIMEOUT);
    let is_live = config.live_from == LiveFrom::Prometheus;
    let checked = runtime.block_on(engine::check(&client, engine, list, is_live));
    runtime.shutdown_background();
    Ok(checked)
}

/// The first notes of single hosts, and the number of the others.
fn notes(list: &TargetList) -> Vec<String> {
    let all = || list.targets.iter().flat_map(|target| target.notes.iter().map(move |note| (target, note)));
    let mut notes: Vec<String> =
        all().take(MAX_LISTED).map(|(target, note)| format!("{}: {note}", target.name)).collect();
    if let Some(more) = all().count().checked_sub(MAX_LISTED).filter(|more| *more > 0) {
        notes.push(format!("and {more} more notes of hosts"));
    }
    notes
}

fn facts_of(config: &Config, list: &TargetList) -> Vec<String> {
    let mut facts = crate::check::access(&config.exposure);
    if let Some(file) = &config.agent_tokens {
        facts.push(format!("agent tokens           {} in {}", file.tokens().len(), file.path().display()));
    }
    facts.extend(config.sources.iter().map(|source| format!("source                 {source}")));
    facts.push(format!("hosts                  {}", list.targets.len()));
    let tokens = config.credentials();
    let host = |target: &hub::Target| {
        let token = if tokens.for_endpoint(&target.endpoint, None).is_some() { ", with a token" } else { "" };
        format!("host                   {} at {}{token}", target.name, target.endpoint)
    };
    facts.extend(list.targets.iter().take(MAX_LISTED).map(|target| host(target)));
    if let Some(more) = list.targets.len().checked_sub(MAX_LISTED).filter(|more| *more > 0) {
        facts.push(format!("host                   and {more} more"));
    }
    facts
}

fn settings(cli: &Cli, arguments: &HubArgs) -> io::Result<()> {
    let (shown, hidden): (Vec<&Setting>, Vec<&Setting>) =
        cli.settings.iter().partition(|setting| arguments.all || !setting.is_default());
    for Setting { name, value, source } in shown {
        say::line(&format!("{name:<22} {value:<28} {source}"))?;
    }
    if !hidden.is_empty() {
        say::line(&format!("{:<22} {} options; --all lists them", "at their default", hidden.len()))?;
    }
    Ok(())
}
