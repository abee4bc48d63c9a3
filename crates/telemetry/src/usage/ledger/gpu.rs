//! One GPU: how long it has existed, and who had it.

use std::sync::Arc;

use super::{
    Kept,
    layout::{Layout, Part},
    run::{Pasts, Run},
    seen::Seen,
    session::{self, Open},
    slots::{self, Label, Slots},
    split::Split,
    work::{self, Readings},
};
use crate::{
    snapshot::{Gpu, GpuState},
    usage::{Frontier, Gap, Occupant, Session},
};

/// Time that was not observed is a gap from here on, in milliseconds, and below part of the slots.
const GAP_MS: u64 = 300_000;

/// Ledger of one GPU. Its times are of the boot clock, in milliseconds.
#[derive(Debug)]
pub(super) struct GpuLedger {
    pub(super) key: Arc<str>,
    index: u32,
    model: Option<Arc<str>>,
    /// Begin of what is in slots of this run: of its existence, or the end of a gap.
    begins: u64,
    /// End of its existence so far.
    until: u64,
    /// The newest reading.
    newest: Option<u64>,
    /// The reading that the next interval begins with.
    last: Option<Readings>,
    pasts: Pasts,
    pub(super) slots: Slots,
    seen: Option<Seen>,
    layout: Layout,
    pub(super) sessions: Vec<Open>,
}

impl GpuLedger {
    /// GPU that exists from a moment on.
    pub(super) fn new(key: Arc<str>, index: u32, model: Option<Arc<str>>, begins: u64) -> Self {
        Self {
            key,
            index,
            model,
            begins,
            until: begins,
            newest: None,
            last: None,
            pasts: Pasts::default(),
            slots: Slots::default(),
            seen: None,
            layout: Layout::default(),
            sessions: Vec::new(),
        }
    }

    /// Adds a frontier of an earlier run of the agent.
    pub(super) fn restore(&mut self, frontier: &Frontier) {
        self.pasts.restore(frontier);
        (self.index, self.model) = (frontier.index, frontier.model.clone());
    }

    /// Exists from a moment on, as far as this run of the agent knows.
    pub(super) const fn begin_at(&mut self, boot: u64) {
        (self.begins, self.until) = (boot, boot);
    }

    /// Begins a run of the wall clock.
    pub(super) fn begin_run(&mut self, before: Option<Run>, now: Run, kept: &mut Kept) {
        if let Some(before) = before {
            self.pasts.add(before, before.wall(self.until));
        }
        self.end_sessions(kept);
        self.begins = self.until;
        let last_ms = now.wall(self.until);
        if let Some((run, first_ms)) = self.pasts.begin(last_ms) {
            kept.gaps.push(self.gap(run, first_ms, last_ms));
        }
    }

    fn gap(&self, run: u64, first_ms: u64, last_ms: u64) -> Gap {
        Gap { run, gpu: Arc::clone(&self.key), index: self.index, model: self.model.clone(), first_ms, last_ms }
    }

    /// Takes in a snapshot that lists it.
    pub(super) fn see(&mut self, gpu: &Gpu, now: u64, run: Run, kept: &mut Kept) {
        self.index = gpu.index;
        if let Ok(name) = gpu.identity.name.as_deref()
            && self.model.as_deref() != Some(name)
        {
            self.model = Some(kept.people.text(name));
        }
        match gpu.state {
            GpuState::Ok if !gpu.never_read => {
                let at = gpu.read_at.boot.0;
                if self.newest.is_none_or(|newest| at > newest) {
                    self.read(gpu, at, run, kept);
                }
                // The next interval is too long already.
                if self.last.as_ref().is_some_and(|last| now.saturating_sub(last.at) > kept.limits.interval) {
                    self.extend(now, run, kept);
                }
            }
            // The next reading may come in time.
            GpuState::Stale | GpuState::Ok => self.extend(now, run, kept),
            GpuState::Lost | GpuState::Asleep | GpuState::Denied | GpuState::Error => self.miss(now, run, kept),
        }
    }

    /// Exists, and is not read.
    pub(super) fn miss(&mut self, now: u64, run: Run, kept: &mut Kept) {
        self.last = None;
        (self.seen, self.layout) = (None, Layout::default());
        self.extend(now, run, kept);
    }

