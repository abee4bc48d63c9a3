//! The fleet as it is published once a second, and its rendered parts. It never changes; the next one replaces it.

use std::{
    cmp::Ordering,
    io::Write as _,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use http_server::gzip;
use telemetry::{
    BootTime, Stamp,
    find::{self, Answer, Request},
};
use tokio::sync::watch;

use super::{
    devices,
    json::{self, Cells},
    pieces::{Audience, Demand, Form, Piece, Whole, of},
    row::Host,
    rows::{HostRow, KEEP_CHANGES_MS},
    state::{Fleet, Inputs, Totals},
};

/// Time for which whole views stay in demand after their last request, in milliseconds.
const KEEP_WHOLE_MS: u64 = 10_000;

/// Time for which devices are prepared after a search, in milliseconds.
const KEEP_FIND_MS: u64 = 60_000;
/// Place of searches among what is in demand, after the parts.
const FIND: usize = Part::COUNT * 4;

/// Begin of the event with everything.
const FLEET: &[u8] = b"event: fleet\ndata: ";
/// End of an event.
const END: &[u8] = b"\n\n";

/// The fleet at one moment.
#[derive(Debug)]
pub struct Published {
    /// Counts up by one per publication.
    pub sequence: u64,
    /// Time of this publication.
    pub at: Stamp,
    /// Hosts, sorted by name.
    pub hosts: Vec<Arc<HostRow>>,
    /// Names that the publication before had, and this one does not have.
    pub removed: Vec<Arc<str>>,
    /// Sums over all hosts.
    pub totals: Totals,
    /// State of the list of targets, and of the hub's own files.
    pub inputs: Arc<Inputs>,
    /// Publication that last added or removed a host.
    layout: u64,
    has_new_totals: bool,
    has_new_inputs: bool,
    /// Rendered parts by audience.
    parts: [Parts; 2],
    /// Use by user, as `views` renders it.
    pub(crate) users: Whole,
    /// The fleet for a terminal, as `views` renders it.
    pub(crate) text: Whole,
    /// Index for searches.
    index: OnceLock<find::Index>,
    demand: Arc<Demand<{ FIND + 1 }>>,
}

/// Rendered parts that all clients share.
#[derive(Clone, Copy, Debug)]
enum Part {
    /// The object with everything.
    Everything,
    /// The same without GPUs.
    Brief,
    /// The event with all changes.
    Changes,
    /// The begin of the same event: changes without GPUs.
    BriefChanges,
    /// The end of the same event, the same for every audience.
    Tail,
}

impl Part {
    const COUNT: usize = 5;
    const ALL: [Self; Self::COUNT] = [Self::Everything, Self::Brief, Self::Changes, Self::BriefChanges, Self::Tail];

    const fn keep_ms(self) -> u64 {
        match self {
            Self::Everything | Self::Brief => KEEP_WHOLE_MS,
            Self::Changes | Self::BriefChanges | Self::Tail => KEEP_CHANGES_MS,
        }
    }

    const fn place(self, audience: Audience, form: Form) -> usize {
        (self as usize * 2 + audience as usize) * 2 + form as usize
    }
}

#[derive(Debug, Default)]
struct Parts {
    shared: [Piece; Part::COUNT],
    /// The object with everything, as a gzip file.
    gzip: OnceLock<Bytes>,
}

impl Published {
    /// An empty fleet, before the list of targets is loaded.
    fn empty(at: Stamp) -> Self {
        Self {
            sequence: 0,
            at,
            hosts: Vec::new(),
            removed: Vec::new(),
            totals: Totals::default(),
            inputs: Arc::default(),
            layout: 0,
            has_new_totals: false,
            has_new_inputs: false,
            parts: Default::default(),
            users: Whole::default(),
            text: Whole::default(),
            index: OnceLock::new(),
            demand: Arc::default(),
        }
    }

    /// The publication after this one.
    fn next(&self, fleet: &mut Fleet, now: Stamp) -> Self {
        let sequence = self.sequence + 1;
        let (hosts, removed, is_added) = self.merged(fleet.hosts(now), sequence);
        let totals = Totals::of(hosts.iter().map(|row| &**row as &Host));
        let next = Self {
            sequence,
            at: now,
            layout: if is_added || !removed.is_empty() { sequence } else { self.layout },
            hosts,
            removed,
            has_new_totals: totals != self.totals,
            totals,
            has_new_inputs: self.inputs != *fleet.inputs(),
            inputs: Arc::clone(fleet.inputs()),
            parts: Default::default(),
            users: Whole::default(),
            text: Whole::default(),
            index: OnceLock::new(),
            demand: Arc::clone(&self.demand),
        };
        next.render_ahead();
        next
    }

    /// Rows of these hosts, the names without one, and true if there are new ones. Rows that are as before are shared.
    fn merged(&self, hosts: Vec<Host>, sequence: u64) -> (Vec<Arc<HostRow>>, Vec<Arc<str>>, bool) {
        let mut before = self.hosts.iter().peekable();
        let (mut rows, mut removed, mut is_added) = (Vec::with_capacity(hosts.len()), Vec::new(), false);
        for host in hosts {
            let mut known = None;
            while let Some(row) = before.peek() {
                match row.name().cmp(host.name()) {
                    Ordering::Greater => break,
                    Ordering::Less => removed.push(Arc::clone(row.name())),
                    Ordering::Equal => known = Some(Arc::clone(row)),
                }
                before.next();
            }
            is_added |= known.is_none();
            rows.push(match known {
                Some(row) if row.is_same(&host) => row,
                // Another agent with this name has nothing in common with the one before.
                Some(row) if row.target.endpoint == host.target.endpoint => {
                    Arc::new(HostRow::new(host, Some(&row), sequence))
                }
                _ => Arc::new(HostRow::new(host, None, sequence)),
            });
        }
        removed.extend(before.map(|row| Arc::clone(row.name())));
        (rows, removed, is_added)
    }

    fn render_ahead(&self) {
        for row in self.changed_rows() {
            row.render_ahead(self.at.boot);
        }
        if self.demand.is_recent(FIND, self.at.boot, KEEP_FIND_MS) {
            self.index();
        }
        for part in Part::ALL {
            for audience in Audience::ALL {
                for form in [Form::Plain, Form::Packed] {
                    if self.demand.is_recent(part.place(audience, form), self.at.boot, part.keep_ms()) {
                        self.render(part, audience, form);
                    }
                }
            }
        }
    }

    /// Rows that changed in this publication.
    fn changed_rows(&self) -> impl Iterator<Item = &Arc<HostRow>> {
        self.hosts.iter().filter(|row| row.changed() == self.sequence)
    }

    /// True if all of it is rendered in less time than another thread needs to start.
    pub(crate) fn is_small(&self) -> bool {
        const HOSTS: usize = 32;
        const GPUS: u32 = 128;
        self.hosts.len() <= HOSTS && self.totals.gpus.total() <= GPUS
    }

    /// The row with this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<HostRow>> {
        self.hosts.get(self.place(name)?)
    }

    /// Place of the host with this name.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.hosts.binary_search_by(|row| (**row.name()).cmp(name)).ok()
    }

    /// The devices that fit a request at this time, or the hosts that nearly have them. The next search finds its index
    /// prepared.
    #[must_use]
    pub fn search(&self, request: &Request, now: BootTime) -> Answer<'_> {
        self.demand.note(FIND, self.at.boot);
        let hosts: Vec<find::Host<'_>> = self.hosts.iter().map(|row| devices::searched(row, now)).collect();
        self.index().find(request, &hosts)
    }

    /// True if the index of a search need not be made any more.
    pub(crate) fn has_index(&self) -> bool {
        self.index.get().is_some()
    }

    /// Index for searches.
    pub(crate) fn index(&self) -> &find::Index {
        self.index.get_or_init(|| {
            let hosts: Vec<find::Host<'_>> =
                self.hosts.iter().map(|row| devices::searched(row, self.at.boot)).collect();
            find::Index::new(&hosts)
        })
    }

    /// Number of the publication that last added or removed a host.
    #[must_use]
    pub const fn layout(&self) -> u64 {
        self.layout
    }

    /// True if this publication is this old, so that nothing renews it any more.
    #[must_use]
    pub fn is_abandoned(&self, now: BootTime) -> bool {
        now.since(self.at.boot) > super::ABANDONED
    }

    /// Time until it is abandoned, unless it is renewed.
    #[must_use]
    pub fn time_left(&self, now: BootTime) -> Duration {
        (super::ABANDONED + Duration::from_millis(1)).saturating_sub(now.since(self.at.boot))
    }

    /// The object with everything, and true if it is compressed.
    #[must_use]
    pub fn everything(&self, audience: Audience, gzip: bool) -> (Bytes, bool) {
        if !gzip {
            return (self.part(Part::Everything, audience, Form::Plain).clone(), false);
        }
        let file = of(&self.parts, audience).gzip.get_or_init(|| {
            let plain = self.render(Part::Everything, audience, Form::Plain);
            gzip::file(plain, self.part(Part::Everything, audience, Form::Packed))
        });
        (file.clone(), true)
    }

    /// True if the object with everything need not be rendered any more.
    pub(crate) fn has_everything(&self, audience: Audience, gzip: bool) -> bool {
        let parts = of(&self.parts, audience);
        if gzip { parts.gzip.get().is_some() } else { self.has(Part::Everything, audience, Form::Plain) }
    }

    /// True if an event for these rows, or for all, need not be rendered any more: the one with the whole state, or that with
    /// changes.
    pub(crate) fn has_event(
        &self,
        rows: Option<&[&Arc<HostRow>]>,
        is_whole: bool,
        audience: Audience,
        form: Form,
    ) -> bool {
        let mut rows_of = rows.unwrap_or_default().iter();
        match (rows, is_whole) {
            (None, true) => self.has(Part::Everything, audience, form),
            (None, false) => self.has(Part::Changes, audience, form),
            (Some(_), true) => {
                self.has(Part::Brief, audience, form) && rows_of.all(|row| row.has_replaced(audience, form))
            }
            (Some(_), false) => {
                let mut changed = rows_of.filter(|row| row.changed() == self.sequence);
                self.has(Part::BriefChanges, audience, form) && changed.all(|row| row.has_changes(audience, form))
            }
        }
    }

    /// The event with everything, in parts. The changes of the next publication are then in demand.
    #[must_use]
    pub fn fleet_event(&self, audience: Audience, form: Form) -> [Bytes; 3] {
        self.note(Part::Changes, audience, form);
        [form.encode(FLEET), self.part(Part::Everything, audience, form).clone(), form.encode(END)]
    }

    /// The event with everything but GPUs, and one that adds whole rows, in parts. The changes of the next publication are then
    /// in demand.
    #[must_use]
    pub fn fleet_event_of(&self, rows: &[&Arc<HostRow>], audience: Audience, form: Form) -> [Bytes; 3] {
        self.note(Part::BriefChanges, audience, form);
        self.note(Part::Tail, Audience::Read, form);
        rows.iter().for_each(|row| row.note(audience, form, self.at.boot));
        let mut end = END.to_vec();
        self.begin(&mut end);
        let mut added = form.encode(&end).to_vec();
        for (at, row) in rows.iter().enumerate() {
            if at > 0 {
                added.extend_from_slice(comma(form));
            }
            added.extend_from_slice(row.replaced(audience, form));
        }
        added.extend_from_slice(&form.encode(b"],\"removed\":[]}\n\n"));
        [form.encode(FLEET), self.part(Part::Brief, audience, form).clone(), added.into()]
    }

    /// The event with all changes; none if there are none.
    #[must_use]
    pub fn changes_event(&self, audience: Audience, form: Form) -> Option<Bytes> {
        self.has_changes().then(|| self.part(Part::Changes, audience, form).clone())
    }

    /// The event with all changes but those of GPUs, and with all changes of these rows; none if there are none.
    #[must_use]
    pub fn changes_event_of(&self, rows: &[&Arc<HostRow>], audience: Audience, form: Form) -> Option<Bytes> {
        if !self.has_changes() {
            return None;
        }
        let shared = self.part(Part::BriefChanges, audience, form);
        let mut event = Vec::with_capacity(shared.len() + 256 * rows.len());
        event.extend_from_slice(shared);
        // The plain text before the first element ends in a bracket.
        let mut is_first = self.render(Part::BriefChanges, audience, Form::Plain).ends_with(b"[");
        for row in rows.iter().filter(|row| row.changed() == self.sequence) {
            let changes = row.changes(audience, form, self.at.boot);
            if changes.is_empty() {
                continue;
            }
            if !std::mem::replace(&mut is_first, false) {
                event.extend_from_slice(comma(form));
            }
            event.extend_from_slice(changes);
        }
        event.extend_from_slice(self.part(Part::Tail, Audience::Read, form));
        (!is_first || self.has_shared_changes()).then(|| event.into())
    }

    /// An event without changes.
    #[must_use]
    pub fn empty_event(&self, form: Form) -> Bytes {
        let mut event = Vec::new();
        self.begin(&mut event);
        event.extend_from_slice(b"],\"removed\":[]}\n\n");
        form.encode(&event)
    }

    fn has_shared_changes(&self) -> bool {
        self.has_new_totals || self.has_new_inputs || !self.removed.is_empty()
    }

    fn has_changes(&self) -> bool {
        self.has_shared_changes() || self.changed_rows().next().is_some()
    }
}

