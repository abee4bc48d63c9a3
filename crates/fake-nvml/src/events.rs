//! Event sets: the GPUs registered in each, and the Xid events already delivered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use nvml_wrapper_sys::bindings::nvmlEventSet_st;

use crate::code::{INVALID_ARGUMENT, Outcome, TIMEOUT};
use crate::engine::{Playing, engine};

/// Longest pause between two checks of the scenario file during a wait. Usually another call has noticed a change
/// earlier, and a real driver's wait costs no processor time.
const CHECK_EVERY: Duration = Duration::from_millis(250);

/// Event set passed by a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub(crate) struct EventSet(*mut nvmlEventSet_st);

impl EventSet {
    pub(crate) fn is_null(self) -> bool {
        self.0.is_null()
    }
}

/// An Xid event of the scenario.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct XidEvent {
    pub(crate) gpu: usize,
    pub(crate) code: u64,
    due: Instant,
}

#[derive(Default)]
struct Registrations {
    /// GPUs and the time of their registration: earlier events are not delivered.
    gpus: Vec<(usize, Instant)>,
    delivered: Vec<XidEvent>,
}

impl Registrations {
    /// Earliest event that was not delivered. It may be due in the future.
    fn next(&self, playing: &Playing) -> Option<XidEvent> {
        let all = playing.scenario.gpu.iter().enumerate().flat_map(|(gpu, described)| {
            let dues = playing.due.get(gpu).map(Vec::as_slice).unwrap_or_default();
            let xids = described.xids.as_deref().unwrap_or_default().iter().zip(dues);
            xids.map(move |(xid, &due)| (xid.heard_by.unwrap_or(gpu), XidEvent { gpu, code: xid.code, due }))
        });
        let events = all.filter_map(|(heard_by, event)| {
            let heard = |&(gpu, since): &(usize, Instant)| gpu == heard_by && event.due >= since;
            self.gpus.iter().any(heard).then_some(event)
        });
        events.filter(|event| !self.delivered.contains(event)).min_by_key(|event| event.due)
    }
}

/// Sets that were created and not freed, by the address of their handle.
#[derive(Default)]
pub(crate) struct EventSets {
    known: Mutex<HashMap<usize, Arc<Mutex<Registrations>>>>,
    created: Mutex<usize>,
}

/// The event sets of this process.
pub(crate) fn event_sets() -> &'static EventSets {
    static SETS: OnceLock<EventSets> = OnceLock::new();
    SETS.get_or_init(EventSets::default)
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

    pub(crate) fn free(&self, set: EventSet) -> Outcome {
        lock(&self.known).remove(&set.0.addr()).map(drop).ok_or(INVALID_ARGUMENT)
    }

    fn registrations(&self, set: EventSet) -> Result<Arc<Mutex<Registrations>>, u32> {
        lock(&self.known).get(&set.0.addr()).map(Arc::clone).ok_or(INVALID_ARGUMENT)
    }

    pub(crate) fn register(&self, set: EventSet, gpu: usize) -> Outcome {
        let registrations = self.registrations(set)?;
        let mut registrations = lock(&registrations);
        if !registrations.gpus.iter().any(|(known, _)| *known == gpu) {
            registrations.gpus.push((gpu, Instant::now()));
        }
        Ok(())
    }

    /// Waits for an event. It holds no lock while it sleeps, so that a new scenario takes effect during the wait.
    pub(crate) fn wait(&self, set: EventSet, timeout: Duration) -> Result<XidEvent, u32> {
        let registrations = self.registrations(set)?;
        let started = Instant::now();
        loop {
            let version = engine().version();
            let next = engine().playing().and_then(|playing| lock(&registrations).next(&playing));
            let now = Instant::now();
            if let Some(event) = next.filter(|event| event.due <= now) {
                lock(&registrations).delivered.push(event);
                return Ok(event);
            }
            let left = timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Err(TIMEOUT);
            }
            let due = next.map_or(CHECK_EVERY, |event| event.due - now);
            engine().wait_for_version_after(version, left.min(due).min(CHECK_EVERY));
            engine().reload_if_due();
        }
    }
}
