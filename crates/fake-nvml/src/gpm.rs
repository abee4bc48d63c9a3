//! Samples of GPM: a caller takes two and asks what happened between them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nvml_wrapper_sys::bindings::nvmlGpmSample_st;

use crate::code::{Done, INVALID_ARGUMENT};
use crate::handle::Target;
use crate::pointer::Argument;

/// Samples that lie closer together than this have no values between them.
const SHORTEST_WINDOW: Duration = Duration::from_millis(100);

/// A sample as a caller hands it in.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Sample(*mut nvmlGpmSample_st);

impl Argument for Sample {
    fn is_missing(&self) -> bool {
        self.0.is_null()
    }
}

/// What and when a sample was taken of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) target: Target,
    /// On the scenario's clock.
    pub(crate) seconds: f64,
    at: Instant,
}

/// What lies between two samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) target: Target,
    /// When it ends, on the scenario's clock.
    pub(crate) seconds: f64,
    /// Whether it is too short for any value.
    pub(crate) is_empty: bool,
}

/// The samples that were allocated and not freed, by their handles' addresses.
#[derive(Default)]
pub(crate) struct Samples {
    known: Mutex<HashMap<usize, Option<Taken>>>,
    allocated: Mutex<usize>,
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

    pub(crate) fn free(&self, sample: Sample) -> Done {
        lock(&self.known).remove(&sample.0.addr()).map(drop).ok_or(INVALID_ARGUMENT)
    }

    pub(crate) fn take(&self, sample: Sample, target: Target, seconds: f64) -> Done {
        let mut known = lock(&self.known);
        let kept = known.get_mut(&sample.0.addr()).ok_or(INVALID_ARGUMENT)?;
        *kept = Some(Taken { target, seconds, at: Instant::now() });
        Ok(())
    }

    /// The time from one sample to another of the same GPU.
    pub(crate) fn between(&self, first: Sample, second: Sample) -> Result<Window, u32> {
        let known = lock(&self.known);
        let taken = |sample: Sample| known.get(&sample.0.addr()).copied().flatten().ok_or(INVALID_ARGUMENT);
        let (first, second) = (taken(first)?, taken(second)?);
        if first.target != second.target || second.at <= first.at {
            return Err(INVALID_ARGUMENT);
        }
        Ok(Window { target: second.target, seconds: second.seconds, is_empty: second.at - first.at < SHORTEST_WINDOW })
    }
}