impl Published {
    /// A shared part, which is from now on in demand.
    fn part(&self, part: Part, audience: Audience, form: Form) -> &Bytes {
        self.note(part, audience, form);
        self.render(part, audience, form)
    }

    fn note(&self, part: Part, audience: Audience, form: Form) {
        self.demand.note(part.place(audience, form), self.at.boot);
    }

    /// True if a shared part need not be rendered any more.
    fn has(&self, part: Part, audience: Audience, form: Form) -> bool {
        of(&self.parts, audience).shared.get(part as usize).is_some_and(|piece| piece.has(form))
    }

    fn render(&self, part: Part, audience: Audience, form: Form) -> &Bytes {
        let [everything, brief, changes, brief_changes, tail] = &of(&self.parts, audience).shared;
        match part {
            Part::Everything => everything.get(form, || self.object(|row| row.whole(audience))),
            Part::Brief => brief.get(form, || self.object(HostRow::brief)),
            Part::Changes => changes.get(form, || {
                let mut event = self.changes_begin(|row| row.render_changes(audience, Form::Plain).clone());
                self.end(&mut event);
                event
            }),
            Part::BriefChanges => {
                brief_changes.get(form, || self.changes_begin(|row| row.written_changes(Cells::Left).into()))
            }
            Part::Tail => tail.get(form, || {
                let mut event = Vec::new();
                self.end(&mut event);
                event
            }),
        }
    }

