//! The bodies of `/metrics` for one snapshot.

use std::sync::Arc;

use bytes::Bytes;
use http_server::{auth::Scope, gzip};
use telemetry::{snapshot::Snapshot, usage::UserTotals};

use super::{
    MetricsSet, MetricsSettings, Names, dcgm,
    names::DcgmNames,
    native,
    table::Seen,
    text::{Format, Page},
};
use crate::{
    config::commands::Commands,
    store::{
        cache::{CacheKey, Demand, RenderCache},
        http_stats::HttpStats,
    },
};

/// Time for which a form stays in demand. Scrapers come at least once a minute; this covers two scrapes.
pub(crate) const KEEP_MS: u64 = 120_000;

/// The names, the set and the format of a body. DCGM's names break OpenMetrics' rules, so they are served as text only,
/// and the set for large fleets has native names only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(super) names: Names,
    pub(super) set: MetricsSet,
    pub(super) format: Format,
}

const FORMATS: [Format; 2] = [Format::Text, Format::OpenMetrics];
const DCGM: [DcgmNames; 3] = [DcgmNames::Until48, DcgmNames::Since49, DcgmNames::Both];

impl Form {
    /// Native names alone: each set in each format.
    const NATIVE: usize = MetricsSet::ALL.len() * FORMATS.len();
    const COUNT: usize = Self::NATIVE + DCGM.len() * 2 * 2;

    pub(super) fn of(names: Names, set: MetricsSet, format: Format) -> Self {
        match (names.dcgm, set) {
            (DcgmNames::No, _) => Self { names: Names::NATIVE, set, format },
            (_, MetricsSet::Fleet) => Self { names: Names::NATIVE, set, format },
            _ => Self { names, set, format: Format::Text },
        }
    }

    fn index(self) -> usize {
        let Self { names, set, format } = self;
        let place = match names.dcgm {
            DcgmNames::No => return set as usize * FORMATS.len() + format as usize,
            DcgmNames::Until48 => 0,
            DcgmNames::Since49 => 1,
            DcgmNames::Both => 2,
        };
        Self::NATIVE + (place * 2 + usize::from(names.native)) * 2 + usize::from(set == MetricsSet::Full)
    }

    /// All forms, in the order of their positions.
    fn all() -> impl Iterator<Item = Self> {
        let native =
            MetricsSet::ALL.into_iter().flat_map(|set| FORMATS.map(|format| Self::of(Names::NATIVE, set, format)));
        let names = DCGM.into_iter().flat_map(|dcgm| [false, true].map(|native| Names { native, dcgm }));
        let dcgm = names
            .flat_map(|names| [MetricsSet::Standard, MetricsSet::Full].map(|set| Self::of(names, set, Format::Text)));
        native.chain(dcgm)
    }
}

/// A body of `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MetricsKey {
    pub(crate) scope: Scope,
    pub(crate) form: Form,
    /// Compressed with gzip.
    pub(crate) gzip: bool,
}

impl CacheKey for MetricsKey {
    const COUNT: usize = Scope::COUNT * Form::COUNT * 2;

    fn index(self) -> usize {
        (self.scope as usize * Form::COUNT + self.form.index()) * 2 + usize::from(self.gzip)
    }

    fn all() -> impl Iterator<Item = Self> {
        let forms = |scope| Form::all().map(move |form| (scope, form));
        let keys = Scope::ALL.into_iter().flat_map(forms);
        keys.flat_map(|(scope, form)| [false, true].map(|gzip| Self { scope, form, gzip }))
    }
}

/// The bodies of one snapshot.
#[derive(Debug)]
pub(crate) struct MetricsViews {
    pub(super) settings: Arc<MetricsSettings>,
    /// Totals of users as of the snapshot, if they have series.
    users: Option<Arc<Vec<UserTotals>>>,
    commands: Commands,
    http: Arc<HttpStats>,
    /// `None`: not compressible, which does not occur.
    cache: RenderCache<MetricsKey, Option<Bytes>>,
}

