//! The views of one snapshot, each rendered at most once, and the memory of which are asked for.

use std::{
    array,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use telemetry::{BootTime, snapshot::Snapshot};

use super::{
    gzip,
    rendered::{self, Events, Whole},
};
use crate::{auth::scope::Scope, config::commands::Commands, publish::id::Id};

/// A view that was asked for so long ago is not rendered before it is asked for again.
const WANTED_MS: u64 = 60_000;
/// Below this a body fits into one packet, and compressing it saves nobody anything.
const PACKED_FROM: usize = 1024;

/// The views that are answered whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Snapshot,
    Gpus,
    Processes,
    Users,
    Summary,
    SummaryText,
    Events,
    /// What every reader of the stream is sent on this tick.
    Tick,
}

const ALL: [Which; 8] = [
    Which::Snapshot,
    Which::Gpus,
    Which::Processes,
    Which::Users,
    Which::Summary,
    Which::SummaryText,
    Which::Events,
    Which::Tick,
];

/// When each view was last asked for, by scope and encoding: the boot time of the snapshot that answered, 0 for never.
#[derive(Debug, Default)]
pub(crate) struct Demand([[[AtomicU64; 2]; ALL.len()]; Scope::COUNT]);

impl Demand {
    fn cell(&self, scope: Scope, which: Which, packed: bool) -> &AtomicU64 {
        &self.0[scope as usize][which as usize][usize::from(packed)]
    }

    fn note(&self, scope: Scope, which: Which, packed: bool, now: BootTime) {
        self.cell(scope, which, packed).store(now.0.max(1), Ordering::Relaxed);
    }

    fn is_fresh(&self, scope: Scope, which: Which, packed: bool, now: BootTime) -> bool {
        let asked = self.cell(scope, which, packed).load(Ordering::Relaxed);
        asked != 0 && now.0.saturating_sub(asked) <= WANTED_MS
    }
}

/// The views of one snapshot.
#[derive(Debug)]
pub(crate) struct Views {
    commands: Commands,
    demand: Arc<Demand>,
    scopes: [ScopeViews; Scope::COUNT],
}

/// What one scope sees. None in a cell: it could not be rendered.
#[derive(Debug, Default)]
struct ScopeViews {
    whole: OnceLock<Option<Whole>>,
    users: OnceLock<Option<Bytes>>,
    summary: OnceLock<Option<Bytes>>,
    text: OnceLock<Option<Bytes>>,
    events: OnceLock<Option<Events>>,
    tick: OnceLock<Option<Bytes>>,
    packed: [OnceLock<Option<Bytes>>; ALL.len()],
}

impl Views {
    /// Renders what was asked for of late. Events that are those of the snapshot before are taken from there.
    pub(crate) fn render(
        snapshot: &Snapshot,
        commands: Commands,
        demand: &Arc<Demand>,
        before: Option<(&Snapshot, &Self)>,
    ) -> Self {
        let views = Self { commands, demand: Arc::clone(demand), scopes: array::from_fn(|_| ScopeViews::default()) };
        if let Some((_, before)) = before.filter(|(last, _)| Arc::ptr_eq(&last.events, &snapshot.events)) {
            for (now, before) in views.scopes.iter().zip(&before.scopes) {
                now.keep_events_of(before);
            }
        }
        for scope in Scope::ALL {
            for which in ALL {
                for packed in [false, true] {
                    if demand.is_fresh(scope, which, packed, snapshot.at.boot) {
                        views.fill(snapshot, scope, which, packed);
                    }
                }
            }
        }
        views
    }

    /// A view as it is sent, and whether it is compressed.
    pub(crate) fn body(&self, snapshot: &Snapshot, scope: Scope, which: Which, packed: bool) -> Option<(Bytes, bool)> {
        self.demand.note(scope, which, packed, snapshot.at.boot);
        self.fill(snapshot, scope, which, packed)
    }

    /// The rows of the snapshot.
    pub(super) fn whole(&self, snapshot: &Snapshot, scope: Scope) -> Option<&Whole> {
        self.demand.note(scope, Which::Snapshot, false, snapshot.at.boot);
        self.rows(snapshot, scope)
    }

    /// The events, each by itself.
    pub(crate) fn events(&self, snapshot: &Snapshot, scope: Scope) -> Option<&Events> {
        self.demand.note(scope, Which::Events, false, snapshot.at.boot);
        self.listed_events(snapshot, scope)
    }

    fn fill(&self, snapshot: &Snapshot, scope: Scope, which: Which, packed: bool) -> Option<(Bytes, bool)> {
        let plain = self.plain(snapshot, scope, which)?;
        let in_stream = which == Which::Tick;
        if !packed || (plain.len() < PACKED_FROM && !in_stream) {
            return Some((plain, false));
        }
        let cell = &self.scopes[scope as usize].packed[which as usize];
        let compressed = cell.get_or_init(|| if in_stream { gzip::block(&plain) } else { gzip::compress(&plain) });
        Some(compressed.clone().map_or((plain, false), |compressed| (compressed, true)))
    }

