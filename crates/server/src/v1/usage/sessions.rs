//! Sessions as JSON and CSV.

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use telemetry::usage::Session;

use super::{
    Form, Rendered,
    report::{SCHEMA, cells, header, sums},
};
use crate::{
    config::commands::Commands,
    usage::{RowSums, SessionsPage},
    v1::{csv::cell, time},
};

#[derive(Serialize)]
struct Page<'a> {
    schema: u32,
    sessions: Vec<Shown<'a>>,
    next: Option<&'a str>,
}

/// Names of a session's values, without the sums.
const COLUMNS: [&str; 14] = [
    "id",
    "gpu",
    "uuid",
    "mig",
    "mig_uuid",
    "user",
    "container",
    "pod",
    "job",
    "first_at",
    "last_at",
    "open",
    "command",
    "processes",
];

/// A session as it is shown.
struct Shown<'a> {
    id: &'a str,
    session: &'a Session,
    command: Option<String>,
}

/// A value of a session.
#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Text(Option<&'a str>),
    Number(u64),
    Time(u64),
    Truth(bool),
}

impl Shown<'_> {
    /// Its values in the order of [`COLUMNS`].
    fn values(&self) -> [Value<'_>; COLUMNS.len()] {
        let Session { key, index, mig_name, last_ms, open, processes, .. } = self.session;
        let holder = &key.holder;
        [
            Value::Text(Some(self.id)),
            Value::Number(u64::from(*index)),
            Value::Text(Some(&key.device.gpu)),
            Value::Text(mig_name.as_deref()),
            Value::Text(key.device.mig.as_deref()),
            Value::Text(holder.user.as_deref()),
            Value::Text(holder.container.as_deref()),
            Value::Text(holder.pod.as_deref()),
            Value::Text(holder.job.as_deref()),
            Value::Time(key.first_ms),
            Value::Time(*last_ms),
            Value::Truth(*open),
            Value::Text(self.command.as_deref()),
            Value::Number(*processes),
        ]
    }

    fn sums(&self) -> RowSums {
        RowSums::share(&self.session.sums, 1.0)
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for (name, value) in COLUMNS.iter().zip(self.values()) {
            map.serialize_entry(name, &value)?;
        }
        for (name, sum) in sums(&self.sums()) {
            map.serialize_entry(name, &sum)?;
        }
        map.end()
    }
}

pub(super) fn render(page: SessionsPage, form: Form, commands: Commands) -> Rendered {
    let shown = page.sessions.iter().map(|(id, session)| Shown { id, session, command: command(session, commands) });
    let sessions: Vec<Shown<'_>> = shown.collect();
    let body = match form {
        Form::Json => {
            let page = Page { schema: SCHEMA, sessions, next: page.next.as_deref() };
            // Text and numbers, which JSON can represent.
            serde_json::to_string(&page).unwrap_or_default()
        }
        Form::Csv => csv(&sessions),
    };
    Rendered { form, body: body.into(), next: page.next }
}

/// The stored command as it is shown now. It was masked when it was stored.
fn command(session: &Session, commands: Commands) -> Option<String> {
    match commands {
        Commands::Full | Commands::Masked => session.command.as_deref().map(str::to_owned),
        Commands::Name | Commands::Hidden => session.program.as_deref().and_then(|name| commands.name(name)),
    }
}

fn csv(sessions: &[Shown<'_>]) -> String {
    let mut text = COLUMNS.join(",");
    header(&mut text);
    text.push_str("\r\n");
    for session in sessions {
        for (at, value) in session.values().into_iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            match value {
                Value::Text(value) => text.push_str(&cell(value.unwrap_or_default())),
                Value::Number(number) => text.push_str(&number.to_string()),
                Value::Time(time) => time::format(&mut text, time),
                Value::Truth(truth) => text.push_str(if truth { "true" } else { "false" }),
            }
        }
        cells(&mut text, &session.sums());
        text.push_str("\r\n");
    }
    text
}