    /// The object with everything, with these fields of each row.
    fn object<'a>(&'a self, fields: impl Fn(&'a HostRow) -> &'a Bytes) -> Vec<u8> {
        let mut text = Vec::with_capacity(256 + self.hosts.iter().map(|row| fields(row).len() + 32).sum::<usize>());
        // Writing to memory does not fail.
        let _ = write!(text, "{{\"schema\":1,\"at\":{},\"hosts\":[", self.at.unix_ms);
        for (at, row) in self.hosts.iter().enumerate() {
            text.extend_from_slice(if at > 0 { b",{" } else { b"{" });
            text.extend_from_slice(fields(row));
            let _ = match row.read {
                Some(read) => write!(text, ",\"age_ms\":{}}}", self.at.boot.since(read.boot).as_millis()),
                None => write!(text, ",\"age_ms\":null}}"),
            };
        }
        text.extend_from_slice(b"],\"totals\":");
        let _ = serde_json::to_writer(&mut text, &self.totals);
        json::inputs(&mut text, &self.inputs);
        text.push(b'}');
        text
    }

    /// The begin of the event with these changes.
    fn changes_begin(&self, changes: impl Fn(&HostRow) -> Bytes) -> Vec<u8> {
        let mut event = Vec::new();
        self.begin(&mut event);
        for changes in self.changed_rows().map(|row| changes(row)).filter(|changes| !changes.is_empty()) {
            if !event.ends_with(b"[") {
                event.push(b',');
            }
            event.extend_from_slice(&changes);
        }
        event
    }

