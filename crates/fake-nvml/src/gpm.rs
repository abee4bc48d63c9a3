//! GPM samples: a caller takes two and reads the metrics of the time between them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use nvml_wrapper_sys::bindings::nvmlGpmSample_st;

use crate::code::{INVALID_ARGUMENT, Outcome};
use crate::handle::Target;

/// Shortest time between two samples for which there are metrics.
const MIN_WINDOW: Duration = Duration::from_millis(100);

/// Sample passed by a caller.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Sample(*mut nvmlGpmSample_st);

impl Sample {
    pub(crate) fn is_null(self) -> bool {
        self.0.is_null()
    }
}

/// Device and time of a sample.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SampleData {
    pub(crate) target: Target,
    /// On the scenario's clock.
    pub(crate) seconds: f64,
    at: Instant,
}

/// Time between two samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) target: Target,
    /// End on the scenario's clock.
    pub(crate) seconds: f64,
    /// True if it is too short for metrics.
    pub(crate) is_empty: bool,
}

/// Samples that were allocated and not freed, by the address of their handle.
#[derive(Default)]
pub(crate) struct Samples {
    known: Mutex<HashMap<usize, Option<SampleData>>>,
    allocated: Mutex<usize>,
}

/// The GPM samples of this process.
pub(crate) fn samples() -> &'static Samples {
    static SAMPLES: OnceLock<Samples> = OnceLock::new();
    SAMPLES.get_or_init(Samples::default)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Samples {
    pub(crate) fn allocate(&self) -> Sample {
        let mut allocated = lock(&self.allocated);
        *allocated += 1;
        let address = 0x4750_0000_0000 + *allocated * 16;
        lock(&self.known).insert(address, None);
        Sample(std::ptr::without_provenance_mut(address))
    }

    pub(crate) fn free(&self, sample: Sample) -> Outcome {
        lock(&self.known).remove(&sample.0.addr()).map(drop).ok_or(INVALID_ARGUMENT)
    }

    pub(crate) fn take(&self, sample: Sample, target: Target, seconds: f64) -> Outcome {
        let mut known = lock(&self.known);
        let data = known.get_mut(&sample.0.addr()).ok_or(INVALID_ARGUMENT)?;
        *data = Some(SampleData { target, seconds, at: Instant::now() });
        Ok(())
    }

    /// Time from one sample to a later one of the same device.
    pub(crate) fn between(&self, first: Sample, second: Sample) -> Result<Window, u32> {
        let known = lock(&self.known);
        let data = |sample: Sample| known.get(&sample.0.addr()).copied().flatten().ok_or(INVALID_ARGUMENT);
        let (first, second) = (data(first)?, data(second)?);
        if first.target != second.target || second.at <= first.at {
            return Err(INVALID_ARGUMENT);
        }
        Ok(Window { target: second.target, seconds: second.seconds, is_empty: second.at - first.at < MIN_WINDOW })
    }
}
