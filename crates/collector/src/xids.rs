//! Xid errors: one thread per GPU waits for them with an NVML event set.
//!
//! Errors before the registration are not reported, so each GPU's sample says since when they are. The GPU's reader
//! registers, for each new handle and again after a failure: these calls are in its call slot, no GPU that hangs delays
//! another, and nothing is asked of a GPU whose reader hangs. The thread itself only waits, which is no hang, and makes
//! no other call about the GPU before an error is stored.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use telemetry::{Absence, Reading, Stamp, sample::XidSample};

use crate::{
    call_table::{CallSlot, CallTable},
    in_flight::InFlightGuard,
    lock::{lock, wait_until},
    nvml::{Code, Device, EventSet, Library, XidEvent},
    ticker::Ticker,
};

/// Longest wait in NVML; after each the thread checks for shutdown and for a new registration. It cannot be
/// interrupted, so it is shorter than the time that shutdown may take.
const WAIT: Duration = Duration::from_millis(1500);
/// Backoff after a failed registration or wait.
const BACKOFF: Duration = Duration::from_secs(3);
/// Errors stored one by one between two frames; a failing GPU may send thousands.
const MAX_STORED: usize = 1000;

/// Registration for one GPU's errors.
#[derive(Debug)]
struct Subscription {
    /// Time of the registration, or why there is none.
    since: Reading<Stamp>,
    /// Time of the last attempt.
    tried: Instant,
    /// New event set that the thread has not taken over yet.
    new_set: Option<EventSet>,
}

#[derive(Debug, Default)]
struct State {
    errors: Vec<XidSample>,
    subscriptions: BTreeMap<u32, Subscription>,
    /// GPU and UUID of each handle that was registered, or was to be, by its address.
    devices: HashMap<usize, (u32, Reading<String>)>,
}

/// Errors of all GPUs since the last frame, and their subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Xids {
    state: Mutex<State>,
    registered: Condvar,
}

impl Xids {
    /// Starts the thread that waits for a GPU's errors.
    pub(crate) fn start(
        shared: &Arc<Self>,
        gpu: u32,
        with: Library,
        ticker: &Arc<Ticker>,
        calls: &CallTable,
        held: InFlightGuard,
    ) {
        let (xids, ticker, calls) = (Arc::clone(shared), Arc::clone(ticker), *calls);
        let work = move || {
            xids.wait(gpu, with, &ticker, &calls.slot(None, Some(gpu)));
            drop(held);
        };
        if let Err(error) = thread::Builder::new().name(format!("xids {gpu}")).spawn(work) {
            tracing::warn!(gpu, %error, "cannot start a thread for Xid errors");
        }
    }

    /// Registers for a GPU's errors if its handle is new or a retry is due. Called by the GPU's reader.
    pub(crate) fn subscribe(&self, gpu: u32, device: &Device<'_>, uuid: &Reading<String>, is_new: bool) {
        if !is_new && !self.is_due(gpu) {
            return;
        }
        let outcome = EventSet::subscribe(device, gpu, uuid.clone());
        let (since, new_set) = match outcome {
            Ok(set) => (Ok(Stamp::now()), Some(set)),
            Err(code) => (Err(code.absence()), None),
        };
        let unused = {
            let mut state = lock(&self.state);
            state.devices.insert(device.address(), (gpu, uuid.clone()));
            let before = state.subscriptions.insert(gpu, Subscription { since, tried: Instant::now(), new_set });
            before.and_then(|before| before.new_set)
        };
        self.registered.notify_all();
        if let Some(unused) = unused {
            unused.free(device.library(), device.slot());
        }
    }

    /// Marks the subscription as lost: without a handle it is unknown whether errors would still be reported.
    pub(crate) fn mark_lost(&self, gpu: u32, why: Absence) {
        let subscription = Subscription { since: Err(why), tried: Instant::now(), new_set: None };
        lock(&self.state).subscriptions.entry(gpu).and_modify(|known| known.since = Err(why)).or_insert(subscription);
    }

    /// Returns since when a GPU's errors are reported, or why they are not.
    pub(crate) fn since(&self, gpu: u32) -> Reading<Stamp> {
        lock(&self.state).subscriptions.get(&gpu).map_or(Err(Absence::Timeout), |subscription| subscription.since)
    }

    /// Returns and removes the errors since the last call.
    pub(crate) fn take(&self) -> Vec<XidSample> {
        std::mem::take(&mut lock(&self.state).errors)
    }

    /// Returns whether to register now. Not supported is final for a handle.
    fn is_due(&self, gpu: u32) -> bool {
        lock(&self.state).subscriptions.get(&gpu).is_none_or(|subscription| match subscription.since {
            Ok(_) | Err(Absence::NotSupported) => false,
            Err(_) => subscription.tried.elapsed() >= BACKOFF,
        })
    }

