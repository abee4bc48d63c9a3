//! Sessions, the newest first, in pages.

use std::{collections::HashSet, sync::Arc};

use rusqlite::{Connection, params_from_iter, types::Value};
use server::{SessionsPage, SessionsQuery, UsageError};
use telemetry::usage::{Device, Flush, Holder, Session, SessionKey};

use super::{Fresh, names::Names, stored::sums};
use crate::usage::{
    ids,
    schema::{identity, signed, unsigned},
};

/// Where a page ends: the moment and number of its last session.
type Position = (i64, i64);

/// One page of sessions, with those in memory.
pub(in crate::usage) fn sessions(
    connection: &Connection,
    flushes: Vec<Arc<Flush>>,
    query: &SessionsQuery,
    people: bool,
) -> rusqlite::Result<Result<SessionsPage, UsageError>> {
    let store = identity(connection)?;
    let after = match query.cursor.as_deref().map(|cursor| parse(&store, cursor)) {
        None => (i64::MAX, i64::MAX),
        Some(Some(position)) => position,
        Some(None) => return Ok(Err(UsageError::Cursor)),
    };
    if query.users.is_some() && !people {
        return Ok(Ok(SessionsPage::default()));
    }
    let fresh = Fresh::new(connection, flushes)?;
    let (mut found, mut replaced) = (Vec::new(), HashSet::new());
    for session in fresh.sessions() {
        let position = (signed(session.key.first_ms), ids::session(&store, &session.key));
        replaced.insert(position);
        if position < after && is_wanted(session, query) {
            found.push((position, session.clone()));
        }
    }
    found.extend(stored(connection, query, after, &replaced)?);
    found.sort_by_key(|(position, _)| std::cmp::Reverse(*position));
    let more = found.len() > query.limit;
    found.truncate(query.limit);
    let next = found.last().filter(|_| more).map(|(position, _)| cursor(&store, *position));
    let shown = |(position, session): (Position, Session)| {
        (format!("{:x}-{:016x}", position.0, position.1), if people { session } else { nameless(session) })
    };
    Ok(Ok(SessionsPage { sessions: found.into_iter().map(shown).collect(), next }))
}

/// Text of a position. Other stores refuse it.
fn cursor(store: &str, (first, id): Position) -> String {
    format!("{store}-{first:x}-{id:x}")
}

fn parse(store: &str, cursor: &str) -> Option<Position> {
    let (first, id) = cursor.strip_prefix(store)?.strip_prefix('-')?.split_once('-')?;
    let number = |text: &str| {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        i64::from_str_radix(text, 16).ok().filter(|_| is_plain)
    };
    Some((number(first)?, number(id)?))
}

/// A session that was stored with names, without them.
fn nameless(session: Session) -> Session {
    let key = SessionKey { holder: Arc::default(), ..session.key };
    Session { key, command: None, program: None, ..session }
}

fn is_wanted(session: &Session, query: &SessionsQuery) -> bool {
    let names = |wanted: &Option<Vec<String>>, name: Option<&str>| {
        wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| Some(&**wanted) == name))
    };
    let key = &session.key;
    key.first_ms < query.until_ms
        && session.last_ms >= query.since_ms
        && names(&query.gpus, Some(&key.device.gpu))
        && names(&query.users, key.holder.user.as_deref())
}

fn stored(
    connection: &Connection,
    query: &SessionsQuery,
    after: Position,
    replaced: &HashSet<Position>,
) -> rusqlite::Result<Vec<(Position, Session)>> {
    let mut names = Names::new(connection)?;
    let mut values = vec![
        Value::from(signed(query.until_ms)),
        Value::from(signed(query.since_ms)),
        Value::from(after.0),
        Value::from(after.1),
    ];
    let mut list = |column: &str, texts: &Option<Vec<String>>| {
        let Some(texts) = texts else { return String::new() };
        values.extend(texts.iter().map(|text| Value::from(text.clone())));
        format!(" AND {column} IN ({})", vec!["?"; texts.len()].join(", "))
    };
    let of_gpus = list("gpu.key", &query.gpus);
    let of_users = list("user.name", &query.users);
    let sql = format!(
        "SELECT session.first_ms, session.id, last_ms, open, session.gpu_index, device, user, place, command, program, \
         processes, session.gpu_us, present_us, session.busy_us, session.idle_us, allocated_us, memory_byte_seconds, \
         peak_memory_bytes, session.energy_mj FROM session JOIN device ON device.id = session.device \
         JOIN gpu ON gpu.id = device.gpu LEFT JOIN user ON user.id = session.user \
         WHERE session.first_ms < ? AND +session.last_ms >= ? AND (session.first_ms, session.id) < (?, ?){of_gpus}{of_users} \
         ORDER BY session.first_ms DESC, session.id DESC"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let position = (row.get(0)?, row.get(1)?);
        if replaced.contains(&position) {
            continue;
        }
        found.push((position, session(row, position, &mut names)?));
        // One more than the page has: there is a next one.
        if found.len() > query.limit {
            break;
        }
    }
    Ok(found)
}

fn session(row: &rusqlite::Row<'_>, (first, _): Position, names: &mut Names<'_>) -> rusqlite::Result<Session> {
    let (gpu, mig, mig_name) = names.device(row.get(5)?).cloned().unwrap_or_default();
    let gpu = names.gpu(gpu).map(|gpu| Arc::clone(&gpu.key)).unwrap_or_else(|| Arc::from(""));
    let [container, pod, job] = names.place(row.get(7)?)?;
    let holder = Holder { user: names.user(row.get(6)?)?, container, pod, job };
    Ok(Session {
        key: SessionKey { first_ms: unsigned(first), device: Device { gpu, mig }, holder: Arc::new(holder) },
        index: row.get(4)?,
        mig_name,
        last_ms: unsigned(row.get(2)?),
        open: row.get(3)?,
        command: row.get(8)?,
        program: row.get(9)?,
        processes: unsigned(row.get(10)?),
        sums: sums(row, 11)?,
    })
}

/// Sessions that are open in the file, and users who have totals: what a ledger goes on from.
pub(in crate::usage) fn open(connection: &Connection) -> rusqlite::Result<Vec<Session>> {
    let mut names = Names::new(connection)?;
    let mut statement = connection.prepare(
        "SELECT first_ms, id, last_ms, open, gpu_index, device, user, place, command, program, processes, gpu_us, present_us, \
         busy_us, idle_us, allocated_us, memory_byte_seconds, peak_memory_bytes, energy_mj FROM session WHERE open",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(session(row, (row.get(0)?, row.get(1)?), &mut names)?);
    }
    Ok(found)
}
