//! The beat that lanes read by, and the slots that they report into.
//!
//! One lock for all of it, held for a copy at a time and never during a call: what a stuck lane holds up is itself.

use std::{
    sync::{Condvar, Mutex},
    time::{Duration, Instant},
};

use telemetry::{
    Absence, Reading, Stamp,
    sample::{Activity, Failure, FastSet, Identity, ListedProcess, MigSample, SlowSet, Traffic},
};

use crate::{
    lock::{lock, wait, wait_until},
    nvml::Code,
};

/// A lane's newest finished reading.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    pub(crate) handle: Reading<()>,
    /// What the driver said where there is no handle.
    pub(crate) refusal: Option<Failure>,
    /// That no call went well, and one said that there is no driver any more.
    pub(crate) driver_is_gone: Option<Code>,
    pub(crate) read_at: Stamp,
    pub(crate) identity: Identity,
    pub(crate) fast: FastSet,
    pub(crate) slow: SlowSet,
    pub(crate) extra: Extra,
}

/// What is read after the fast set was reported.
#[derive(Clone, Debug)]
pub(crate) struct Extra {
    pub(crate) activity: Activity,
    pub(crate) traffic: Traffic,
    pub(crate) mig: Reading<Vec<MigSample>>,
}

impl Extra {
    /// Nothing of it, for one reason.
    pub(crate) const fn absent(why: Absence) -> Self {
        Self { activity: Activity::absent(why), traffic: Traffic::absent(why), mig: Err(why) }
    }
}

impl Finished {
    /// Every process list that was read: the GPU's own, MPS's, and those of its MIG instances.
    pub(crate) fn lists(&self) -> impl Iterator<Item = &Vec<ListedProcess>> {
        let own = [&self.fast.compute, &self.fast.graphics, &self.fast.mps];
        let instances = self.extra.mig.iter().flatten().map(|instance| &instance.compute);
        own.into_iter().chain(instances).flatten()
    }

    /// A reading that gave nothing, for one reason, now.
    pub(crate) fn absent(why: Absence) -> Self {
        Self {
            handle: Err(why),
            refusal: None,
            driver_is_gone: None,
            read_at: Stamp::now(),
            identity: Identity::absent(why),
            fast: FastSet::absent(why),
            slow: SlowSet::absent(why),
            extra: Extra::absent(why),
        }
    }
}

/// One lane's slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    /// The newest beat whose reading is finished; 0 before the first.
    pub(crate) beat: u64,
    pub(crate) finished: Option<Finished>,
}

/// What a lane is called to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beat {
    pub(crate) number: u64,
    /// Changes when the driver's numbering may have: handles are to be got again.
    pub(crate) numbering: u64,
}

#[derive(Debug, Default)]
struct State {
    beat: u64,
    numbering: u64,
    counted: usize,
    leaving: bool,
    slots: Vec<Slot>,
}

/// The beat and the slots.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    state: Mutex<State>,
    beaten: Condvar,
    reported: Condvar,
    left: Condvar,
}

impl Pulse {
    /// Says how many GPUs the driver counts. Slots for all of them are there from now on; those past the count keep
    /// still. Any change makes the lanes get their handles again.
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

    /// Calls every lane to its next reading.
    pub(crate) fn beat(&self) -> u64 {
        let mut state = lock(&self.state);
        state.beat += 1;
        self.beaten.notify_all();
        state.beat
    }

    /// Ends every wait, now and later. Whether nobody said so before.
    pub(crate) fn leave(&self) -> bool {
        let was_leaving = std::mem::replace(&mut lock(&self.state).leaving, true);
        self.beaten.notify_all();
        self.reported.notify_all();
        self.left.notify_all();
        !was_leaving
    }

    /// Waits for the first beat after `last` that calls the lane; none when it is time to leave. Beats that it missed
    /// are not made up for.
    pub(crate) fn next(&self, lane: usize, last: u64) -> Option<Beat> {
        let mut state = lock(&self.state);
        loop {
            if state.leaving {
                return None;
            }
            if state.beat > last && lane < state.counted {
                return Some(Beat { number: state.beat, numbering: state.numbering });
            }
            state = wait(&self.beaten, state);
        }
    }

    /// Puts a finished reading into the lane's slot.
    pub(crate) fn report(&self, lane: usize, beat: u64, finished: Finished) {
        let mut state = lock(&self.state);
        if let Some(slot) = state.slots.get_mut(lane) {
            *slot = Slot { beat, finished: Some(finished) };
        }
        self.reported.notify_all();
    }

    /// Puts what the lane read after it reported beside the reading in its slot.
    pub(crate) fn report_rest(&self, lane: usize, slow: SlowSet, extra: Extra) {
        let mut state = lock(&self.state);
        if let Some(finished) = state.slots.get_mut(lane).and_then(|slot| slot.finished.as_mut()) {
            finished.slow = slow;
            finished.extra = extra;
        }
    }