    fn begin(&self, event: &mut Vec<u8>) {
        let _ = write!(event, "event: hosts\ndata: {{\"at\":{},\"hosts\":[", self.at.unix_ms);
    }

    fn end(&self, event: &mut Vec<u8>) {
        event.extend_from_slice(b"],\"removed\":");
        let _ = serde_json::to_writer(&mut *event, &self.removed);
        if self.has_new_totals {
            event.extend_from_slice(b",\"totals\":");
            let _ = serde_json::to_writer(&mut *event, &self.totals);
        }
        if self.has_new_inputs {
            json::inputs(event, &self.inputs);
        }
        event.extend_from_slice(b"}\n\n");
    }
}

/// A comma, encoded.
fn comma(form: Form) -> &'static [u8] {
    static PACKED: OnceLock<Bytes> = OnceLock::new();
    match form {
        Form::Plain => b",",
        Form::Packed => PACKED.get_or_init(|| form.encode(b",")),
    }
}

/// Publishes the fleet.
#[derive(Debug)]
pub struct Publisher(watch::Sender<Arc<Published>>);

impl Publisher {
    /// A publisher of an empty fleet, and a receiver of what it publishes.
    #[must_use]
    pub fn new(now: Stamp) -> (Self, watch::Receiver<Arc<Published>>) {
        let (sender, receiver) = watch::channel(Arc::new(Published::empty(now)));
        (Self(sender), receiver)
    }

    /// Renders and publishes the fleet as it is now.
    pub fn publish(&self, fleet: &mut Fleet, now: Stamp) {
        let before = Arc::clone(&self.0.borrow());
        drop(self.0.send_replace(Arc::new(before.next(fleet, now))));
    }
}
