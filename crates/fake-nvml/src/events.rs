//! Event sets: who waits for the Xids of which GPU, and what was told already.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nvml_wrapper_sys::bindings::nvmlEventSet_st;

use crate::code::{Done, INVALID_ARGUMENT, TIMEOUT};
use crate::engine::{Playing, engine};
use crate::pointer::Argument;

/// How often who waits looks by himself whether the scenario has changed: mostly another call has found that before. A
/// driver's wait costs nothing, so this one may cost next to nothing.
const LOOK: Duration = Duration::from_millis(250);

/// An event set as a caller hands it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub(crate) struct EventSet(*mut nvmlEventSet_st);

impl Argument for EventSet {
    fn is_missing(&self) -> bool {
        self.0.is_null()
    }
}

/// A Xid that has happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Happened {
    pub(crate) gpu: usize,
    pub(crate) code: u64,
    due: Instant,
}

#[derive(Default)]
struct Registrations {
    /// A GPU, and since when it is listened to: nothing before that is told.
    gpus: Vec<(usize, Instant)>,
    told: Vec<Happened>,
}

impl Registrations {
    /// The earliest event that was not told. It may be due later.
    fn next(&self, playing: &Playing) -> Option<Happened> {
        let happened = self.gpus.iter().flat_map(|&(gpu, since)| {
            let xids = playing.scenario.gpu.get(gpu).and_then(|gpu| gpu.xids.as_deref()).unwrap_or_default();
            let dues = playing.due.get(gpu).map(Vec::as_slice).unwrap_or_default();
            let events = xids.iter().zip(dues).map(move |(xid, &due)| Happened { gpu, code: xid.code, due });
            events.filter(move |event| event.due >= since)
        });
        happened.filter(|event| !self.told.contains(event)).min_by_key(|event| event.due)
    }
}

/// The sets that were created and not freed, by their handles' addresses.
#[derive(Default)]
pub(crate) struct EventSets {
    known: Mutex<HashMap<usize, Arc<Mutex<Registrations>>>>,
    created: Mutex<usize>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl EventSets {
    pub(crate) fn create(&self) -> EventSet {
        let mut created = lock(&self.created);
        *created += 1;
        let address = 0x4556_0000_0000 + *created * 16;
        lock(&self.known).insert(address, Arc::default());
        EventSet(std::ptr::without_provenance_mut(address))
    }

    pub(crate) fn free(&self, set: EventSet) -> Done {
        lock(&self.known).remove(&set.0.addr()).map(drop).ok_or(INVALID_ARGUMENT)
    }

    fn registrations(&self, set: EventSet) -> Result<Arc<Mutex<Registrations>>, u32> {
        lock(&self.known).get(&set.0.addr()).map(Arc::clone).ok_or(INVALID_ARGUMENT)
    }

    pub(crate) fn register(&self, set: EventSet, gpu: usize) -> Done {
        let registrations = self.registrations(set)?;
        let mut registrations = lock(&registrations);
        if !registrations.gpus.iter().any(|(known, _)| *known == gpu) {
            registrations.gpus.push((gpu, Instant::now()));
        }
        Ok(())
    }

    /// Waits for an event, without holding anything while it sleeps, so that a scenario read meanwhile is heard of.
    pub(crate) fn wait(&self, set: EventSet, timeout: Duration) -> Result<Happened, u32> {
        let registrations = self.registrations(set)?;
        let started = Instant::now();
        loop {
            let version = engine().version();
            let next = engine().playing().and_then(|playing| lock(&registrations).next(&playing));
            let now = Instant::now();
            if let Some(event) = next.filter(|event| event.due <= now) {
                lock(&registrations).told.push(event);
                return Ok(event);
            }
            let left = timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Err(TIMEOUT);
            }
            let due = next.map_or(LOOK, |event| event.due - now);
            engine().wait_for_another(version, left.min(due).min(LOOK));
            engine().look();
        }
    }
}
