//! Xid errors: heard by a thread for each GPU, since waiting for them is what it does.
//!
//! Nothing that came before it listened is heard, so since when it listens is told with them. A GPU's lane registers for
//! them, at each handle that it takes up and again where that failed: so these calls stand on the board as its others
//! do, no GPU that hangs keeps another from being listened to, and nobody asks a GPU whose lane is stuck. The thread only
//! waits, which is no call that hangs, and asks nothing more about an error before it is kept.

use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use telemetry::{Absence, Reading, Stamp, sample::XidSample};

use crate::{
    board::{Board, Desk},
    callers::Presence,
    lock::{lock, wait_until},
    nvml::{Code, Device, EventSet, Heard, Library},
    pulse::Pulse,
};

/// How long one wait takes at most: after it the thread looks whether it is time to leave, or to listen anew.
const WAIT: Duration = Duration::from_millis(500);
/// After a failure this long is waited before it is tried again.
const BACK_OFF: Duration = Duration::from_secs(3);
/// Errors kept each by itself between two frames; a GPU in trouble may send thousands.
const MOST_KEPT: usize = 1000;

/// One GPU's registration.
#[derive(Debug)]
struct Ear {
    /// Since when it is listened to, or why it is not.
    since: Reading<Stamp>,
    /// When that was found.
    tried: Instant,
    /// What the thread is to wait for from now on.
    fresh: Option<EventSet>,
}

#[derive(Debug, Default)]
struct State {
    heard: Vec<XidSample>,
    ears: BTreeMap<u32, Ear>,
}

/// What was heard.
#[derive(Debug, Default)]
pub(crate) struct Xids {
    state: Mutex<State>,
    registered: Condvar,
}

impl Xids {
    /// Starts the thread that waits for a GPU's errors, once its lane has registered for them.
    pub(crate) fn start(
        shared: &Arc<Self>,
        gpu: u32,
        with: Library,
        pulse: &Arc<Pulse>,
        board: &Board,
        held: Presence,
    ) {
        let (xids, pulse, board) = (Arc::clone(shared), Arc::clone(pulse), *board);
        let work = move || {
            xids.hear(gpu, with, &pulse, &board.desk(None, Some(gpu)));
            drop(held);
        };
        if let Err(error) = thread::Builder::new().name(format!("xids {gpu}")).spawn(work) {
            tracing::warn!(gpu, %error, "cannot start a thread to listen for Xid errors");
        }
    }

    /// Registers for a GPU's errors, if its handle is a new one or it is time to try again; in its lane.
    pub(crate) fn listen(&self, gpu: u32, device: &Device<'_>, uuid: &Reading<String>, is_new: bool) {
        if !is_new && !self.is_due(gpu) {
            return;
        }
        let outcome = EventSet::listening(device, gpu, uuid.clone());
        let (since, fresh) = match outcome {
            Ok(set) => (Ok(Stamp::now()), Some(set)),
            Err(code) => (Err(code.absence()), None),
        };
        let unused = {
            let mut state = lock(&self.state);
            let before = state.ears.insert(gpu, Ear { since, tried: Instant::now(), fresh });
            before.and_then(|before| before.fresh)
        };
        self.registered.notify_all();
        if let Some(unused) = unused {
            unused.free(device.library(), device.desk());
        }
    }

    /// Nothing is known of a GPU whose handle is refused, not even that it would still be heard.
    pub(crate) fn lose(&self, gpu: u32, why: Absence) {
        let ear = Ear { since: Err(why), tried: Instant::now(), fresh: None };
        lock(&self.state).ears.entry(gpu).and_modify(|known| known.since = Err(why)).or_insert(ear);
    }

    /// Since when a GPU is listened to.
    pub(crate) fn since(&self, gpu: u32) -> Reading<Stamp> {
        lock(&self.state).ears.get(&gpu).map_or(Err(Absence::Timeout), |ear| ear.since)
    }

    /// What was heard since the last time.
    pub(crate) fn take(&self) -> Vec<XidSample> {
        std::mem::take(&mut lock(&self.state).heard)
    }

    /// What a GPU does not have is not asked for again under the same handle.
    fn is_due(&self, gpu: u32) -> bool {
        lock(&self.state).ears.get(&gpu).is_none_or(|ear| match ear.since {
            Ok(_) | Err(Absence::NotSupported) => false,
            Err(_) => ear.tried.elapsed() >= BACK_OFF,
        })
    }

