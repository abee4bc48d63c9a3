//! The newest snapshot and its views: the one thing that the supervisor's thread and the handlers share.

pub(crate) mod readiness;

use std::sync::Arc;

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
use readiness::Readiness;

/// A snapshot with its views. It never changes; the next one replaces it.
#[derive(Debug)]
pub struct Published {
    /// What the views were rendered from.
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
    /// What was before it, and itself.
    pub(crate) archive: Arc<Archive>,
}

/// What the administrator decides about what is shown.
#[derive(Clone, Debug, Default)]
pub struct Show {
    /// So much of command lines, in `/status` too; each contract's own rule if none.
    pub commands: Option<Commands>,
    /// What of it are metrics, and how.
    pub metrics: MetricsSettings,
}

impl Published {
    /// Renders the views of a snapshot: those of the frozen contract all, the others that are in demand.
    fn render(snapshot: Snapshot, with: &Kept, before: Option<&Self>) -> Self {
        let before = before.map(|before| (&*before.snapshot, &before.v1));
        Self {
            legacy: StatusViews::render(&snapshot, with.shown.status, &with.legacy),
            readiness: Readiness::of(&snapshot),
            v1: Views::render(&snapshot, with.shown.api, &with.views, before),
            metrics: MetricsViews::render(&snapshot, with.shown.api, &with.metrics, &with.http, &with.scraped),
            http: Arc::clone(&with.http),
            archive: Arc::clone(&with.archive),
            snapshot: Arc::new(snapshot),
        }
    }

    /// `/status` and `/count` as that scope sees them.
    pub(crate) fn legacy(&self, scope: Scope) -> &StatusView {
        self.legacy.of(scope, &self.snapshot)
    }
}

/// Where the supervisor's thread puts snapshots. It needs no async runtime.
#[derive(Debug)]
pub struct Publisher {
    newest: watch::Sender<Arc<Published>>,
    kept: Kept,
}

/// What stays from one snapshot to the next.
#[derive(Debug)]
struct Kept {
    shown: Shown,
    legacy: Arc<Demand<StatusKey>>,
    views: Arc<Demand<ViewKey>>,
    metrics: Arc<MetricsSettings>,
    http: Arc<HttpStats>,
    scraped: Arc<Demand<MetricsKey>>,
    archive: Arc<Archive>,
}

impl Publisher {
    /// A publisher that says `starting` since that moment, until the first snapshot comes.
    #[must_use]
    pub fn new(since: Stamp) -> Self {
        Self::keeping(since, Show::default(), Arc::new(Archive::new(History::new(Depth::default()))))
    }

    /// As [`Self::new`], but it shows what the administrator decides, and adds what it publishes to that past.
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
        };
        let (newest, _) = watch::channel(Arc::new(Published::render(starting(since), &kept, None)));
        Self { newest, kept }
    }

    /// Adds a snapshot to the past and renders its views, here and now, and then lets the handlers see it.
    pub fn publish(&self, snapshot: Snapshot) {
        let before = Arc::clone(&self.newest.borrow());
        self.kept.archive.add(&snapshot);
        let next = Published::render(snapshot, &self.kept, Some(&before));
        drop(self.newest.send_replace(Arc::new(next)));
        // What it replaces is freed here, on this thread, unless an answer still holds it.
        drop(before);
    }

    /// Where the newest snapshot can be read and waited for.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<Published>> {
        self.newest.subscribe()
    }
}

fn starting(since: Stamp) -> Snapshot {
    Snapshot {
        sequence: 0,
        at: since,
        collector: Collector {
            state: CollectorState::Starting,
            since,
            detail: None,
            restarts: 0,
            sample_duration: None,
        },
        driver: None,
        host: Host::absent(Absence::Timeout),
        gpus: Vec::new(),
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
        // Nobody but this test holds the one that was replaced.
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
