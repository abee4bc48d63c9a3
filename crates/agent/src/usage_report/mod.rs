//! `usage`: the table of who used which GPU, from the agent's `/api/v1/usage`.

mod answer;
mod cells;
mod layout;
mod table;

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _},
    process::ExitCode,
    time::Duration,
};

use jiff::tz::TimeZone;

use crate::{
    cli::{Cli, ReportArgs},
    client::{self, Answer, Client, Screen},
    say,
};
use answer::Report;

/// Exit status if nobody used a GPU in the period.
const EXIT_NOTHING: u8 = 1;
/// Exit status after a wrong option.
const EXIT_USAGE: u8 = 2;
/// Exit status if no agent answers.
const EXIT_UNREACHABLE: u8 = 3;
/// Timeout: the agent interrupts a query after 5 s, and lets it wait for two others.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Longest answer, in bytes. The agent answers with at most 50,000 rows, each of about 1 KiB with long names.
const MAX_BYTES: usize = 64 << 20;
/// Path of the answer.
const PATH: &str = "/api/v1/usage";

/// Prints the usage of a period.
pub(crate) fn run(cli: &Cli, arguments: &ReportArgs) -> io::Result<ExitCode> {
    match report(cli, arguments) {
        Ok((text, found)) => {
            say::out(&text)?;
            Ok(if found { ExitCode::SUCCESS } else { ExitCode::from(EXIT_NOTHING) })
        }
        Err((status, why)) => {
            say::error(&why);
            Ok(ExitCode::from(status))
        }
    }
}

/// Text to print, and whether anybody used a GPU. Else the exit status and the reason.
fn report(cli: &Cli, arguments: &ReportArgs) -> Result<(String, bool), (u8, String)> {
    let usage = |why| (EXIT_USAGE, why);
    let client = client::select(cli, &arguments.client).map_err(usage)?.patient(TIMEOUT, MAX_BYTES);
    let zone = zone(arguments).map_err(usage)?;
    let answer = asked(&client, arguments, &zone).map_err(|why| (EXIT_UNREACHABLE, unreachable(cli, why)))?;
    let body = accepted(cli, &client, answer)?;
    let body = String::from_utf8(body).map_err(|_| (EXIT_UNREACHABLE, not_usage(&client)))?;
    let is_terminal = io::stdout().is_terminal();
    if arguments.csv {
        // The first line names the columns.
        let found = body.lines().nth(1).is_some();
        return Ok((if is_terminal { cells::printable_lines(&body) } else { body }, found));
    }
    let report: Report = serde_json::from_str(&body).map_err(|_| (EXIT_UNREACHABLE, not_usage(&client)))?;
    let found = !report.rows.is_empty();
    if arguments.json {
        let newline = if body.ends_with('\n') { "" } else { "\n" };
        let body = if is_terminal { cells::printable_json(&body) } else { body };
        return Ok((format!("{body}{newline}"), found));
    }
    let screen = Screen::of(arguments.client.color);
    Ok((table::text(&report, !arguments.user.is_empty(), &zone, screen), found))
}

/// Zone in which days are counted and times are shown.
fn zone(arguments: &ReportArgs) -> Result<TimeZone, String> {
    match arguments.tz.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => TimeZone::get(name)
            .map_err(|_| format!("expected a time zone such as Europe/Berlin or UTC in --tz, got {name:?}")),
        None => Ok(TimeZone::system()),
    }
}

/// Answer of the agent. The zone of this terminal is sent if it decides anything, so that days and times are those that its
/// user sees on the clock. An agent whose host has no zones counts in its own.
fn asked(client: &Client, arguments: &ReportArgs, zone: &TimeZone) -> Result<Answer, String> {
    let own_zone = zone.iana_name().filter(|_| arguments.tz.is_none() && zone_matters(arguments));
    let answer = client.request(&query(arguments, own_zone))?;
    match own_zone {
        Some(name)
            if answer.status == 400 && cells::detail(&answer.body).is_some_and(|detail| detail.contains("tz")) =>
        {
            say::error(&format!(
                "warning: the agent does not know the zone {name}: days and times are those of its own"
            ));
            client.request(&query(arguments, None))
        }
        _ => Ok(answer),
    }
}

/// Checks whether the answer depends on the zone. Unix time and times before now are the same in each.
fn zone_matters(arguments: &ReportArgs) -> bool {
    let is_civil = |value: &Option<String>| {
        value.as_deref().is_some_and(|value| value.trim_start_matches(['-', '+']).contains(['-', ':']))
    };
    let by_time = arguments.by.as_deref().is_some_and(|by| by.contains("day"));
    by_time || is_civil(&arguments.since) || is_civil(&arguments.until)
}

/// Path and query.
fn query(arguments: &ReportArgs, own_zone: Option<&str>) -> String {
    let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let mut path = String::from(PATH);
    let single = [
        ("since", given(&arguments.since)),
        ("until", given(&arguments.until)),
        ("by", given(&arguments.by)),
        ("gpu", given(&arguments.gpu)),
        ("tz", given(&arguments.tz).or(own_zone.map(str::to_owned))),
        ("format", arguments.csv.then(|| "csv".to_owned())),
    ];
    let users = arguments.user.iter().map(|user| ("user", Some(user.clone())));
    let parameters = single.into_iter().chain(users).filter_map(|(name, value)| Some((name, value?)));
    for (number, (name, value)) in parameters.enumerate() {
        // Writing to a string does not fail.
        let _ = write!(path, "{}{name}={}", if number == 0 { '?' } else { '&' }, client::escaped(&value));
    }
    path
}

/// Body of a good answer; else the exit status and the reason.
fn accepted(cli: &Cli, client: &Client, answer: Answer) -> Result<Vec<u8>, (u8, String)> {
    let url = client.url(PATH);
    let detail = cells::detail(&answer.body).map(|detail| format!(": {detail}")).unwrap_or_default();
    let why = match answer.status {
        200 => return Ok(answer.body),
        400 => return Err((EXIT_USAGE, format!("the agent refuses an option{detail}"))),
        401 => {
            let which = if client.has_token() { "another token" } else { "a token" };
            format!(
                "{url} requires {which}: set NVSMI_TOKEN, or name a file with --send-token-file{}",
                service_hint(cli)
            )
        }
        403 => format!("{url} answers 403{detail}; use a token with the scope read"),
        404 => format!("{url} answers 404{detail}; usage is off there, its version is older, or its path is another"),
        300..=399 => {
            let to = answer.location.unwrap_or_default();
            format!(
                "{url} redirects to {to:?}, which is not followed, so that no other host gets the token: set --url to it"
            )
        }
        status => format!("{url} answers {status}{detail}"),
    };
    Err((EXIT_UNREACHABLE, why))
}

fn not_usage(client: &Client) -> String {
    format!("expected the usage from {}, got something else; check --url and the agent's version", client.url(PATH))
}

fn unreachable(cli: &Cli, why: String) -> String {
    if cli.options.port == 8000 { format!("{why}{}", service_hint(cli)) } else { why }
}

/// Hint if the settings of the service cannot be read.
fn service_hint(cli: &Cli) -> String {
    let file = cli.service.unreadable.as_ref();
    file.map(|file| format!(" (this user cannot read the service's {})", file.display())).unwrap_or_default()
}
