//! The tick that readers read by, and the slots that they report into.
//!
//! One lock for all of it, held for a copy at a time and never during a call: what a stuck reader holds up is itself.

use std::{
    sync::{Condvar, Mutex},
    time::{Duration, Instant},
};

use telemetry::{
    Absence, Reading, Stamp,
    readings::{Identity, Readings},
    sample::{Failure, ListedProcess, MigSample, ProcessLists},
};

use crate::{
    lock::{lock, wait, wait_until},
    nvml::Code,
};

/// A reader's newest finished reading.
#[derive(Clone, Debug)]
pub(crate) struct GpuReading {
    pub(crate) handle: Reading<()>,
    /// What the driver said where there is no handle.
    pub(crate) refusal: Option<Failure>,
    /// That no call went well, and one said that there is no driver any more.
    pub(crate) driver_gone: Option<Code>,
    pub(crate) read_at: Stamp,
    pub(crate) identity: Identity,
    pub(crate) readings: Readings,
    pub(crate) lists: ProcessLists,
    pub(crate) mig: Reading<Vec<MigSample>>,
}

impl GpuReading {
    /// Every process list that was read: the GPU's own, MPS's, and those of its MIG instances.
    pub(crate) fn lists(&self) -> impl Iterator<Item = &Vec<ListedProcess>> {
        let own = [&self.lists.compute, &self.lists.graphics, &self.lists.mps];
        let instances = self.mig.iter().flatten().map(|instance| &instance.compute);
        own.into_iter().chain(instances).flatten()
    }

    /// A reading that gave nothing, for one reason, now.
    pub(crate) fn absent(why: Absence) -> Self {
        Self {
            handle: Err(why),
            refusal: None,
            driver_gone: None,
            read_at: Stamp::now(),
            identity: Identity::absent(why),
            readings: Readings::absent(why),
            lists: ProcessLists::absent(why),
            mig: Err(why),
        }
    }
}

/// One reader's slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    /// The newest tick whose reading is finished; 0 before the first.
    pub(crate) tick: u64,
    pub(crate) finished: Option<GpuReading>,
}

/// What a reader is called to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    pub(crate) number: u64,
    /// Changes when the driver's numbering may have: handles are to be got again.
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

/// The tick and the slots.
#[derive(Debug, Default)]
pub(crate) struct Ticker {
    state: Mutex<State>,
    ticked: Condvar,
    reported: Condvar,
    left: Condvar,
}

impl Ticker {
    /// Says how many GPUs the driver counts. Slots for all of them are there from now on; those past the count keep
    /// still. Any change makes the readers get their handles again.
    pub(crate) fn count(&self, counted: usize) {
        let mut state = lock(&self.state);
        if state.counted != counted {
            state.counted = counted;
            state.numbering += 1;
            let slots = state.slots.len().max(counted);
            state.slots.resize_with(slots, Slot::default);
        }
    }

    /// Says that the numbering may have changed without the count.
    pub(crate) fn renumber(&self) {
        lock(&self.state).numbering += 1;
    }

    /// How many GPUs the driver counts.
    pub(crate) fn counted(&self) -> usize {
        lock(&self.state).counted
    }

    /// Whether it is time to leave.
    pub(crate) fn is_leaving(&self) -> bool {
        lock(&self.state).leaving
    }

    /// Sleeps; `false` as soon as it is time to leave.
    pub(crate) fn sleep(&self, length: Duration) -> bool {
        let deadline = Instant::now() + length;
        let mut state = lock(&self.state);
        let mut in_time = true;
        while in_time && !state.leaving {
            (state, in_time) = wait_until(&self.left, state, deadline);
        }
        !state.leaving
    }

    /// Calls every reader to its next reading.
    pub(crate) fn begin_tick(&self) -> u64 {
        let mut state = lock(&self.state);
        state.tick += 1;
        self.ticked.notify_all();
        state.tick
    }

    /// Ends every wait, now and later. Whether nobody said so before.
    pub(crate) fn leave(&self) -> bool {
        let was_leaving = std::mem::replace(&mut lock(&self.state).leaving, true);
        self.ticked.notify_all();
        self.reported.notify_all();
        self.left.notify_all();
        !was_leaving
    }