    fn extend(&mut self, to: u64, run: Run, kept: &mut Kept) {
        let from = self.until;
        if to <= from {
            return;
        }
        self.until = to;
        let (first_ms, last_ms) = (run.wall(from), run.wall(to));
        if to - from > GAP_MS {
            kept.gaps.push(self.gap(run.id, first_ms, last_ms));
            // No row can be in a gap.
            self.begins = to;
            return;
        }
        let label = Label { gpu: &self.key, index: self.index, model: self.model.as_ref() };
        self.slots.extend(label, run, first_ms, last_ms);
    }

    /// Takes in a new reading.
    fn read(&mut self, gpu: &Gpu, at: u64, run: Run, kept: &mut Kept) {
        self.newest = Some(at);
        self.extend(at, run, kept);
        if !self.seen.as_ref().is_some_and(|seen| seen.is(gpu)) {
            self.layout = Layout::of(gpu, &mut kept.people);
            self.seen = Some(Seen::of(gpu));
            self.touch_sessions(gpu, at, run, kept, true);
        } else {
            self.touch_sessions(gpu, at, run, kept, false);
        }
        let shares_known = self.weigh(gpu);
        let reading = Readings::of(gpu, at);
        if let Some(last) = self.last.replace(reading)
            && at - last.at <= kept.limits.interval
        {
            let from = last.at.max(self.begins);
            let energy_mj = reading.energy_since(&last);
            self.observe(gpu, (from, at), energy_mj, &shares_known, run, kept);
        }
    }

    /// Adds up memory and SM shares of the occupants. Returns for each device whether all shares are known.
    fn weigh(&mut self, gpu: &Gpu) -> Vec<bool> {
        let mut known = vec![true; self.layout.devices.len()];
        for present in self.layout.devices.iter_mut().flat_map(|device| &mut device.occupants) {
            (present.memory_bytes, present.sm_percent) = (0, 0);
        }
        for (process, seat) in gpu.processes.iter().zip(&self.layout.seats) {
            let Some((device, occupant)) = *seat else { continue };
            let present = &mut self.layout.devices[device].occupants[occupant];
            present.memory_bytes = present.memory_bytes.saturating_add(process.gpu_memory_bytes.unwrap_or_default());
            match process.share {
                Ok(share) => present.sm_percent += u64::from(share.sm_percent),
                Err(_) => known[device] = false,
            }
        }
        known
    }

    /// Counts an interval for those who are present at its end.
    fn observe(
        &mut self,
        gpu: &Gpu,
        (from, to): (u64, u64),
        energy_mj: u64,
        shares_known: &[bool],
        run: Run,
        kept: &mut Kept,
    ) {
        let (from_ms, to_ms) = (run.wall(from), run.wall(to));
        let mut energy = Split::new(energy_mj, to_ms.saturating_sub(from_ms));
        for piece in slots::minutes(from_ms, to_ms) {
            let energy_mj = energy.part(piece.1 - piece.0);
            let Some((slot, ms)) = self.slots.open(run, piece) else { continue };
            let mut time = Split::after(&mut self.layout.left, ms * 1000, self.layout.slices);
            let mut energy = Split::new(energy_mj, ms * 1000);
            for (device, shares_known) in self.layout.devices.iter_mut().zip(shares_known) {
                let device_us = time.part(device.slices);
                let worked = work::of_device(gpu, device.instance);
                let busy_us = worked.part_of(device_us, &mut device.work_left);
                let shares: u64 = device.occupants.iter().map(|present| present.sm_percent).sum();
                let by_share = *shares_known && shares > 0;
                let count = device.occupants.len() as u64;
                let mut own = Split::after(&mut device.left, device_us, count);
                let mut busy = busy_us.map(|us| Split::new(us, if by_share { shares } else { count }));
                for present in &mut device.occupants {
                    let gpu_us = own.part(1);
                    let share = if by_share { present.sm_percent } else { 1 };
                    let busy_us = busy.as_mut().map(|busy| busy.part(share));
                    let energy_mj = energy.part(gpu_us);
                    let seconds = ms as f64 / 1000.0;
                    let part = Part { gpu_us, device_us, busy_us, is_idle: worked.is_idle, energy_mj, seconds };
                    let sums = present.sums(&part);
                    present.row = slots::add(slot, device.mig.as_ref(), &present.occupant, present.row, &sums);
                    if let Some(user) = present.user {
                        kept.people.add(user, &sums);
                    }
                    if let Some(open) = present.session.and_then(|at| self.sessions.get_mut(at)) {
                        open.session.sums += sums;
                    }
                }
            }
        }
    }

