//! Ticks that GPU readers read by, and the slots that they report into.
//!
//! One lock for all of it, held for a move at a time and never during a call: a reader that hangs delays only itself.

use std::{
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use telemetry::{
    Absence, Reading, Stamp,
    readings::{Identity, Readings},
    sample::{GpuSample, ListedProcess, ProcessLists},
};

use crate::{
    lock::{lock, wait, wait_until},
    nvml::Code,
};

/// Newest finished reading of one GPU.
#[derive(Clone, Debug)]
pub(crate) struct GpuReading {
    /// Everything read, but for what the assembler knows: the call in flight and the subscription to Xid errors.
    pub(crate) sample: GpuSample,
    /// Code that says that the driver is gone, if one did and no call has succeeded.
    pub(crate) driver_gone: Option<Code>,
}

impl GpuReading {
    /// Returns every process list that was read: the GPU's own, MPS's, and those of its MIG instances.
    pub(crate) fn lists(&self) -> impl Iterator<Item = &Vec<ListedProcess>> {
        let lists = &self.sample.lists;
        let own = [&lists.compute, &lists.graphics, &lists.mps];
        let instances = self.sample.mig.iter().flatten().map(|instance| &instance.compute);
        own.into_iter().chain(instances).flatten()
    }

    /// Creates a reading of now that is absent as a whole.
    pub(crate) fn absent(index: u32, why: Absence) -> Self {
        let sample = GpuSample { read_at: Some(Stamp::now()), ..unread(index, why) };
        Self { sample, driver_gone: None }
    }
}

/// Creates the sample of a GPU of which nothing was read.
pub(crate) fn unread(index: u32, why: Absence) -> GpuSample {
    GpuSample {
        index,
        handle: Err(why),
        refusal: None,
        read_at: None,
        stuck: None,
        slowest: None,
        identity: Identity::absent(why),
        readings: Readings::absent(why),
        lists: ProcessLists::absent(why),
        mig: Err(why),
        xid_since: Err(Absence::Timeout),
    }
}

/// Slot of one reader.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    /// Newest tick whose reading is finished; 0 before the first.
    pub(crate) tick: u64,
    pub(crate) reading: Option<Arc<GpuReading>>,
}

/// Tick that a reader reads for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    pub(crate) number: u64,
    /// Changes when NVML's indices may have: handles must be opened again.
    pub(crate) numbering: u64,
}

#[derive(Debug, Default)]
struct State {
    tick: u64,
    numbering: u64,
    counted: usize,
    leaving: bool,
    slots: Vec<Slot>,
}

/// Current tick, and the slots of all readers.
#[derive(Debug, Default)]
pub(crate) struct Ticker {
    state: Mutex<State>,
    ticked: Condvar,
    reported: Condvar,
    left: Condvar,
}

impl Ticker {
    /// Sets the number of GPUs. Readers past it pause. Any change makes the others open their handles again.
    pub(crate) fn set_count(&self, counted: usize) {
        let mut state = lock(&self.state);
        if state.counted != counted {
            state.counted = counted;
            state.numbering += 1;
            let slots = state.slots.len().max(counted);
            state.slots.resize_with(slots, Slot::default);
        }
    }

    /// Makes readers open their handles again: NVML's indices may have changed without the count.
    pub(crate) fn renumber(&self) {
        lock(&self.state).numbering += 1;
    }

    /// Number of GPUs.
    pub(crate) fn counted(&self) -> usize {
        lock(&self.state).counted
    }

    /// Returns whether the process shuts down.
    pub(crate) fn is_leaving(&self) -> bool {
        lock(&self.state).leaving
    }

    /// Sleeps. Returns false at once when the process shuts down.
    pub(crate) fn sleep(&self, length: Duration) -> bool {
        let deadline = Instant::now() + length;
        let mut state = lock(&self.state);
        let mut in_time = true;
        while in_time && !state.leaving {
            (state, in_time) = wait_until(&self.left, state, deadline);
        }
        !state.leaving
    }

    /// Begins the next tick, on which every reader reads. Returns its number.
    pub(crate) fn begin_tick(&self) -> u64 {
        let mut state = lock(&self.state);
        state.tick += 1;
        self.ticked.notify_all();
        state.tick
    }

    /// Ends every wait, now and later. Returns whether this is the first call.
    pub(crate) fn leave(&self) -> bool {
        let was_leaving = std::mem::replace(&mut lock(&self.state).leaving, true);
        self.ticked.notify_all();
        self.reported.notify_all();
        self.left.notify_all();
        !was_leaving
    }

    /// Waits for the first tick after `last`; none at shutdown. A reader that was late skips the ticks it missed.
    pub(crate) fn next(&self, reader: usize, last: u64) -> Option<Tick> {
        let mut state = lock(&self.state);
        loop {
            if state.leaving {
                return None;
            }
            if state.tick > last && reader < state.counted {
                return Some(Tick { number: state.tick, numbering: state.numbering });
            }
            state = wait(&self.ticked, state);
        }
    }

    /// Returns whether a later tick has begun.
    pub(crate) fn is_past(&self, tick: u64) -> bool {
        lock(&self.state).tick > tick
    }

    /// Stores a reader's finished reading.
    pub(crate) fn report(&self, index: usize, tick: u64, reading: GpuReading) {
        let reading = Some(Arc::new(reading));
        let mut state = lock(&self.state);
        if let Some(slot) = state.slots.get_mut(index) {
            *slot = Slot { tick, reading };
        }
        self.reported.notify_all();
    }