    fn plain(&self, snapshot: &Snapshot, scope: Scope, which: Which) -> Option<Bytes> {
        let views = &self.scopes[scope as usize];
        let rows = || self.rows(snapshot, scope);
        match which {
            Which::Snapshot => rows().map(|whole| whole.snapshot.clone()),
            Which::Gpus => rows().map(|whole| whole.gpus.clone()),
            Which::Processes => rows().map(|whole| whole.processes.clone()),
            Which::Users => views.users.get_or_init(|| told(rendered::users(snapshot, scope, self.commands))).clone(),
            Which::Summary => {
                views.summary.get_or_init(|| told(rendered::summary(snapshot, scope, self.commands))).clone()
            }
            Which::SummaryText => {
                views.text.get_or_init(|| rendered::summary_text(snapshot, scope, self.commands)).clone()
            }
            Which::Events => self.listed_events(snapshot, scope).map(|events| events.whole.clone()),
            Which::Tick => views.tick.get_or_init(|| self.tick(snapshot, scope)).clone(),
        }
    }

    fn tick(&self, snapshot: &Snapshot, scope: Scope) -> Option<Bytes> {
        let events = self.listed_events(snapshot, scope)?.of(snapshot, snapshot.sequence..=snapshot.sequence);
        Some(rendered::tick(&Id::of(snapshot.sequence), &self.rows(snapshot, scope)?.snapshot, events))
    }

    fn rows(&self, snapshot: &Snapshot, scope: Scope) -> Option<&Whole> {
        let cell = &self.scopes[scope as usize].whole;
        cell.get_or_init(|| told(Whole::render(snapshot, scope, self.commands))).as_ref()
    }

    fn listed_events(&self, snapshot: &Snapshot, scope: Scope) -> Option<&Events> {
        let cell = &self.scopes[scope as usize].events;
        cell.get_or_init(|| told(Events::render(&snapshot.events, scope, self.commands))).as_ref()
    }
}

impl ScopeViews {
    fn keep_events_of(&self, before: &Self) {
        if let Some(events) = before.events.get() {
            self.events.get_or_init(|| events.clone());
        }
        let packed = Which::Events as usize;
        if let Some(compressed) = before.packed[packed].get() {
            self.packed[packed].get_or_init(|| compressed.clone());
        }
    }
}

/// What was rendered. Views hold nothing that JSON cannot, so a failure is a fault of ours.
fn told<T>(rendered: serde_json::Result<T>) -> Option<T> {
    rendered.inspect_err(|error| tracing::error!(%error, "a view cannot be rendered")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host;
    use telemetry::{Stamp, snapshot::CollectorState};

    fn at(boot: u64) -> Snapshot {
        let at = Stamp { boot: BootTime(boot), unix_ms: boot };
        Snapshot { at, ..host::snapshot(CollectorState::Ok, vec![host::gpu(0)]) }
    }

    fn is_rendered(views: &Views, scope: Scope) -> bool {
        views.scopes[scope as usize].whole.get().is_some()
    }

    #[test]
    fn only_requested_views_rendered_ahead() {
        let demand = Arc::default();
        let next = |boot| Views::render(&at(boot), Commands::Full, &demand, None);
        let first = next(1000);
        assert!(!is_rendered(&first, Scope::Read));
        assert!(first.body(&at(1000), Scope::Read, Which::Snapshot, true).unwrap().1);
        let second = next(1000 + WANTED_MS);
        assert!(is_rendered(&second, Scope::Read) && !is_rendered(&second, Scope::Summary));
        assert!(second.scopes[0].packed[Which::Snapshot as usize].get().is_some());
        assert!(second.scopes[0].users.get().is_none());
        assert!(!is_rendered(&next(1001 + WANTED_MS), Scope::Read));
    }

    #[test]
    fn view_rendered_once() {
        let views = Views::render(&at(1), Commands::Full, &Arc::default(), None);
        let body = |which, packed| views.body(&at(1), Scope::Read, which, packed).unwrap().0;
        for which in ALL {
            for packed in [false, true] {
                assert_eq!(body(which, packed).as_ptr(), body(which, packed).as_ptr(), "{which:?}");
            }
        }
    }

    #[test]
    fn events_rendered_when_changed() {
        let before = at(1);
        let demand = Arc::default();
        let first = Views::render(&before, Commands::Full, &demand, None);
        let old = first.body(&before, Scope::Read, Which::Events, false).unwrap().0;
        let kept = Snapshot { events: Arc::clone(&before.events), ..at(2) };
        let second = Views::render(&kept, Commands::Full, &demand, Some((&before, &first)));
        assert_eq!(second.body(&kept, Scope::Read, Which::Events, false).unwrap().0.as_ptr(), old.as_ptr());
        let third = Views::render(&at(3), Commands::Full, &demand, Some((&kept, &second)));
        assert_ne!(third.body(&at(3), Scope::Read, Which::Events, false).unwrap().0.as_ptr(), old.as_ptr());
    }
}
