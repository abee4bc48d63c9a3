//! The newest snapshot and its views, shared by the supervisor's thread and the handlers.

mod aging;
mod news;
pub(crate) mod readiness;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use telemetry::{
    Absence, Stamp,
    history::{Depth, History},
    snapshot::{Collector, CollectorState, Host, Snapshot},
};
use tokio::sync::watch;

use http_server::auth::Scope;

use crate::{
    config::commands::{Commands, Shown},
    metrics::{self, MetricsKey, MetricsSettings, MetricsViews},
    status::{self, StatusKey, StatusView, StatusViews},
    store::{archive::Archive, cache::Demand, http_stats::HttpStats},
    v1::{self, ViewKey, Views},
};
pub use aging::Aging;
use news::News;
use readiness::Readiness;

/// A snapshot with its views. It never changes; the next one replaces it.
#[derive(Debug)]
pub struct Published {
    /// The snapshot of the views.
    pub snapshot: Arc<Snapshot>,
    /// `/status` and `/count`.
    legacy: StatusViews,
    /// `/readyz`.
    pub readiness: Readiness,
    /// `/api/v1`.
    pub(crate) v1: Views,
    /// `/metrics`.
    pub(crate) metrics: MetricsViews,
    /// Statistics of the server that answers from it.
    pub(crate) http: Arc<HttpStats>,
    /// The history, including this snapshot.
    pub(crate) archive: Arc<Archive>,
    /// The summary that streams were sent last.
    pub(crate) news: Arc<News>,
    news_wanted: Arc<AtomicBool>,
}

/// Configuration of the views.
#[derive(Clone, Debug)]
pub struct Show {
    /// The interval between readings, until the first snapshot.
    pub interval: Duration,
    /// Command lines, in `/status` too; `None` for the default of each API.
    pub commands: Option<Commands>,
    /// Configuration of `/metrics`.
    pub metrics: MetricsSettings,
}

impl Default for Show {
    fn default() -> Self {
        Self { interval: Duration::from_secs(1), commands: None, metrics: MetricsSettings::default() }
    }
}

impl Published {
    /// Renders the views of a snapshot that are in demand.
    fn render(snapshot: Snapshot, with: &Kept, before: Option<&Self>) -> Self {
        let last = before.map(|before| &before.news);
        let is_wanted = with.news_wanted.swap(false, Ordering::Relaxed);
        let news = News::after(last.filter(|_| !is_wanted).map(Arc::as_ref), &snapshot).map(Arc::new);
        let has_news = news.is_some();
        let news = news.or_else(|| last.map(Arc::clone)).unwrap_or_default();
        let before = before.map(|before| (&*before.snapshot, &before.v1));
        Self {
            legacy: StatusViews::render(&snapshot, with.shown.status, &with.legacy),
            readiness: Readiness::of(&snapshot),
            v1: Views::render(&snapshot, with.shown.api, &with.views, before, has_news),
            metrics: MetricsViews::render(&snapshot, with.shown.api, &with.metrics, &with.http, &with.scraped),
            http: Arc::clone(&with.http),
            archive: Arc::clone(&with.archive),
            news,
            news_wanted: Arc::clone(&with.news_wanted),
            snapshot: Arc::new(snapshot),
        }
    }

    /// Has the next snapshot's summary sent to all streams.
    pub(crate) fn want_news(&self) {
        self.news_wanted.store(true, Ordering::Relaxed);
    }

    /// `/status` and `/count` for a scope.
    pub(crate) fn legacy(&self, scope: Scope) -> &StatusView {
        self.legacy.of(scope, &self.snapshot)
    }
}

/// Publishes snapshots from the supervisor's thread. It needs no async runtime.
#[derive(Debug)]
pub struct Publisher(Arc<Shared>);

/// The newest snapshot, and the state by which its views are rendered.
#[derive(Debug)]
struct Shared {
    newest: watch::Sender<Arc<Published>>,
    kept: Kept,
}

/// State that is kept from one snapshot to the next.
#[derive(Debug)]
struct Kept {
    shown: Shown,
    legacy: Arc<Demand<StatusKey>>,
    views: Arc<Demand<ViewKey>>,
    metrics: Arc<MetricsSettings>,
    http: Arc<HttpStats>,
    scraped: Arc<Demand<MetricsKey>>,
    archive: Arc<Archive>,
    /// A reader was sent a summary that others were not.
    news_wanted: Arc<AtomicBool>,
}

impl Publisher {
    /// A publisher in the state `starting` since this time, until the first snapshot.
    #[must_use]
    pub fn new(since: Stamp) -> Self {
        Self::keeping(since, Show::default(), Arc::new(Archive::new(History::new(Depth::default()))))
    }

    /// As [`Self::new`], with this configuration, adding snapshots to this history.
    #[must_use]
    pub fn keeping(since: Stamp, show: Show, archive: Arc<Archive>) -> Self {
        let kept = Kept {
            shown: Shown::by(show.commands),
            legacy: Arc::new(Demand::new(status::KEEP_MS)),
            views: Arc::new(Demand::new(v1::KEEP_MS)),
            metrics: Arc::new(show.metrics),
            http: Arc::default(),
            scraped: Arc::new(Demand::new(metrics::KEEP_MS)),
            archive,
            news_wanted: Arc::default(),
        };
        let (newest, _) = watch::channel(Arc::new(Published::render(starting(since, show.interval), &kept, None)));
        Self(Arc::new(Shared { newest, kept }))
    }

    /// Adds a snapshot to the history, renders its views on this thread and publishes it.
    pub fn publish(&self, snapshot: Snapshot) {
        let Shared { newest, kept } = &*self.0;
        let before = Arc::clone(&newest.borrow());
        kept.archive.add(&snapshot);
        let next = Published::render(snapshot, kept, Some(&before));
        drop(newest.send_replace(Arc::new(next)));
        // The replaced snapshot is freed on this thread, unless a response still holds it.
        drop(before);
    }

    /// A receiver of the newest snapshot.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<Published>> {
        self.0.newest.subscribe()
    }

    /// The watch over the age of what is published, with this interval between readings.
    #[must_use]
    pub fn aging(&self, interval: Duration) -> Aging {
        Aging::new(Arc::clone(&self.0), interval)
    }
}

fn starting(since: Stamp, interval: Duration) -> Snapshot {
    Snapshot {
        sequence: 0,
        at: since,
        interval,
        collector: Collector {
            state: CollectorState::Starting,
            since,
            detail: None,
            restarts: 0,
            sample_duration: None,
        },
        driver: None,
        nvml_version: None,
        host: Host::absent(Absence::Timeout),
        gpus: Vec::new(),
        missing: Vec::new(),
        events: Arc::default(),
        read_at: None,
        timings: Arc::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host;

    #[test]
    fn starting_until_first_snapshot() {
        let publisher = Publisher::new(Stamp::default());
        let newest = publisher.subscribe();
        assert_eq!(newest.borrow().snapshot.collector.state, CollectorState::Starting);
        assert_eq!(newest.borrow().snapshot.sequence, 0);
        publisher.publish(host::snapshot(CollectorState::Ok, vec![]));
        assert_eq!(newest.borrow().snapshot.collector.state, CollectorState::Ok);
    }

    #[test]
    fn answer_keeps_its_snapshot() {
        let publisher = Publisher::new(Stamp::default());
        let held = Arc::clone(&publisher.subscribe().borrow());
        publisher.publish(host::snapshot(CollectorState::Ok, vec![]));
        assert_eq!(held.snapshot.sequence, 0);
        // Only this test holds the replaced snapshot.
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