    /// Returns the PCI bus ids of all GPUs, if every one of them was read and lists no process.
    pub(crate) fn idle(&self) -> Option<Vec<String>> {
        let state = lock(&self.state);
        let idle = |slot: &Slot| {
            let sample = &slot.reading.as_ref()?.sample;
            let none = |list: &Reading<Vec<ListedProcess>>| list.as_ref().is_ok_and(Vec::is_empty);
            let idle = none(&sample.lists.compute) && none(&sample.lists.graphics);
            sample.identity.pci_bus_id.clone().ok().filter(|_| idle)
        };
        let buses: Vec<String> = state.slots.iter().take(state.counted).map(idle).collect::<Option<_>>()?;
        (!buses.is_empty()).then_some(buses)
    }

    /// Returns whether any GPU was read: its newest reading has a handle, and a call that succeeded. GPUs past the
    /// count do not matter, since their last reading may be old.
    pub(crate) fn any_is_read(&self) -> bool {
        self.find(|reading| (reading.sample.handle.is_ok() && reading.driver_gone.is_none()).then_some(())).is_some()
    }

    /// Returns the code by which the calls about some GPU say that the driver is gone.
    pub(crate) fn driver_gone(&self) -> Option<Code> {
        self.find(|reading| reading.driver_gone)
    }

    fn find<T>(&self, look: impl Fn(&GpuReading) -> Option<T>) -> Option<T> {
        let state = lock(&self.state);
        state.slots.iter().take(state.counted).find_map(|slot| look(slot.reading.as_ref()?))
    }

    /// Waits until every reader that was in time on the tick before has reported, or until the deadline. Returns the
    /// slots of all GPUs.
    pub(crate) fn wait_for_all(&self, tick: u64, deadline: Instant) -> Vec<Slot> {
        let mut state = lock(&self.state);
        let awaited: Vec<usize> = (0..state.counted)
            .filter(|&reader| state.slots.get(reader).is_some_and(|slot| slot.tick + 1 >= tick))
            .collect();
        loop {
            let done = awaited.iter().all(|&reader| state.slots.get(reader).is_some_and(|slot| slot.tick >= tick));
            if done || state.leaving {
                break;
            }
            let (guard, in_time) = wait_until(&self.reported, state, deadline);
            state = guard;
            if !in_time {
                break;
            }
        }
        state.slots.iter().take(state.counted).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(handle: Reading<()>, driver_gone: Option<Code>) -> GpuReading {
        let mut reading = GpuReading::absent(0, Absence::Error);
        reading.sample.handle = handle;
        reading.driver_gone = driver_gone;
        reading
    }

    fn finished() -> GpuReading {
        reading(Err(Absence::Error), None)
    }

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn late_reader_waited_for_once() {
        let ticker = Ticker::default();
        ticker.set_count(2);
        let first = ticker.begin_tick();
        ticker.report(0, first, finished());
        // The second reader may still come in time at its first tick, so this waits out its deadline…
        let slots = ticker.wait_for_all(first, Instant::now() + Duration::from_millis(5));
        assert_eq!([slots[0].tick, slots[1].tick], [1, 0]);
        // …and from then on it is late: a deadline a minute away is not waited for.
        let second = ticker.begin_tick();
        ticker.report(0, second, finished());
        assert_eq!(ticker.wait_for_all(second, far()).iter().map(|slot| slot.tick).collect::<Vec<_>>(), [2, 0]);
        // Once it reports it is waited for again.
        ticker.report(1, second, finished());
        let third = ticker.begin_tick();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                ticker.report(0, third, finished());
                ticker.report(1, third, finished());
            });
            assert!(ticker.wait_for_all(third, far()).iter().all(|slot| slot.tick == third));
        });
    }

    #[test]
    fn handle_of_uncounted_gpu_ignored() {
        let ticker = Ticker::default();
        ticker.set_count(2);
        let tick = ticker.begin_tick();
        ticker.report(0, tick, finished());
        ticker.report(1, tick, reading(Ok(()), None));
        assert!(ticker.any_is_read());
        ticker.set_count(1);
        assert!(!ticker.any_is_read());
    }

    #[test]
    fn gpu_reporting_driver_gone_is_not_read() {
        let ticker = Ticker::default();
        ticker.set_count(1);
        let tick = ticker.begin_tick();
        let gone = reading(Ok(()), Some(Code::VERSION_MISMATCH));
        ticker.report(0, tick, gone);
        assert_eq!((ticker.any_is_read(), ticker.driver_gone()), (false, Some(Code::VERSION_MISMATCH)));
        ticker.report(0, tick, reading(Ok(()), None));
        assert_eq!((ticker.any_is_read(), ticker.driver_gone()), (true, None));
    }

    #[test]
    fn reader_beyond_count_idles_and_leaving_ends_waits() {
        let ticker = Ticker::default();
        ticker.set_count(2);
        ticker.set_count(1);
        ticker.begin_tick();
        assert_eq!(ticker.next(0, 0), Some(Tick { number: 1, numbering: 2 }));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| ticker.next(1, 0));
            assert!(ticker.leave());
            assert!(!ticker.leave(), "one leads the way");
            assert_eq!(waiting.join().unwrap(), None);
        });
        assert_eq!(ticker.wait_for_all(9, far()).len(), 1);
    }
}