    /// The PCI bus ids of all GPUs counted, if every one of them was read and lists no process.
    pub(crate) fn idle(&self) -> Option<Vec<String>> {
        let state = lock(&self.state);
        let idle = |slot: &Slot| {
            let finished = slot.finished.as_ref()?;
            let none = |list: &Reading<Vec<ListedProcess>>| list.as_ref().is_ok_and(Vec::is_empty);
            let idle = none(&finished.fast.compute) && none(&finished.fast.graphics);
            finished.identity.pci_bus_id.clone().ok().filter(|_| idle)
        };
        let buses: Vec<String> = state.slots.iter().take(state.counted).map(idle).collect::<Option<_>>()?;
        (!buses.is_empty()).then_some(buses)
    }

    /// Whether any GPU that is counted was read: its newest reading had a handle, and a call that went well. The slot of
    /// one that is not counted any more keeps what it last held, which says nothing of now.
    pub(crate) fn any_is_read(&self) -> bool {
        self.newest(|finished| (finished.handle.is_ok() && finished.driver_is_gone.is_none()).then_some(())).is_some()
    }

    /// The code by which a GPU's calls say that there is no driver any more, if any does.
    pub(crate) fn driver_is_gone(&self) -> Option<Code> {
        self.newest(|finished| finished.driver_is_gone)
    }

    fn newest<T>(&self, look: impl Fn(&Finished) -> Option<T>) -> Option<T> {
        let state = lock(&self.state);
        state.slots.iter().take(state.counted).find_map(|slot| look(slot.finished.as_ref()?))
    }

    /// Waits until every lane that was not late at the beat has reported it, or until the deadline; then the slots
    /// of the GPUs that are counted.
    pub(crate) fn collect(&self, beat: u64, deadline: Instant) -> Vec<Slot> {
        let mut state = lock(&self.state);
        let awaited: Vec<usize> = (0..state.counted)
            .filter(|&lane| state.slots.get(lane).is_some_and(|slot| slot.beat + 1 >= beat))
            .collect();
        loop {
            let done = awaited.iter().all(|&lane| state.slots.get(lane).is_some_and(|slot| slot.beat >= beat));
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

    fn finished() -> Finished {
        Finished::absent(Absence::Error)
    }

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn a_late_lane_is_waited_for_once_and_then_not() {
        let pulse = Pulse::default();
        pulse.count(2);
        let first = pulse.beat();
        pulse.report(0, first, finished());
        // The second lane may still come in time at its first beat, so this waits out its deadline…
        let slots = pulse.collect(first, Instant::now() + Duration::from_millis(5));
        assert_eq!([slots[0].beat, slots[1].beat], [1, 0]);
        // …and from then on it is late: a deadline a minute away is not waited for.
        let second = pulse.beat();
        pulse.report(0, second, finished());
        assert_eq!(pulse.collect(second, far()).iter().map(|slot| slot.beat).collect::<Vec<_>>(), [2, 0]);
        // Once it reports it is waited for again.
        pulse.report(1, second, finished());
        let third = pulse.beat();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                pulse.report(0, third, finished());
                pulse.report(1, third, finished());
            });
            assert!(pulse.collect(third, far()).iter().all(|slot| slot.beat == third));
        });
    }

    #[test]
    fn a_handle_of_a_gpu_that_is_not_counted_any_more_counts_for_nothing() {
        let pulse = Pulse::default();
        pulse.count(2);
        let beat = pulse.beat();
        pulse.report(0, beat, Finished { handle: Err(Absence::Error), ..finished() });
        pulse.report(1, beat, Finished { handle: Ok(()), ..finished() });
        assert!(pulse.any_is_read());
        pulse.count(1);
        assert!(!pulse.any_is_read());
    }

    #[test]
    fn a_gpu_whose_calls_say_that_the_driver_is_gone_is_not_read() {
        let pulse = Pulse::default();
        pulse.count(1);
        let beat = pulse.beat();
        let gone = Finished { handle: Ok(()), driver_is_gone: Some(Code::VERSION_MISMATCH), ..finished() };
        pulse.report(0, beat, gone);
        assert_eq!((pulse.any_is_read(), pulse.driver_is_gone()), (false, Some(Code::VERSION_MISMATCH)));
        pulse.report(0, beat, Finished { handle: Ok(()), ..finished() });
        assert_eq!((pulse.any_is_read(), pulse.driver_is_gone()), (true, None));
    }

    #[test]
    fn a_lane_past_the_count_keeps_still_and_leaving_ends_every_wait() {
        let pulse = Pulse::default();
        pulse.count(2);
        pulse.count(1);
        pulse.beat();
        assert_eq!(pulse.next(0, 0), Some(Beat { number: 1, numbering: 2 }));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| pulse.next(1, 0));
            assert!(pulse.leave());
            assert!(!pulse.leave(), "one leads the way");
            assert_eq!(waiting.join().unwrap(), None);
        });
        assert_eq!(pulse.collect(9, far()).len(), 1);
    }
}