    /// Waits for what its lane registered, until it is time to leave.
    fn hear(&self, gpu: u32, library: Library, pulse: &Pulse, desk: &Desk) {
        let mut set: Option<EventSet> = None;
        // What the old set told while the new one was registered already, and will tell as well.
        let mut echoes: Vec<Heard> = Vec::new();
        while !pulse.is_leaving() {
            let wait = if set.is_some() { Duration::ZERO } else { WAIT };
            if let Some(fresh) = self.fresh(gpu, Instant::now() + wait)
                && let Some(old) = set.replace(fresh)
            {
                old.free(library, desk);
            }
            match set.as_ref().map(|set| set.wait(library, desk, WAIT)) {
                Some(Ok(Some(heard))) => {
                    if let Some(echo) = echoes.iter().position(|echo| *echo == heard) {
                        echoes.swap_remove(echo);
                        continue;
                    }
                    if self.is_registered_anew(gpu) {
                        echoes.push(heard.clone());
                    }
                    self.keep(heard);
                }
                Some(Ok(None)) => echoes.clear(),
                None => {}
                Some(Err(code)) => {
                    self.fail(gpu, code);
                    if let Some(set) = set.take() {
                        set.free(library, desk);
                    }
                }
            }
        }
        if let Some(set) = set {
            set.free(library, desk);
        }
    }

    /// What the lane registered since this was asked last, for which it waits until the deadline.
    fn fresh(&self, gpu: u32, deadline: Instant) -> Option<EventSet> {
        let mut state = lock(&self.state);
        loop {
            let fresh = state.ears.get_mut(&gpu).and_then(|ear| ear.fresh.take());
            if fresh.is_some() || Instant::now() >= deadline {
                return fresh;
            }
            (state, _) = wait_until(&self.registered, state, deadline);
        }
    }

    fn is_registered_anew(&self, gpu: u32) -> bool {
        lock(&self.state).ears.get(&gpu).is_some_and(|ear| ear.fresh.is_some())
    }

    /// Keeps an error; past [`MOST_KEPT`], one like another is counted with that.
    fn keep(&self, heard: Heard) {
        let Heard { gpu, uuid, code, gpu_instance, compute_instance } = heard;
        tracing::warn!(gpu, xid = code, "Xid error");
        let xid = XidSample { gpu, uuid, code, at: Stamp::now(), times: 1, gpu_instance, compute_instance };
        let state = &mut *lock(&self.state);
        let alike = |kept: &&mut XidSample| {
            (kept.gpu, kept.code, kept.gpu_instance, kept.compute_instance)
                == (xid.gpu, xid.code, xid.gpu_instance, xid.compute_instance)
        };
        let number = state.heard.len();
        match state.heard.iter_mut().rev().filter(|_| number >= MOST_KEPT).find(alike) {
            Some(kept) => {
                kept.times = kept.times.saturating_add(1);
                kept.at = xid.at;
            }
            None if number < 2 * MOST_KEPT => state.heard.push(xid),
            None => {}
        }
    }

    /// Waiting failed, as it does where a GPU is lost: its lane registers anew after a while.
    fn fail(&self, gpu: u32, code: Code) {
        tracing::debug!(gpu, code = code.0, "listening for Xid errors failed");
        if let Some(ear) = lock(&self.state).ears.get_mut(&gpu)
            && ear.fresh.is_none()
        {
            ear.since = Err(code.absence());
            ear.tried = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(gpu: u32, code: u64) -> Heard {
        Heard { gpu, uuid: Ok("A".into()), code, gpu_instance: None, compute_instance: None }
    }

    #[test]
    fn a_flood_is_counted_and_not_kept_one_by_one() {
        let xids = Xids::default();
        for _ in 0..MOST_KEPT + 500 {
            xids.keep(heard(0, 31));
        }
        xids.keep(heard(0, 79));
        let taken = xids.take();
        assert_eq!(taken.len(), MOST_KEPT + 1);
        assert_eq!(taken.iter().map(|xid| xid.times).sum::<u64>(), 1501, "none is lost");
        assert_eq!(taken.last().map(|xid| (xid.code, xid.times)), Some((79, 1)), "another kind has room yet");
        assert!(xids.take().is_empty());
        for code in 0..10_000 {
            xids.keep(heard(0, code));
        }
        assert_eq!(xids.take().len(), 2 * MOST_KEPT, "nor are numbers without end");
    }

    #[test]
    fn a_refused_handle_is_not_listened_to() {
        let xids = Xids::default();
        assert_eq!(xids.since(0), Err(Absence::Timeout));
        xids.lose(0, Absence::Lost);
        assert_eq!((xids.since(0), xids.is_due(0), xids.is_due(1)), (Err(Absence::Lost), false, true));
    }
}
