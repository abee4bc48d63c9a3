//! Faults of a call, before it returns its result.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::function::Function;
use crate::scenario::{Crash, Fault, Pattern};
use crate::stray;

/// Interval at which a hanging call checks if the hang is over.
pub(crate) const POLL: Duration = Duration::from_millis(20);

/// Calls that matched a fault, in one version of a scenario.
#[derive(Default)]
pub(crate) struct FaultCounter {
    calls: AtomicU64,
    lists: AtomicU64,
}

impl FaultCounter {
    /// Counts a matching call, and returns true if the fault applies to it.
    pub(crate) fn applies(&self, fault: &Fault) -> bool {
        let earlier = self.calls.fetch_add(1, Ordering::Relaxed);
        earlier >= fault.after_calls && fault.times.is_none_or(|times| earlier - fault.after_calls < times)
    }

    /// Counts a process list, and returns true if its buffer must be reported as too small.
    pub(crate) fn reports_small_buffer(&self, fault: &Fault) -> bool {
        let earlier = self.lists.fetch_add(1, Ordering::Relaxed);
        fault.insufficient_size_times.is_some_and(|times| earlier < times)
    }
}

impl Fault {
    /// Returns true if the fault concerns this function, and this GPU for a function of a GPU.
    pub(crate) fn matches(&self, function: Function, gpu: Option<usize>) -> bool {
        let function_matches = match self.function {
            Pattern::Every => gpu.is_some(),
            Pattern::One(named) => named == function,
        };
        function_matches && (self.gpu.is_none() || self.gpu == gpu)
    }

    /// Sleeps for the fault's latency, if it has one.
    pub(crate) fn delay(&self, seconds: f64) {
        if let Some(latency) = self.latency_ms {
            thread::sleep(Duration::from_millis(u64::try_from(latency.whole(seconds)).unwrap_or(0)));
        }
    }

    /// Writes the fault's stray bytes, if it has any.
    pub(crate) fn write_stray(&self) {
        if let Some(write) = &self.write {
            stray::write(write);
        }
    }

    /// Ends the process if the fault says so, and returns otherwise.
    pub(crate) fn end_process(&self) {
        if let Some(crash) = self.crash {
            crash.run();
        }
        if let Some(status) = self.exit {
            // SAFETY: _exit takes an integer and does not return. It runs no handlers, like a library that aborts.
            unsafe { libc::_exit(status) }
        }
    }
}

impl Crash {
    fn run(self) {
        match self {
            Self::Segv => {
                let nowhere = std::ptr::without_provenance_mut::<u8>(black_box(0x10));
                // SAFETY: unsound on purpose: the kernel never maps the first page, so that the write ends the process
                // before it changes anything.
                unsafe { nowhere.write_volatile(0) }
            }
            Self::Heap => overrun_the_heap(),
            #[expect(clippy::panic, reason = "the scenario tests that no panic leaves the library")]
            Self::Panic => panic!("panic requested by the scenario"),
            Self::Abort => {}
        }
        // The process ends even if it survived one of the above.
        std::process::abort();
    }
}

/// Writes past a heap buffer, like a call that fills a buffer sized for smaller entries.
fn overrun_the_heap() {
    const SIZE: usize = 2_000;
    // SAFETY: unsound on purpose: it overwrites the allocator's records after an allocation, which free detects and
    // aborts. Only the abort in the caller runs after it.
    unsafe {
        let first = libc::malloc(SIZE).cast::<u8>();
        let second = libc::malloc(SIZE);
        black_box(first).write_bytes(0xee, SIZE + 64);
        libc::free(second);
    }
}