    /// Waits for a GPU's errors until shutdown.
    fn wait(&self, gpu: u32, library: Library, ticker: &Ticker, slot: &CallSlot) {
        let mut set: Option<EventSet> = None;
        // Events of the old set after the registration of the new one, which reports them too.
        let mut duplicates: Vec<XidEvent> = Vec::new();
        while !ticker.is_leaving() {
            let wait = if set.is_some() { Duration::ZERO } else { WAIT };
            if let Some(new_set) = self.new_set(gpu, Instant::now() + wait)
                && let Some(old) = set.replace(new_set)
            {
                old.free(library, slot);
            }
            match set.as_ref().map(|set| set.wait(library, slot, WAIT)) {
                Some(Ok(Some((device, event)))) => {
                    let event = self.of_device(device, event);
                    if let Some(duplicate) = duplicates.iter().position(|duplicate| *duplicate == event) {
                        duplicates.swap_remove(duplicate);
                        continue;
                    }
                    if self.has_new_set(gpu) {
                        duplicates.push(event.clone());
                    }
                    self.store(event);
                }
                Some(Ok(None)) => duplicates.clear(),
                None => {}
                Some(Err(code)) => {
                    self.fail(gpu, code);
                    if let Some(set) = set.take() {
                        set.free(library, slot);
                    }
                }
            }
        }
        if let Some(set) = set {
            set.free(library, slot);
        }
    }

    /// Returns the event with the GPU that it names. A handle that nobody registered is of the set's own GPU: the
    /// library may have given it another.
    fn of_device(&self, device: usize, event: XidEvent) -> XidEvent {
        match lock(&self.state).devices.get(&device) {
            Some((gpu, uuid)) if *gpu != event.gpu => XidEvent { gpu: *gpu, uuid: uuid.clone(), ..event },
            _ => event,
        }
    }

    /// Takes the reader's new event set, waiting for one until the deadline.
    fn new_set(&self, gpu: u32, deadline: Instant) -> Option<EventSet> {
        let mut state = lock(&self.state);
        loop {
            let new_set = state.subscriptions.get_mut(&gpu).and_then(|subscription| subscription.new_set.take());
            if new_set.is_some() || Instant::now() >= deadline {
                return new_set;
            }
            (state, _) = wait_until(&self.registered, state, deadline);
        }
    }

    fn has_new_set(&self, gpu: u32) -> bool {
        lock(&self.state).subscriptions.get(&gpu).is_some_and(|subscription| subscription.new_set.is_some())
    }

    /// Stores an error. Past [`MAX_STORED`] an error equal to a stored one only increments its count.
    fn store(&self, event: XidEvent) {
        let XidEvent { gpu, uuid, code, gpu_instance, compute_instance } = event;
        // The parent logs it as an event, with its meaning.
        tracing::debug!(gpu, xid = code, "Xid error");
        let xid = XidSample { gpu, uuid, code, at: Stamp::now(), times: 1, gpu_instance, compute_instance };
        let state = &mut *lock(&self.state);
        let equal = |stored: &&mut XidSample| {
            (stored.gpu, stored.code, stored.gpu_instance, stored.compute_instance)
                == (xid.gpu, xid.code, xid.gpu_instance, xid.compute_instance)
        };
        let number = state.errors.len();
        match state.errors.iter_mut().rev().filter(|_| number >= MAX_STORED).find(equal) {
            Some(stored) => {
                stored.times = stored.times.saturating_add(1);
                stored.at = xid.at;
            }
            None if number < 2 * MAX_STORED => state.errors.push(xid),
            None => {}
        }
    }

    /// Marks the subscription as failed, as after the loss of a GPU; its reader registers again after [`BACKOFF`].
    fn fail(&self, gpu: u32, code: Code) {
        tracing::debug!(gpu, code = code.0, "waiting for Xid errors failed");
        if let Some(subscription) = lock(&self.state).subscriptions.get_mut(&gpu)
            && subscription.new_set.is_none()
        {
            subscription.since = Err(code.absence());
            subscription.tried = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(gpu: u32, code: u64) -> XidEvent {
        XidEvent { gpu, uuid: Ok("A".into()), code, gpu_instance: None, compute_instance: None }
    }

    #[test]
    fn flood_of_errors_counted_not_stored_one_by_one() {
        let xids = Xids::default();
        for _ in 0..MAX_STORED + 500 {
            xids.store(event(0, 31));
        }
        xids.store(event(0, 79));
        let taken = xids.take();
        assert_eq!(taken.len(), MAX_STORED + 1);
        assert_eq!(taken.iter().map(|xid| xid.times).sum::<u64>(), 1501, "none is lost");
        assert_eq!(taken.last().map(|xid| (xid.code, xid.times)), Some((79, 1)), "another kind has room yet");
        assert!(xids.take().is_empty());
        for code in 0..10_000 {
            xids.store(event(0, code));
        }
        assert_eq!(xids.take().len(), 2 * MAX_STORED, "nor are numbers without end");
    }

    #[test]
    fn event_belongs_to_the_gpu_that_it_names() {
        let xids = Xids::default();
        lock(&xids.state).devices.insert(16, (0, Ok("A".into())));
        lock(&xids.state).devices.insert(32, (2, Ok("C".into())));
        let of = |device| {
            let XidEvent { gpu, uuid, code, .. } = xids.of_device(device, event(0, 79));
            (gpu, uuid.unwrap(), code)
        };
        assert_eq!(of(16), (0, "A".into(), 79));
        assert_eq!(of(32), (2, "C".into(), 79));
        assert_eq!([of(0), of(48)], [(0, "A".into(), 79), (0, "A".into(), 79)], "no handle, and one that is not known");
    }

    #[test]
    fn refused_handle_has_no_subscription() {
        let xids = Xids::default();
        assert_eq!(xids.since(0), Err(Absence::Timeout));
        xids.mark_lost(0, Absence::Lost);
        assert_eq!((xids.since(0), xids.is_due(0), xids.is_due(1)), (Err(Absence::Lost), false, true));
    }
}
