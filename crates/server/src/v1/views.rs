//! The views of one snapshot, each rendered at most once per scope and encoding.

use std::{
    array,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use http_server::{auth::Scope, gzip};
use telemetry::snapshot::Snapshot;

use super::rendered::{self, Events, Whole};
use crate::{
    config::commands::Commands,
    store::{
        cache::{CacheKey, Demand, RenderCache},
        snapshot_id::SnapshotId,
    },
};

/// Time for which a view stays in demand.
pub(crate) const KEEP_MS: u64 = 60_000;
/// Minimum size of a compressed body: a smaller one fits into one packet anyway.
const MIN_GZIP_LEN: usize = 1024;

/// The views that are answered as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Snapshot,
    Gpus,
    Processes,
    Users,
    Summary,
    SummaryText,
    Events,
    /// The part of the event stream that all its clients are sent on this tick.
    Tick,
    /// The part of the stream of summaries for a snapshot with news.
    SummaryTick,
    /// The part of the stream of summaries for a snapshot without news.
    Alive,
}

const ALL: [View; 10] = [
    View::Snapshot,
    View::Gpus,
    View::Processes,
    View::Users,
    View::Summary,
    View::SummaryText,
    View::Events,
    View::Tick,
    View::SummaryTick,
    View::Alive,
];

/// A view for a scope, in an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ViewKey {
    pub(crate) scope: Scope,
    pub(crate) view: View,
    /// Compressed with gzip.
    pub(crate) gzip: bool,
}

impl CacheKey for ViewKey {
    const COUNT: usize = Scope::COUNT * ALL.len() * 2;

    fn index(self) -> usize {
        (self.scope as usize * ALL.len() + self.view as usize) * 2 + usize::from(self.gzip)
    }

    fn all() -> impl Iterator<Item = Self> {
        let views = |scope| ALL.into_iter().map(move |view| (scope, view));
        let keys = Scope::ALL.into_iter().flat_map(views);
        keys.flat_map(|(scope, view)| [false, true].map(|gzip| Self { scope, view, gzip }))
    }
}

/// The views of one snapshot.
#[derive(Debug)]
pub(crate) struct Views {
    commands: Commands,
    /// `None`: it could not be rendered.
    cache: RenderCache<ViewKey, Option<Bytes>>,
    parts: [Parts; Scope::COUNT],
}

/// The parts of which views of a scope are cut or assembled.
#[derive(Debug, Default)]
struct Parts {
    whole: OnceLock<Option<Whole>>,
    events: OnceLock<Option<Events>>,
}

impl Views {
    /// Renders the views that are in demand; of the stream of summaries, only what this snapshot has for it. Unchanged events are taken over from the snapshot before.
    pub(crate) fn render(
        snapshot: &Snapshot,
        commands: Commands,
        demand: &Arc<Demand<ViewKey>>,
        before: Option<(&Snapshot, &Self)>,
        has_news: bool,
    ) -> Self {
        let views = Self { commands, cache: RenderCache::new(demand), parts: array::from_fn(|_| Parts::default()) };
        if let Some((_, before)) = before.filter(|(last, _)| Arc::ptr_eq(&last.events, &snapshot.events)) {
            views.take_events_over(before);
        }
        let unsent = if has_news { View::Alive } else { View::SummaryTick };
        for key in views.cache.in_demand(snapshot.at.boot).filter(|key| key.view != unsent) {
            views.fill(snapshot, key);
        }
        views
    }

    /// Visibility of command lines.
    pub(crate) const fn commands(&self) -> Commands {
        self.commands
    }

    /// A view as it is sent, and true if it is compressed.
    pub(crate) fn body(&self, snapshot: &Snapshot, scope: Scope, view: View, gzip: bool) -> Option<(Bytes, bool)> {
        let key = ViewKey { scope, view, gzip };
        self.cache.note(key, snapshot.at.boot);
        self.fill(snapshot, key)
    }

    /// The rows of the snapshot.
    pub(super) fn whole(&self, snapshot: &Snapshot, scope: Scope) -> Option<&Whole> {
        self.cache.note(ViewKey { scope, view: View::Snapshot, gzip: false }, snapshot.at.boot);
        self.rows(snapshot, scope)
    }

    /// The events, each by itself.
    pub(crate) fn events(&self, snapshot: &Snapshot, scope: Scope) -> Option<&Events> {
        self.cache.note(ViewKey { scope, view: View::Events, gzip: false }, snapshot.at.boot);
        self.listed_events(snapshot, scope)
    }

    fn fill(&self, snapshot: &Snapshot, key: ViewKey) -> Option<(Bytes, bool)> {
        let plain = self.plain(snapshot, key)?;
        let in_stream = matches!(key.view, View::Tick | View::SummaryTick | View::Alive);
        if !key.gzip || (plain.len() < MIN_GZIP_LEN && !in_stream) {
            return Some((plain, false));
        }
        let compress = || if in_stream { gzip::block(&plain) } else { gzip::compress(&plain) };
        let compressed = self.cache.get(key, compress).clone();
        Some(compressed.map_or((plain, false), |compressed| (compressed, true)))
    }

