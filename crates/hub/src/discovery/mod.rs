//! Discovery of targets: files, URLs, the name service and static lists, joined to one list.
//!
//! The last good list of a source survives every error. A list that is valid and empty empties it.

mod dns;
mod entry;
mod files;
mod http;
mod list;
mod listed;
mod merge;
mod notes;
mod source;
mod yaml;

use std::{sync::Arc, time::Duration};

use telemetry::Stamp;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::{
    client::Client,
    credentials::Credentials,
    target::{SourceState, TargetList},
};
use entry::Entry;
pub use list::MAX_TARGETS;
pub use listed::http_sd;
use notes::{Throttle, cut};
pub use source::{Source, SourceError, without_secrets};

/// News of sources that wait to be joined.
const QUEUE: usize = 64;

/// Most notes of all sources together.
const MAX_NOTES: usize = 100;

/// Place of a source in `--hosts`.
type SourceNumber = usize;

/// News of a source.
#[derive(Debug)]
struct News {
    source: SourceNumber,
    /// The targets; none if there is no new list, and the last one stays.
    entries: Option<Vec<Entry>>,
    /// The error that keeps the source from being read.
    error: Option<String>,
    /// Problems of its targets, such as one that is left out.
    notes: Vec<String>,
}

/// State of a source.
#[derive(Debug, Default)]
struct Known {
    name: String,
    entries: Option<Vec<Entry>>,
    error: Option<String>,
    /// Begin of the error, Unix time in milliseconds.
    failed_since: Option<u64>,
    notes: Vec<String>,
    throttle: Throttle,
}

/// Reads the sources from now on, on the runtime of this thread and on threads of its own for files, whose reading can
/// wait for a network. It ends when the last receiver is dropped.
///
/// # Errors
/// A thread cannot be started.
pub fn start(
    sources: &[Source],
    client: &Client,
    credentials: &Credentials,
) -> std::io::Result<watch::Receiver<TargetList>> {
    let (newest, receiver) = watch::channel(TargetList::default());
    tokio::spawn(join(unread(sources), ask(sources, client, credentials)?, newest));
    Ok(receiver)
}

/// Reads each source once, within this time. A source that does not answer has a note.
///
/// # Errors
/// A thread cannot be started.
pub async fn read(
    sources: &[Source],
    client: &Client,
    credentials: &Credentials,
    within: Duration,
) -> std::io::Result<TargetList> {
    let mut received = ask(sources, client, credentials)?;
    let mut known = unread(sources);
    let all = async {
        while known.iter().any(|known| known.entries.is_none() && known.error.is_none()) {
            let Some(news) = received.recv().await else { return };
            update(&mut known, news);
        }
    };
    if tokio::time::timeout(within, all).await.is_err() {
        for known in known.iter_mut().filter(|known| known.entries.is_none() && known.error.is_none()) {
            known.error = Some(format!("no answer within {} s", within.as_secs()));
        }
    }
    Ok(joined(&known))
}

fn unread(sources: &[Source]) -> Vec<Known> {
    sources.iter().map(|source| Known { name: source.to_string(), ..Known::default() }).collect()
}

/// Starts to read the sources.
fn ask(sources: &[Source], client: &Client, credentials: &Credentials) -> std::io::Result<mpsc::Receiver<News>> {
    let (news, received) = mpsc::channel(QUEUE);
    for (number, source) in sources.iter().enumerate() {
        let news = Sender { source: number, news: news.clone() };
        match source {
            Source::Files(pattern) => files::start(pattern, news)?,
            Source::Http { server, path } => {
                let list = http::List::new(server.clone(), path.clone(), client.clone(), credentials.clone());
                tokio::spawn(list.run(http::INTERVAL, news));
            }
            Source::DnsA { name, port } => {
                tokio::spawn(dns::run(dns::Query::Addresses { port: *port }, name.clone(), news));
            }
            Source::DnsSrv { name } => {
                tokio::spawn(dns::run(dns::Query::Services, name.clone(), news));
            }
            Source::Static(hosts) => {
                let entries = hosts.iter().cloned().map(Entry::plain).collect();
                tokio::spawn(async move { news.listed(entries, Vec::new(), None).await });
            }
        }
    }
    Ok(received)
}

