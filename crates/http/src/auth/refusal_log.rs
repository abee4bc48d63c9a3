//! Log of wrong tokens: a client whose token is out of date sends it every few seconds, and a guesser thousands of times.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::net::ClientNet;

/// Time between two lines about one client, and the time that [`MAX_LINES`] are for.
const PERIOD: Duration = Duration::from_secs(60);
/// Most lines in a period, about all clients.
const MAX_LINES: u32 = 20;
/// Clients that are tracked.
const MAX_CLIENTS: usize = 1024;

/// Decides which wrong tokens are logged.
#[derive(Debug, Default)]
pub(crate) struct RefusalLog(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    clients: HashMap<ClientNet, Refused>,
    period: Option<Instant>,
    lines: u32,
}

#[derive(Debug)]
struct Refused {
    /// Time of the last line.
    logged: Option<Instant>,
    /// Requests since then.
    requests: u64,
}

impl RefusalLog {
    /// Counts a wrong token. Returns the number of requests since the last line about this client, if the next is due.
    pub(crate) fn wrong_token(&self, client: ClientNet, now: Instant) -> Option<u64> {
        let state = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.period.is_none_or(|begun| now.duration_since(begun) >= PERIOD) {
            (state.period, state.lines) = (Some(now), 0);
        }
        if state.clients.len() >= MAX_CLIENTS && !state.clients.contains_key(&client) {
            state.clients.clear();
        }
        let refused = state.clients.entry(client).or_insert(Refused { logged: None, requests: 0 });
        refused.requests = refused.requests.saturating_add(1);
        let is_due = refused.logged.is_none_or(|logged| now.duration_since(logged) >= PERIOD);
        if !is_due || state.lines >= MAX_LINES {
            return None;
        }
        state.lines += 1;
        refused.logged = Some(now);
        Some(std::mem::take(&mut refused.requests))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u32) -> ClientNet {
        ClientNet::Ip(std::net::Ipv4Addr::from_bits(number).into())
    }

    #[test]
    fn client_logged_once_a_minute_with_its_count() {
        let (log, start) = (RefusalLog::default(), Instant::now());
        let lines = (0..180).filter_map(|second| log.wrong_token(client(1), start + Duration::from_secs(second)));
        assert_eq!(lines.collect::<Vec<_>>(), [1, 60, 60]);
    }

    #[test]
    fn lines_and_clients_bounded() {
        let (log, start) = (RefusalLog::default(), Instant::now());
        let lines = (0..5000).filter(|number| log.wrong_token(client(*number), start).is_some()).count();
        assert_eq!(lines, 20);
        assert!(log.0.lock().unwrap().clients.len() <= MAX_CLIENTS);
        assert_eq!(log.wrong_token(client(9999), start + PERIOD), Some(1));
    }
}
