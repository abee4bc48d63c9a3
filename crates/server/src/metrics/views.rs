//! `/metrics` of one snapshot, each form rendered at most once, and the memory of which are asked for: as the rich
//! contract's views are.

use std::{
    array,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use telemetry::{BootTime, snapshot::Snapshot};

use super::{
    MetricsSettings, Names, dcgm, native,
    packed::Packed,
    table::Seen,
    text::{Format, Page},
};
use crate::{auth::scope::Scope, config::commands::Commands};

/// A form that was asked for so long ago is not rendered before it is asked for again. Scrapers come once a minute at the
/// least; two of their rounds are enough.
const WANTED_MS: u64 = 120_000;

/// What is asked for: under which names, in which format. DCGM's names break OpenMetrics' rules, and so are told as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Native,
    NativeOpen,
    Dcgm,
    Both,
}

const FORMS: [Form; 4] = [Form::Native, Form::NativeOpen, Form::Dcgm, Form::Both];

impl Form {
    pub(super) const fn of(names: Names, format: Format) -> Self {
        match (names, format) {
            (Names { dcgm: false, .. }, Format::Text) => Self::Native,
            (Names { dcgm: false, .. }, Format::OpenMetrics) => Self::NativeOpen,
            (Names { native: false, .. }, _) => Self::Dcgm,
            (Names { native: true, .. }, _) => Self::Both,
        }
    }

    pub(super) const fn format(self) -> Format {
        match self {
            Self::NativeOpen => Format::OpenMetrics,
            Self::Native | Self::Dcgm | Self::Both => Format::Text,
        }
    }
}

/// When each form was last asked for, by scope and encoding: the boot time of the snapshot that answered, 0 for never.
#[derive(Debug, Default)]
pub(crate) struct Demand([[[AtomicU64; 2]; FORMS.len()]; Scope::COUNT]);

impl Demand {
    fn cell(&self, scope: Scope, form: Form, packed: bool) -> &AtomicU64 {
        &self.0[scope as usize][form as usize][usize::from(packed)]
    }

    fn note(&self, scope: Scope, form: Form, packed: bool, now: BootTime) {
        self.cell(scope, form, packed).store(now.0.max(1), Ordering::Relaxed);
    }

    fn is_fresh(&self, scope: Scope, form: Form, packed: bool, now: BootTime) -> bool {
        let asked = self.cell(scope, form, packed).load(Ordering::Relaxed);
        asked != 0 && now.0.saturating_sub(asked) <= WANTED_MS
    }
}

/// The forms of one snapshot.
#[derive(Debug)]
pub(crate) struct Views {
    pub(super) settings: Arc<MetricsSettings>,
    commands: Commands,
    demand: Arc<Demand>,
    scopes: [[Rendered; FORMS.len()]; Scope::COUNT],
}

#[derive(Debug, Default)]
struct Rendered {
    plain: OnceLock<Bytes>,
    /// None in it: it could not be compressed.
    packed: OnceLock<Option<Packed>>,
    /// The newest answer, plain and compressed, and the moment that it is of.
    whole: [Mutex<Option<(BootTime, Bytes)>>; 2],
}

/// What a scrape asks for.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) scope: Scope,
    pub(super) form: Form,
    /// Whether it takes gzip.
    pub(super) packed: bool,
    pub(super) now: BootTime,
}

impl Views {
    /// Renders what was asked for of late.
    pub(crate) fn render(
        snapshot: &Snapshot,
        commands: Commands,
        settings: &Arc<MetricsSettings>,
        demand: &Arc<Demand>,
    ) -> Self {
        let views = Self {
            settings: Arc::clone(settings),
            commands,
            demand: Arc::clone(demand),
            scopes: array::from_fn(|_| array::from_fn(|_| Rendered::default())),
        };
        for scope in Scope::ALL {
            for form in FORMS {
                for packed in [false, true] {
                    if demand.is_fresh(scope, form, packed, snapshot.at.boot) {
                        views.fill(snapshot, scope, form, packed);
                    }
                }
            }
        }
        views
    }