/// Sends news of one source.
#[derive(Clone, Debug)]
struct Sender {
    source: SourceNumber,
    news: mpsc::Sender<News>,
}

impl Sender {
    /// Sends a new list, and the error of a part that is not new. True while somebody listens.
    async fn listed(&self, entries: Vec<Entry>, notes: Vec<String>, error: Option<String>) -> bool {
        let news = News { source: self.source, entries: Some(entries), error, notes };
        self.news.send(news).await.is_ok()
    }

    /// Sends an error, which keeps the last list. True while somebody listens.
    async fn failed(&self, error: String) -> bool {
        let news = News { source: self.source, entries: None, error: Some(error), notes: Vec::new() };
        self.news.send(news).await.is_ok()
    }
}

/// Joins the lists whenever one changes.
async fn join(mut known: Vec<Known>, mut received: mpsc::Receiver<News>, newest: watch::Sender<TargetList>) {
    loop {
        let news = tokio::select! {
            () = newest.closed() => return,
            news = received.recv() => news,
        };
        let Some(news) = news else { break };
        let mut changed = update(&mut known, news);
        // Those that are there already, so that a start with many sources joins them once.
        while let Ok(news) = received.try_recv() {
            changed |= update(&mut known, news);
        }
        if changed {
            newest.send_replace(joined(&known));
        }
    }
    // Only static lists, which never change.
    newest.closed().await;
}

/// Stores news; true if they change anything.
fn update(known: &mut [Known], news: News) -> bool {
    let Some(known) = known.get_mut(news.source) else { return false };
    let news = News { error: news.error.map(cut), ..news };
    let mut changed = known.error != news.error;
    known.log(&news);
    let since = || Stamp::now().unix_ms;
    known.failed_since = news.error.as_ref().map(|_| known.failed_since.unwrap_or_else(since));
    known.error = news.error;
    if let Some(entries) = news.entries {
        changed |= known.entries.as_ref() != Some(&entries) || known.notes != news.notes;
        known.entries = Some(entries);
        known.notes = news.notes;
    }
    changed
}

impl Known {
    /// Logs a change of state, but no repeated error, and few notes.
    fn log(&mut self, news: &News) {
        let source = &self.name;
        match &news.error {
            Some(error) if self.error.is_none() && self.entries.is_none() && news.entries.is_none() => {
                tracing::warn!(source, "cannot read the list of hosts: {error}");
            }
            Some(error) if self.error.is_none() => {
                tracing::warn!(source, "keeping the last list of hosts: {error}");
            }
            None if self.error.is_some() => tracing::info!(source, "the list of hosts can be read again"),
            _ => {}
        }
        if let Some(entries) = &news.entries
            && self.entries.as_ref().map(Vec::len) != Some(entries.len())
        {
            tracing::info!(source, hosts = entries.len(), "read the list of hosts");
        }
        let new = news.notes.iter().filter(|note| !self.notes.contains(note));
        for line in self.throttle.lines(new, Instant::now()) {
            tracing::warn!(source, "{line}");
        }
    }
}

fn joined(known: &[Known]) -> TargetList {
    let (targets, limits) = merge::targets(known.iter().flat_map(|known| known.entries.iter().flatten()));
    let notes = known.iter().flat_map(|known| {
        let all = known.error.iter().chain(&known.notes);
        all.map(|note| format!("{}: {note}", known.name))
    });
    let source = |known: &Known| SourceState {
        source: known.name.as_str().into(),
        is_loaded: known.entries.is_some(),
        error: known.error.as_deref().map(Box::from),
        since: known.failed_since,
    };
    TargetList {
        targets: Arc::from(targets),
        sources: known.iter().map(source).collect(),
        is_loaded: known.iter().all(|known| known.entries.is_some()),
        notes: notes.chain(limits).take(MAX_NOTES).collect(),
    }
}

#[cfg(test)]
mod tests;