    /// Waits for the first tick after `last` that calls the reader; none when it is time to leave. Beats that it missed
    /// are not made up for.
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

    /// Puts a finished reading into the reader's slot.
    pub(crate) fn report(&self, reader: usize, tick: u64, finished: GpuReading) {
        let mut state = lock(&self.state);
        if let Some(slot) = state.slots.get_mut(reader) {
            *slot = Slot { tick, finished: Some(finished) };
        }
        self.reported.notify_all();
    }

    /// Puts what the reader read after it reported beside the reading in its slot.
    pub(crate) fn report_rest(&self, reader: usize, readings: Readings, mig: Reading<Vec<MigSample>>) {
        let mut state = lock(&self.state);
        if let Some(finished) = state.slots.get_mut(reader).and_then(|slot| slot.finished.as_mut()) {
            finished.readings = readings;
            finished.mig = mig;
        }
    }

    /// The PCI bus ids of all GPUs counted, if every one of them was read and lists no process.
    pub(crate) fn idle(&self) -> Option<Vec<String>> {
        let state = lock(&self.state);
        let idle = |slot: &Slot| {
            let finished = slot.finished.as_ref()?;
            let none = |list: &Reading<Vec<ListedProcess>>| list.as_ref().is_ok_and(Vec::is_empty);
            let idle = none(&finished.lists.compute) && none(&finished.lists.graphics);
            finished.identity.pci_bus_id.clone().ok().filter(|_| idle)
        };
        let buses: Vec<String> = state.slots.iter().take(state.counted).map(idle).collect::<Option<_>>()?;
        (!buses.is_empty()).then_some(buses)
    }

    /// Whether any GPU that is counted was read: its newest reading had a handle, and a call that went well. The slot of
    /// one that is not counted any more keeps what it last held, which says nothing of now.
    pub(crate) fn any_is_read(&self) -> bool {
        self.newest(|finished| (finished.handle.is_ok() && finished.driver_gone.is_none()).then_some(())).is_some()
    }

    /// The code by which a GPU's calls say that there is no driver any more, if any does.
    pub(crate) fn driver_gone(&self) -> Option<Code> {
        self.newest(|finished| finished.driver_gone)
    }

    fn newest<T>(&self, look: impl Fn(&GpuReading) -> Option<T>) -> Option<T> {
        let state = lock(&self.state);
        state.slots.iter().take(state.counted).find_map(|slot| look(slot.finished.as_ref()?))
    }

    /// Waits until every reader that was not late at the tick has reported it, or until the deadline; then the slots
    /// of the GPUs that are counted.
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

    fn finished() -> GpuReading {
        GpuReading::absent(Absence::Error)
    }

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn late_reader_waited_for_once() {
        let ticker = Ticker::default();
        ticker.count(2);
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
        ticker.count(2);
        let tick = ticker.begin_tick();
        ticker.report(0, tick, GpuReading { handle: Err(Absence::Error), ..finished() });
        ticker.report(1, tick, GpuReading { handle: Ok(()), ..finished() });
        assert!(ticker.any_is_read());
        ticker.count(1);
        assert!(!ticker.any_is_read());
    }

    #[test]
    fn gpu_reporting_driver_gone_is_not_read() {
        let ticker = Ticker::default();
        ticker.count(1);
        let tick = ticker.begin_tick();
        let gone = GpuReading { handle: Ok(()), driver_gone: Some(Code::VERSION_MISMATCH), ..finished() };
        ticker.report(0, tick, gone);
        assert_eq!((ticker.any_is_read(), ticker.driver_gone()), (false, Some(Code::VERSION_MISMATCH)));
        ticker.report(0, tick, GpuReading { handle: Ok(()), ..finished() });
        assert_eq!((ticker.any_is_read(), ticker.driver_gone()), (true, None));
    }

    #[test]
    fn reader_beyond_count_idles_and_leaving_ends_waits() {
        let ticker = Ticker::default();
        ticker.count(2);
        ticker.count(1);
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