    /// A whole answer, and whether it is compressed. What is of the moment is worked out once in a millisecond: however
    /// many ask, an answer costs no more than handing out bytes.
    pub(super) fn whole(&self, snapshot: &Snapshot, asked: Asked, moment: impl FnOnce() -> String) -> (Bytes, bool) {
        let Asked { scope, form, now, .. } = asked;
        self.demand.note(scope, form, asked.packed, snapshot.at.boot);
        let packed = asked.packed.then(|| self.compressed(snapshot, scope, form)).flatten();
        let cell = &self.scopes[scope as usize][form as usize].whole[usize::from(packed.is_some())];
        let mut newest = cell.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = newest.as_ref().filter(|(at, _)| *at == now) {
            return (bytes.clone(), packed.is_some());
        }
        let first = moment();
        let bytes = match packed {
            Some(packed) => packed.after(first.as_bytes()),
            None => [first.as_bytes(), self.text(snapshot, scope, form)].concat().into(),
        };
        *newest = Some((now, bytes.clone()));
        (bytes, packed.is_some())
    }

    fn fill(&self, snapshot: &Snapshot, scope: Scope, form: Form, packed: bool) {
        if packed {
            self.compressed(snapshot, scope, form);
        } else {
            self.text(snapshot, scope, form);
        }
    }

    /// All but what is of the moment.
    pub(super) fn text(&self, snapshot: &Snapshot, scope: Scope, form: Form) -> &Bytes {
        self.scopes[scope as usize][form as usize].plain.get_or_init(|| {
            let seen = Seen { snapshot, scope, commands: self.commands, processes: self.settings.processes };
            write(&seen, &self.settings, form).into()
        })
    }

    fn compressed(&self, snapshot: &Snapshot, scope: Scope, form: Form) -> Option<&Packed> {
        let cell = &self.scopes[scope as usize][form as usize].packed;
        cell.get_or_init(|| Packed::new(self.text(snapshot, scope, form))).as_ref()
    }
}

/// About as much as a GPU's samples take.
const ROOM_PER_GPU: usize = 16 * 1024;
const ROOM: usize = 64 * 1024;

fn write(seen: &Seen<'_>, settings: &MetricsSettings, form: Form) -> String {
    let mut page = Page::new(form.format(), ROOM + seen.snapshot.gpus.len() * ROOM_PER_GPU);
    match form {
        Form::Native | Form::NativeOpen => native::render(seen, &mut page),
        Form::Dcgm => {
            dcgm::render(seen, &settings.dcgm, &mut page);
            native::render_agent(seen, &mut page);
        }
        Form::Both => {
            native::render(seen, &mut page);
            dcgm::render(seen, &settings.dcgm, &mut page);
        }
    }
    page.end()
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

    fn is_rendered(views: &Views, scope: Scope, form: Form) -> (bool, bool) {
        let rendered = &views.scopes[scope as usize][form as usize];
        (rendered.plain.get().is_some(), rendered.packed.get().is_some())
    }

    #[test]
    fn only_requested_views_rendered_ahead() {
        let (demand, settings) = (Arc::default(), Arc::default());
        let next = |boot| Views::render(&at(boot), Commands::Full, &settings, &demand);
        let first = next(1000);
        for form in FORMS {
            assert_eq!(is_rendered(&first, Scope::Read, form), (false, false));
        }
        let asked = Asked { scope: Scope::Read, form: Form::NativeOpen, packed: true, now: BootTime(1000) };
        assert!(first.whole(&at(1000), asked, String::new).1);
        let second = next(1000 + WANTED_MS);
        assert_eq!(is_rendered(&second, Scope::Read, Form::NativeOpen), (true, true));
        assert_eq!(is_rendered(&second, Scope::Read, Form::Native), (false, false));
        assert_eq!(is_rendered(&second, Scope::Summary, Form::NativeOpen), (false, false));
        assert_eq!(is_rendered(&next(1001 + WANTED_MS), Scope::Read, Form::NativeOpen), (false, false));
    }

    #[test]
    fn view_rendered_once() {
        let views = Views::render(&at(1), Commands::Full, &Arc::default(), &Arc::default());
        for form in FORMS {
            let plain = || views.text(&at(1), Scope::Read, form).as_ptr();
            let packed = || views.compressed(&at(1), Scope::Read, form).unwrap().bytes.as_ptr();
            assert_eq!((plain(), packed()), (plain(), packed()), "{form:?}");
        }
    }

    #[test]
    fn scrape_head_rendered_once_per_millisecond() {
        let views = Views::render(&at(1), Commands::Full, &Arc::default(), &Arc::default());
        for packed in [false, true] {
            let ask = |now, moment: &str| {
                let asked = Asked { scope: Scope::Read, form: Form::Native, packed, now: BootTime(now) };
                views.whole(&at(1), asked, || moment.to_owned()).0
            };
            let first = ask(7, "one ");
            assert_eq!(ask(7, "two ").as_ptr(), first.as_ptr());
            assert!(ask(8, "two ") != first);
        }
    }
}