    /// Continues or begins the sessions of the holders that are present.
    fn touch_sessions(&mut self, gpu: &Gpu, at: u64, run: Run, kept: &mut Kept, changed: bool) {
        let wall = run.wall(at);
        if self.sessions.iter().any(|open| open.is_over(at, kept.limits.absence)) {
            self.end_old_sessions(at, kept);
        }
        let Layout { devices, seats, .. } = &mut self.layout;
        for (number, device) in devices.iter_mut().enumerate() {
            for (place, present) in device.occupants.iter_mut().enumerate() {
                let Occupant::Holder(holder) = &present.occupant else { continue };
                let mig = device.mig.as_ref();
                let known = present.session;
                let known = known.or_else(|| self.sessions.iter().position(|open| open.is_of(mig, holder)));
                let position = known.unwrap_or_else(|| {
                    let key = session::key(&self.key, mig, holder, wall);
                    let open = kept.resume(&key).map(Open::resumed);
                    self.sessions.push(open.unwrap_or_else(|| Open::new(key, gpu.index, device.name.clone())));
                    self.sessions.len() - 1
                });
                let is_linked = present.session.replace(position).is_some();
                let open = &mut self.sessions[position];
                (open.last_boot, open.session.last_ms) = (at, wall);
                if changed || !is_linked {
                    open.see(session::own(gpu, seats, (number, place)), kept.commands);
                    open.session.index = gpu.index;
                }
            }
        }
    }

    /// Ends the sessions whose holders have been absent for too long.
    pub(super) fn end_old_sessions(&mut self, boot: u64, kept: &mut Kept) {
        let absence = kept.limits.absence;
        self.end_sessions_if(kept, |open| open.is_over(boot, absence));
    }

    /// Ends all sessions.
    pub(super) fn end_sessions(&mut self, kept: &mut Kept) {
        self.end_sessions_if(kept, |_| true);
    }

    fn end_sessions_if(&mut self, kept: &mut Kept, is_over: impl Fn(&Open) -> bool) {
        let before = self.sessions.len();
        let over = self.sessions.extract_if(.., |open| is_over(open));
        kept.ended.extend(over.map(|open| Session { open: false, ..open.session }));
        if self.sessions.len() < before {
            self.unlink();
        }
    }

    /// Forgets the positions of sessions, which have changed.
    fn unlink(&mut self) {
        for present in self.layout.devices.iter_mut().flat_map(|device| &mut device.occupants) {
            present.session = None;
        }
    }

    /// Ends its existence.
    pub(super) fn end(&mut self, kept: &mut Kept) {
        self.end_sessions(kept);
        (self.newest, self.last, self.pasts) = (None, None, Pasts::default());
        self.look_again();
    }

    /// Looks at everybody again: names have changed.
    pub(super) fn look_again(&mut self) {
        self.seen = None;
        self.layout = Layout::default();
    }

    /// Ends of what was counted.
    pub(super) fn frontiers(&self, run: Option<Run>) -> impl Iterator<Item = Frontier> {
        let now = run.map(|run| (run.id, run.wall(self.until)));
        let of = |(run, until_ms)| Frontier {
            run,
            gpu: Arc::clone(&self.key),
            index: self.index,
            model: self.model.clone(),
            until_ms,
        };
        self.pasts.after(now.map(|(_, until_ms)| until_ms)).chain(now).map(of)
    }

    /// True of a GPU whose existence ended in the minute of a moment, or later.
    pub(super) fn ended_in_minute_of(&self, boot: u64, run: Run) -> bool {
        slots::minute(run.wall(boot)) <= run.wall(self.until)
    }

    /// Memory that users have on it, by their positions.
    pub(super) fn memory(&self) -> impl Iterator<Item = (usize, u64)> {
        let present = self.layout.devices.iter().flat_map(|device| &device.occupants);
        present.filter_map(|present| Some((present.user?, present.memory_bytes)))
    }
}
