//! `claim` and `unclaim`: requests to the agent of this host, and what they print.

use std::{fmt::Write as _, io, process::ExitCode};

use jiff::{Timestamp, tz::TimeZone};
use telemetry::terminal::printable;

use crate::{
    claims::{
        client,
        protocol::{Answer, ClaimView, DeviceView, Request, Status, Why},
    },
    cli::{ClaimArgs, Cli, Color, UnclaimArgs},
    client::{Screen, columns, cut},
    config, say,
};

/// Exit status after a refusal, and if there are no claims to list.
const EXIT_REFUSED: u8 = 1;
/// Exit status after a wrong option.
const EXIT_USAGE: u8 = 2;
/// Exit status if no agent answers.
const EXIT_UNREACHABLE: u8 = 3;

/// Claims devices, or lists claims.
pub(crate) fn claim(cli: &Cli, arguments: &ClaimArgs) -> io::Result<ExitCode> {
    let request = if arguments.list {
        Request::List
    } else {
        Request::Claim {
            devices: arguments.devices.clone(),
            for_ms: arguments.length.map(|length| u64::try_from(length.as_millis()).unwrap_or(u64::MAX)),
            why: arguments.why.clone().unwrap_or_default(),
            force: arguments.force,
            renew: arguments.renew,
        }
    };
    let answer = match ask(cli, &request)? {
        Ok(answer) => answer,
        Err(status) => return Ok(status),
    };
    if arguments.json {
        let object = serde_json::json!({"schema": 1, "claims": answer.claims});
        say::line(&object.to_string())?;
    } else if arguments.list {
        say::out(&table(&answer.claims, Screen::of(Color::Auto), &TimeZone::system()))?;
    } else {
        for claim in &answer.claims {
            say::line(&format!("claimed {}{}", devices(&claim.devices), end(claim, &TimeZone::system())))?;
        }
    }
    Ok(if answer.claims.is_empty() { ExitCode::from(EXIT_REFUSED) } else { ExitCode::SUCCESS })
}

/// Ends claims.
pub(crate) fn unclaim(cli: &Cli, arguments: &UnclaimArgs) -> io::Result<ExitCode> {
    match ask(cli, &Request::Unclaim { devices: arguments.devices.clone() })? {
        Ok(answer) => {
            say::line(&format!("unclaimed {}", devices(&answer.ended)))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(status) => Ok(status),
    }
}

/// Asks the agent; a refusal is printed and becomes the exit status.
fn ask(cli: &Cli, request: &Request) -> io::Result<Result<Answer, ExitCode>> {
    let (why, status) = match client::ask(&config::client_claims_socket(cli), request) {
        Ok(answer) if answer.status == Status::Done => return Ok(Ok(answer)),
        Ok(answer) => {
            let status = match answer.status {
                Status::Invalid => EXIT_USAGE,
                Status::Busy => EXIT_UNREACHABLE,
                Status::Refused | Status::Done => EXIT_REFUSED,
            };
            (refusal(&answer, &TimeZone::system()), status)
        }
        Err(why) => (why, EXIT_UNREACHABLE),
    };
    say::error(&printable(&why));
    Ok(Err(ExitCode::from(status)))
}

/// Refusal in one line, with what is in the way.
fn refusal(answer: &Answer, zone: &TimeZone) -> String {
    let mut text = answer.text.clone();
    if let Some(claim) = answer.claims.first() {
        text.push_str(&end(claim, zone));
        if !claim.why.is_empty() {
            // Writing to a string does not fail.
            let _ = write!(text, " ({})", claim.why);
        }
    }
    if answer.reason == Some(Why::InUse) {
        text.push_str("; --force claims it anyway");
    }
    text
}

/// Devices in a sentence.
fn devices(all: &[DeviceView]) -> String {
    let one = |device: &DeviceView| {
        let name = device.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        device.place.as_ref().map_or_else(|| device.uuid.clone(), |place| format!("GPU {place}{name}"))
    };
    all.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// End of a claim in a sentence.
fn end(claim: &ClaimView, zone: &TimeZone) -> String {
    match (claim.until, claim.pid) {
        (Some(until), _) => format!(" until {}", time(until, zone)),
        (None, Some(pid)) => format!(" as long as process {pid} runs"),
        (None, None) => String::new(),
    }
}

/// Time of day, with the date if that is another than today.
fn time(unix_ms: u64, zone: &TimeZone) -> String {
    let at = i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let Some(at) = at.map(|at| at.to_zoned_datetime(zone.clone())) else { return "?".into() };
    let is_today = at.date() == Timestamp::now().to_zoned_datetime(zone.clone()).date();
    at.strftime(if is_today { "%H:%M" } else { "%Y-%m-%d %H:%M" }).to_string()
}

/// Claims as a table, a line for each device.
fn table(claims: &[ClaimView], screen: Screen, zone: &TimeZone) -> String {
    if claims.is_empty() {
        return "nobody has claimed a device\n".into();
    }
    let mut rows = vec![["DEVICE", "USER", "KIND", "SINCE", "UNTIL", "WHY"].map(String::from)];
    for claim in claims {
        let until = match (claim.until, claim.pid) {
            (Some(until), _) => time(until, zone),
            (None, Some(pid)) => format!("PID {pid}"),
            (None, None) => "-".into(),
        };
        for device in &claim.devices {
            let device = device.place.as_ref().unwrap_or(&device.uuid);
            let cells = [device, &claim.user, claim.kind.as_str(), &time(claim.since, zone), &until, &claim.why];
            rows.push(cells.map(|cell| printable(cell).into_owned()));
        }
    }
    let widths: Vec<usize> =
        (0..6).map(|column| rows.iter().map(|row| columns(&row[column])).max().unwrap_or(0)).collect();
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| {
            let padding = " ".repeat(width.saturating_sub(columns(cell)));
            format!("{cell}{padding}")
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        let line = line.trim_end();
        screen.width.map_or_else(|| line.to_owned(), |width| cut(line, width))
    };
    rows.iter().map(|row| line(row) + "\n").collect()
}