    fn plain(&self, snapshot: &Snapshot, key: ViewKey) -> Option<Bytes> {
        let ViewKey { scope, view, .. } = key;
        let rows = || self.rows(snapshot, scope);
        let render = || match view {
            View::Snapshot => rows().map(|whole| whole.snapshot.clone()),
            View::Gpus => rows().map(|whole| whole.gpus.clone()),
            View::Processes => rows().map(|whole| whole.processes.clone()),
            View::Users => logged(rendered::users(snapshot, scope, self.commands)),
            View::Summary => logged(rendered::summary(snapshot, scope, self.commands)),
            View::SummaryText => rendered::summary_text(snapshot, scope, self.commands),
            View::Events => self.listed_events(snapshot, scope).map(|events| events.whole.clone()),
            View::Tick => self.tick(snapshot, scope),
            View::SummaryTick => self
                .plain(snapshot, ViewKey { view: View::Summary, ..key })
                .map(|summary| rendered::summary_tick(&summary)),
            View::Alive => Some(rendered::alive(snapshot, snapshot.at.boot)),
        };
        self.cache.get(ViewKey { gzip: false, ..key }, render).clone()
    }

    fn tick(&self, snapshot: &Snapshot, scope: Scope) -> Option<Bytes> {
        let events = self.listed_events(snapshot, scope)?.of(snapshot, snapshot.sequence..=snapshot.sequence);
        Some(rendered::tick(&SnapshotId::new(snapshot.sequence), &self.rows(snapshot, scope)?.snapshot, events))
    }

    fn rows(&self, snapshot: &Snapshot, scope: Scope) -> Option<&Whole> {
        let cell = &self.parts[scope as usize].whole;
        cell.get_or_init(|| logged(Whole::render(snapshot, scope, self.commands))).as_ref()
    }

    fn listed_events(&self, snapshot: &Snapshot, scope: Scope) -> Option<&Events> {
        let cell = &self.parts[scope as usize].events;
        cell.get_or_init(|| logged(Events::render(&snapshot.events, scope, self.commands))).as_ref()
    }

    fn take_events_over(&self, before: &Self) {
        for (now, before) in self.parts.iter().zip(&before.parts) {
            if let Some(events) = before.events.get() {
                now.events.get_or_init(|| events.clone());
            }
        }
        for key in ViewKey::all().filter(|key| key.view == View::Events) {
            self.cache.take_over(key, &before.cache);
        }
    }
}

/// The rendered view. Views hold nothing that JSON cannot represent, so an error is a fault of the program.
fn logged<T>(rendered: serde_json::Result<T>) -> Option<T> {
    rendered.inspect_err(|error| tracing::error!(%error, "cannot render a view")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host;
    use telemetry::{BootTime, Stamp, snapshot::CollectorState};

    fn at(boot: u64) -> Snapshot {
        let at = Stamp { boot: BootTime(boot), unix_ms: boot };
        Snapshot { at, ..host::snapshot(CollectorState::Ok, vec![host::gpu(0)]) }
    }

    fn is_rendered(views: &Views, scope: Scope) -> bool {
        views.parts[scope as usize].whole.get().is_some()
    }

    fn demand() -> Arc<Demand<ViewKey>> {
        Arc::new(Demand::new(KEEP_MS))
    }

    #[test]
    fn only_requested_views_rendered_ahead() {
        let demand = demand();
        let next = |boot| Views::render(&at(boot), Commands::Full, &demand, None, true);
        let first = next(1000);
        assert!(!is_rendered(&first, Scope::Read));
        assert!(first.body(&at(1000), Scope::Read, View::Snapshot, true).unwrap().1);
        let second = next(1000 + KEEP_MS);
        assert!(is_rendered(&second, Scope::Read) && !is_rendered(&second, Scope::Summary));
        let key = |view| ViewKey { scope: Scope::Read, view, gzip: true };
        assert!(second.cache.is_rendered(key(View::Snapshot)) && !second.cache.is_rendered(key(View::Users)));
        assert!(!is_rendered(&next(1001 + KEEP_MS), Scope::Read));
    }

    #[test]
    fn stream_of_summaries_rendered_as_far_as_it_is_sent() {
        let demand = demand();
        let next = |boot, has_news| Views::render(&at(boot), Commands::Full, &demand, None, has_news);
        let first = next(1000, true);
        for view in [View::SummaryTick, View::Alive] {
            assert!(first.body(&at(1000), Scope::Read, view, true).unwrap().1, "a stream is compressed as a whole");
        }
        for (has_news, rendered) in [(true, [true, false]), (false, [false, true])] {
            let views = next(2000, has_news);
            let key = |view| ViewKey { scope: Scope::Read, view, gzip: true };
            assert_eq!([View::SummaryTick, View::Alive].map(|view| views.cache.is_rendered(key(view))), rendered);
        }
    }

    #[test]
    fn view_rendered_once() {
        let views = Views::render(&at(1), Commands::Full, &demand(), None, true);
        for key in ViewKey::all() {
            let body = || views.body(&at(1), key.scope, key.view, key.gzip).unwrap().0.as_ptr();
            assert_eq!(body(), body(), "{key:?}");
        }
    }

    #[test]
    fn events_rendered_when_changed() {
        let before = at(1);
        let demand = demand();
        let first = Views::render(&before, Commands::Full, &demand, None, true);
        let old = first.body(&before, Scope::Read, View::Events, false).unwrap().0;
        let kept = Snapshot { events: Arc::clone(&before.events), ..at(2) };
        let second = Views::render(&kept, Commands::Full, &demand, Some((&before, &first)), true);
        assert_eq!(second.body(&kept, Scope::Read, View::Events, false).unwrap().0.as_ptr(), old.as_ptr());
        let third = Views::render(&at(3), Commands::Full, &demand, Some((&kept, &second)), true);
        assert_ne!(third.body(&at(3), Scope::Read, View::Events, false).unwrap().0.as_ptr(), old.as_ptr());
    }
}
