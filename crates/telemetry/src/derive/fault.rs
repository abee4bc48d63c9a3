//! Faults of a GPU whose handle answers: no reading of it succeeds, or its driver asks for a reset.

use crate::{
    Absence, BootTime,
    derive::gpu::answer,
    readings::{Every, Field},
    sample::{Failure, GpuSample},
    snapshot::GpuState,
};

/// Readings in a row in which every value failed, or a reset was asked for, after which it counts.
const READINGS: u32 = 3;
/// `NVML_ERROR_RESET_REQUIRED`.
const RESET_REQUIRED: u32 = 16;

/// Faults of one GPU over its newest readings.
#[derive(Clone, Debug, Default)]
pub(super) struct FaultTracker {
    seen: Option<BootTime>,
    /// Readings in a row of which no value was read.
    failing: u32,
    why: Option<Absence>,
    /// Readings in a row in which the driver asked for a reset.
    asks: u32,
    failure: Option<Failure>,
}

impl FaultTracker {
    /// Takes in a reading.
    pub(super) fn read(&mut self, gpu: &GpuSample) {
        let at = gpu.read_at.map(|stamp| stamp.boot);
        if at.is_some() && std::mem::replace(&mut self.seen, at) == at {
            return;
        }
        self.failure = gpu.refusal.clone();
        self.why = why_nothing_is_read(gpu);
        self.failing = if self.why.is_some() { self.failing.saturating_add(1) } else { 0 };
        let asks = self.failure.as_ref().is_some_and(|failure| failure.code == RESET_REQUIRED);
        self.asks = match (asks, gpu.handle) {
            (false, _) => 0,
            (true, Ok(())) => self.asks.saturating_add(1),
            (true, Err(_)) => READINGS,
        };
    }

    /// State of a GPU that would be `ok` by its handle and age, and its detail; none if some value is read.
    pub(super) fn state(&self) -> Option<(GpuState, String)> {
        let why = self.why.filter(|_| self.failing >= READINGS)?;
        let state = if why == Absence::Denied { GpuState::Denied } else { GpuState::Error };
        let detail = match &self.failure {
            Some(failure) => format!("the GPU is listed, but every reading fails with {}", answer(failure)),
            None => "the GPU is listed, but every reading fails".into(),
        };
        Some((state, detail))
    }

    /// True if the driver says that nothing but a reset helps.
    pub(super) const fn needs_reset(&self) -> bool {
        self.asks >= READINGS
    }
}

/// Reason for which none of the values of a tick was read, though the GPU has some of them.
fn why_nothing_is_read(gpu: &GpuSample) -> Option<Absence> {
    gpu.handle.ok()?;
    gpu.read_at?;
    let fast = |field: &Field| field.spec().every == Every::Tick;
    let all = Field::ALL.iter().filter(|field| fast(field)).count();
    let absences: Vec<Absence> = gpu.readings.absences().filter(|(field, _)| fast(field)).map(|(_, why)| why).collect();
    if absences.len() < all {
        return None;
    }
    // The worst of them, where some are not supported.
    [Absence::Error, Absence::Timeout, Absence::Denied].into_iter().find(|why| absences.contains(why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{derive::tests::gpu, readings::Readings};

    fn failing(second: u64, why: Absence, code: Option<u32>) -> GpuSample {
        let mut sample = gpu(0, "A", second * 1000);
        sample.readings = Readings::absent(why);
        sample.refusal = code.map(|code| Failure {
            function: "nvmlDeviceGetTemperature".into(),
            code,
            text: "Bad".into(),
            hint: None,
        });
        sample
    }

    #[test]
    fn state_after_three_readings_without_value() {
        for (why, code, state) in [
            (Absence::Error, Some(999), Some(GpuState::Error)),
            (Absence::Error, None, Some(GpuState::Error)),
            (Absence::Timeout, Some(10), Some(GpuState::Error)),
            (Absence::Denied, Some(4), Some(GpuState::Denied)),
            (Absence::NotSupported, None, None),
        ] {
            let mut faults = FaultTracker::default();
            for second in 1..=2 {
                faults.read(&failing(second, why, code));
                faults.read(&failing(second, why, code));
                assert_eq!(faults.state(), None, "{why:?} after {second}");
            }
            faults.read(&failing(3, why, code));
            let found = faults.state();
            assert_eq!(found.as_ref().map(|(state, _)| *state), state, "{why:?}");
            let detail = found.map(|(_, detail)| detail).unwrap_or_default();
            assert!(code.is_none_or(|code| detail.contains(&format!("Bad ({code})"))), "{detail}");
            faults.read(&gpu(0, "A", 4000));
            assert_eq!(faults.state(), None, "a value is read again");
        }
    }

    #[test]
    fn reset_needed_if_handle_or_three_readings_ask() {
        let mut faults = FaultTracker::default();
        for second in 1..=3 {
            assert!(!faults.needs_reset());
            faults.read(&failing(second, Absence::Error, Some(16)));
        }
        assert!(faults.needs_reset());
        // Some calls still answer.
        let asks = |second: u64, handle| GpuSample {
            handle,
            refusal: failing(1, Absence::Error, Some(16)).refusal,
            ..gpu(0, "A", second * 1000)
        };
        faults.read(&asks(4, Ok(())));
        assert!(faults.needs_reset() && faults.state().is_none());
        faults.read(&failing(5, Absence::Error, Some(999)));
        assert!(!faults.needs_reset());
        faults.read(&asks(6, Err(Absence::Error)));
        assert!(faults.needs_reset());
    }
}
