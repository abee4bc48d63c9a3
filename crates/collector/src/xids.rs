//! Xid errors: heard by a thread of their own, since waiting for them is what it does.
//!
//! Nothing that came before it listened is heard, so since when it listens is told with them. Its wait is not noted on
//! the board: it is no call that hangs.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use telemetry::{Absence, Reading, Stamp, sample::XidSample};

use crate::{
    board::Board,
    callers::Presence,
    lock::lock,
    nvml::{Code, EventSet, Library},
    pulse::Pulse,
};

/// How long one wait takes at most: after it the thread looks whether it is time to leave, or to listen anew.
const WAIT_MS: u32 = 500;
/// After an error it waits this long; a lost GPU makes the wait fail at once, again and again.
const BACK_OFF: Duration = Duration::from_secs(5);
/// Errors kept between two frames; a GPU in trouble may send thousands.
const MOST_KEPT: usize = 1000;

#[derive(Debug, Default)]
struct State {
    heard: Vec<XidSample>,
    since: BTreeMap<u32, Reading<Stamp>>,
}

/// What was heard.
#[derive(Debug, Default)]
pub(crate) struct Xids(Mutex<State>);

impl Xids {
    /// Starts to listen to all GPUs that are counted.
    pub(crate) fn start(shared: &Arc<Self>, library: Library, pulse: &Arc<Pulse>, board: &Board, presence: Presence) {
        let (xids, pulse, board) = (Arc::clone(shared), Arc::clone(pulse), *board);
        let work = move || {
            let desk = board.desk(None, None);
            while !pulse.is_leaving() {
                let outcome = EventSet::new(library, &desk).and_then(|set| xids.listen(&set, &pulse));
                if let Err(code) = outcome {
                    xids.fail(&pulse, code);
                    if !pulse.sleep(BACK_OFF) {
                        break;
                    }
                }
            }
            drop(presence);
        };
        if let Err(error) = thread::Builder::new().name("xids".into()).spawn(work) {
            tracing::warn!(%error, "cannot start a thread to listen for Xid errors");
        }
    }

    /// Since when a GPU is listened to.
    pub(crate) fn since(&self, gpu: u32) -> Reading<Stamp> {
        lock(&self.0).since.get(&gpu).copied().unwrap_or(Err(Absence::Timeout))
    }

    /// What was heard since the last time.
    pub(crate) fn take(&self) -> Vec<XidSample> {
        std::mem::take(&mut lock(&self.0).heard)
    }

    /// Listens until it is time to leave or the driver numbers its GPUs anew.
    fn listen(&self, set: &EventSet<'_>, pulse: &Pulse) -> Result<(), Code> {
        let numbering = pulse.numbering();
        let gpus = 0..u32::try_from(pulse.counted()).unwrap_or(u32::MAX);
        let since: BTreeMap<u32, Reading<Stamp>> = gpus.map(|gpu| (gpu, set.listen_to(gpu))).collect();
        let any = since.values().any(Result::is_ok);
        lock(&self.0).since = since;
        while pulse.numbering() == numbering {
            if !any {
                // Nothing to wait for but another numbering.
                if !pulse.sleep(BACK_OFF) {
                    return Ok(());
                }
                continue;
            }
            if let Some(xid) = set.wait(WAIT_MS)? {
                tracing::warn!(gpu = xid.gpu, xid = xid.code, "Xid error");
                let mut state = lock(&self.0);
                if state.heard.len() < MOST_KEPT {
                    state.heard.push(xid);
                }
            }
            if pulse.is_leaving() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn fail(&self, pulse: &Pulse, code: Code) {
        tracing::debug!(code = code.0, "listening for Xid errors failed");
        let gpus = 0..u32::try_from(pulse.counted()).unwrap_or(u32::MAX);
        lock(&self.0).since = gpus.map(|gpu| (gpu, Err(code.absence()))).collect();
    }
}
