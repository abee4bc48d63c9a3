//! Each process's part of a GPU.

use std::collections::BTreeMap;

use nvml_wrapper_sys::bindings::nvmlProcessUtilizationSample_t;
use telemetry::{Reading, Stamp, capture::List, sample::ProcessShare};

use crate::nvml::{Code, Device, library::call};

/// `NVML_ERROR_NOT_FOUND`: no process ran since the time asked for.
const NOT_FOUND: Code = Code(6);
/// Samples that there is room for at first. A GPU keeps about a hundred.
const ROOM: u32 = 128;
/// How far back samples are asked for, in microseconds: the driver takes several a second, and one reading's window
/// must hold at least one.
const WINDOW_US: u64 = 1_500_000;

impl Device<'_> {
    /// `nvmlDeviceGetProcessUtilization`: of each process the newest sample of the last one and a half seconds.
    /// Samples without a time or above 100 % are garbage and dropped.
    pub(crate) fn shares(&self) -> Reading<Vec<ProcessShare>> {
        let since = (Stamp::now().unix_ms * 1000).saturating_sub(WINDOW_US);
        let mut room = ROOM;
        loop {
            let blank =
                nvmlProcessUtilizationSample_t { pid: 0, timeStamp: 0, smUtil: 0, memUtil: 0, encUtil: 0, decUtil: 0 };
            let mut samples = vec![blank; room as usize];
            let mut count = room;
            let code = call!(
                self.library,
                self.desk,
                nvmlDeviceGetProcessUtilization(self.handle, samples.as_mut_ptr(), &raw mut count, since)
            );
            match code {
                Ok(()) => {
                    samples.truncate(count as usize);
                    self.desk.listed(|| as_written(&samples));
                    return Ok(newest(&samples));
                }
                Err(NOT_FOUND) => return Ok(Vec::new()),
                Err(Code::INSUFFICIENT_SIZE) if room == ROOM && count > room => room = count.min(1 << 16),
                Err(code) => return self.reading(Err(code)).map(|()| Vec::new()),
            }
        }
    }
}

/// The samples as a capture has them: PID, age in microseconds (all ones where there is no time), and the shares.
fn as_written(samples: &[nvmlProcessUtilizationSample_t]) -> List {
    let now = Stamp::now().unix_ms * 1000;
    let entry = |sample: &nvmlProcessUtilizationSample_t| {
        let age = if sample.timeStamp == 0 { u64::MAX } else { now.saturating_sub(sample.timeStamp) };
        let shares = [sample.smUtil, sample.memUtil, sample.encUtil, sample.decUtil].map(u64::from);
        [sample.pid.into(), age].into_iter().chain(shares).collect()
    };
    List::Entries { width: size_of::<nvmlProcessUtilizationSample_t>(), entries: samples.iter().map(entry).collect() }
}

fn newest(samples: &[nvmlProcessUtilizationSample_t]) -> Vec<ProcessShare> {
    let credible = |sample: &&nvmlProcessUtilizationSample_t| {
        let values = [sample.smUtil, sample.memUtil, sample.encUtil, sample.decUtil];
        sample.timeStamp > 0 && values.iter().all(|value| *value <= 100)
    };
    let mut of_each: BTreeMap<u32, &nvmlProcessUtilizationSample_t> = BTreeMap::new();
    for sample in samples.iter().filter(credible) {
        let kept = of_each.entry(sample.pid).or_insert(sample);
        if sample.timeStamp >= kept.timeStamp {
            *kept = sample;
        }
    }
    let share = |(pid, sample): (u32, &nvmlProcessUtilizationSample_t)| ProcessShare {
        pid,
        sm_percent: sample.smUtil,
        memory_percent: sample.memUtil,
        encoder_percent: sample.encUtil,
        decoder_percent: sample.decUtil,
    };
    of_each.into_iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_credible_sample_of_each_process_counts() {
        let sample = |pid, at, sm| nvmlProcessUtilizationSample_t {
            pid,
            timeStamp: at,
            smUtil: sm,
            memUtil: 1,
            encUtil: 0,
            decUtil: 0,
        };
        let samples =
            [sample(7, 20, 40), sample(7, 10, 30), sample(7, 30, 37_100), sample(8, 0, 50), sample(9, 5, 100)];
        let found: Vec<_> = newest(&samples).iter().map(|share| (share.pid, share.sm_percent)).collect();
        assert_eq!(found, [(7, 40), (9, 100)]);
    }
}
