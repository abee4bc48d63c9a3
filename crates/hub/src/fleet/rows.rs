//! A host as it is published, with its rendered parts.

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use telemetry::{BootTime, find::Device};

use super::{
    devices,
    json::{self, Cells},
    pieces::{Audience, Demand, Form, Piece, exact, of},
    row::Host,
};

/// Time for which changes stay in demand after their last request, in milliseconds: open streams request them every
/// second.
pub(super) const KEEP_CHANGES_MS: u64 = 3_000;

/// A host as published, with its rendered parts.
#[derive(Debug)]
pub struct HostRow {
    host: Arc<Host>,
    /// The host in the publication before the one in which it changed; none if it was new.
    before: Option<Arc<Host>>,
    changed: u64,
    /// Fields of the whole row, without braces.
    whole: [OnceLock<Bytes>; 2],
    brief: OnceLock<Bytes>,
    /// The whole row and its changes as elements of a `hosts` event.
    replaced: [Piece; 2],
    changes: [Piece; 2],
    /// Its GPUs and MIG instances, for a search.
    devices: OnceLock<Box<[Device]>>,
    /// Requests of its changes, by audience and form.
    demand: Arc<Demand<4>>,
}

impl Deref for HostRow {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

impl HostRow {
    pub(super) fn new(host: Host, before: Option<&Self>, sequence: u64) -> Self {
        Self {
            host: Arc::new(host),
            before: before.map(|before| Arc::clone(&before.host)),
            changed: sequence,
            whole: Default::default(),
            brief: OnceLock::new(),
            replaced: Default::default(),
            changes: Default::default(),
            devices: OnceLock::new(),
            demand: before.map(|before| Arc::clone(&before.demand)).unwrap_or_default(),
        }
    }

    /// Number of the publication in which it last changed.
    #[must_use]
    pub const fn changed(&self) -> u64 {
        self.changed
    }

    /// Its GPUs and MIG instances, for a search.
    pub fn devices(&self) -> &[Device] {
        self.devices.get_or_init(|| devices::of(&self.host))
    }

    /// Fields of the whole row, without braces.
    pub(super) fn whole(&self, audience: Audience) -> &Bytes {
        let [read, summary] = &self.whole;
        let cell = if audience == Audience::Read { read } else { summary };
        cell.get_or_init(|| fields(&self.host, audience.cells()))
    }

    pub(super) fn brief(&self) -> &Bytes {
        self.brief.get_or_init(|| fields(&self.host, Cells::Left))
    }

    /// The whole row, as an element of a `hosts` event that replaces what a client has.
    #[must_use]
    pub fn replaced(&self, audience: Audience, form: Form) -> &Bytes {
        of(&self.replaced, audience).get(form, || replacement(self.whole(audience)))
    }

    /// True if the whole row need not be rendered any more.
    pub(super) fn has_replaced(&self, audience: Audience, form: Form) -> bool {
        of(&self.replaced, audience).has(form)
    }

    /// True if its changes need not be rendered any more.
    pub(super) fn has_changes(&self, audience: Audience, form: Form) -> bool {
        of(&self.changes, audience).has(form)
    }

    /// Notes that its next changes are read, too.
    pub(super) fn note(&self, audience: Audience, form: Form, now: BootTime) {
        self.demand.note(audience as usize * 2 + form as usize, now);
    }

    /// Its changes since the publication before, as an element of a `hosts` event; empty if there are none for this
    /// audience.
    #[must_use]
    pub fn changes(&self, audience: Audience, form: Form, now: BootTime) -> &Bytes {
        self.note(audience, form, now);
        self.render_changes(audience, form)
    }

    pub(super) fn render_changes(&self, audience: Audience, form: Form) -> &Bytes {
        static NOTHING: Bytes = Bytes::new();
        let piece = of(&self.changes, audience);
        let render = || self.written_changes(audience.cells());
        if piece.get(Form::Plain, render).is_empty() {
            return &NOTHING;
        }
        piece.get(form, Vec::new)
    }

    pub(super) fn written_changes(&self, cells: Cells) -> Vec<u8> {
        let mut text = Vec::new();
        match &self.before {
            Some(before) => json::changed(&mut text, &self.host, before, cells),
            None if cells == Cells::Left => text = replacement(self.brief()),
            None => json::whole_element(&mut text, &self.host, cells),
        }
        text
    }

    /// Renders changes that somebody reads.
    pub(super) fn render_ahead(&self, now: BootTime) {
        for audience in Audience::ALL {
            for form in [Form::Plain, Form::Packed] {
                if self.demand.is_recent(audience as usize * 2 + form as usize, now, KEEP_CHANGES_MS) {
                    self.render_changes(audience, form);
                }
            }
        }
    }
}

fn fields(host: &Host, cells: Cells) -> Bytes {
    let mut text = Vec::new();
    json::whole(&mut text, host, cells);
    exact(text)
}

fn replacement(fields: &[u8]) -> Vec<u8> {
    [b"{", fields, b",\"whole\":true}"].concat()
}