impl MetricsViews {
    /// Renders the bodies that are in demand.
    pub(crate) fn render(
        snapshot: &Snapshot,
        commands: Commands,
        settings: &Arc<MetricsSettings>,
        http: &Arc<HttpStats>,
        demand: &Arc<Demand<MetricsKey>>,
    ) -> Self {
        let cache = RenderCache::new(demand);
        let users = settings.users.as_ref().map(|store| store.totals());
        let views = Self { settings: Arc::clone(settings), users, commands, http: Arc::clone(http), cache };
        for key in views.cache.in_demand(snapshot.at.boot) {
            views.fill(snapshot, key);
        }
        views
    }

    /// A body, and true if it is compressed.
    pub(super) fn body(&self, snapshot: &Snapshot, key: MetricsKey) -> (Bytes, bool) {
        self.cache.note(key, snapshot.at.boot);
        self.fill(snapshot, key)
    }

    fn fill(&self, snapshot: &Snapshot, key: MetricsKey) -> (Bytes, bool) {
        let text = self.text(snapshot, key);
        let compressed = if key.gzip { self.cache.get(key, || gzip::compress(&text)).as_ref() } else { None };
        compressed.map_or((text, false), |compressed| (compressed.clone(), true))
    }

    /// The uncompressed body.
    pub(super) fn text(&self, snapshot: &Snapshot, key: MetricsKey) -> Bytes {
        let render = || {
            let (scope, set, processes) = (key.scope, key.form.set, self.settings.processes);
            let users = self.users.as_deref().map(Vec::as_slice).filter(|_| scope.sees_work());
            let seen = Seen { snapshot, scope, commands: self.commands, set, processes, users, http: &self.http };
            Some(write(&seen, &self.settings, key.form).into())
        };
        self.cache.get(MetricsKey { gzip: false, ..key }, render).clone().unwrap_or_default()
    }
}

/// Approximate size of a GPU's samples, in bytes.
const CAPACITY_PER_GPU: usize = 16 * 1024;
const CAPACITY: usize = 64 * 1024;

fn write(seen: &Seen<'_>, settings: &MetricsSettings, form: Form) -> String {
    let mut page = Page::new(form.format, CAPACITY + seen.snapshot.gpus.len() * CAPACITY_PER_GPU);
    if form.names.native {
        native::render(seen, &mut page);
    }
    if form.names.dcgm != DcgmNames::No {
        dcgm::render(seen, &settings.dcgm, form.names.dcgm, &mut page);
    }
    if !form.names.native {
        native::render_agent(seen, &mut page);
    }
    page.end()
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

    #[test]
    fn only_requested_views_rendered_ahead() {
        let (demand, settings, http) = (Arc::new(Demand::new(KEEP_MS)), Arc::default(), Arc::default());
        let next = |boot| MetricsViews::render(&at(boot), Commands::Full, &settings, &http, &demand);
        let key = |scope, form, gzip| MetricsKey { scope, form, gzip };
        let first = next(1000);
        assert!(MetricsKey::all().all(|key| !first.cache.is_rendered(key)));
        let open = Form::of(Names::NATIVE, MetricsSet::Standard, Format::OpenMetrics);
        assert!(first.body(&at(1000), key(Scope::Read, open, true)).1);
        let second = next(1000 + KEEP_MS);
        let rendered: Vec<_> = MetricsKey::all().filter(|key| second.cache.is_rendered(*key)).collect();
        assert_eq!(rendered, [false, true].map(|gzip| key(Scope::Read, open, gzip)));
        let third = next(1001 + KEEP_MS);
        assert!(MetricsKey::all().all(|key| !third.cache.is_rendered(key)));
    }

    #[test]
    fn views_have_positions_of_their_own() {
        let places: Vec<usize> = MetricsKey::all().map(CacheKey::index).collect();
        assert_eq!(places, (0..MetricsKey::COUNT).collect::<Vec<_>>());
    }

    #[test]
    fn view_rendered_once() {
        let demand = Arc::new(Demand::new(KEEP_MS));
        let views = MetricsViews::render(&at(1), Commands::Full, &Arc::default(), &Arc::default(), &demand);
        for key in MetricsKey::all() {
            let body = || views.body(&at(1), key).0.as_ptr();
            assert_eq!(body(), body(), "{key:?}");
        }
    }
}
