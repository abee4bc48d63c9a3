//! Utilization of a GPU by process.

use std::{collections::BTreeMap, ptr};

use nvml_wrapper_sys::bindings::{
    nvmlProcessUtilizationInfo_v1_t, nvmlProcessUtilizationSample_t, nvmlProcessesUtilizationInfo_v1_t,
};
use telemetry::{
    Absence, Reading, Stamp,
    capture::List,
    sample::{ProcessShare, SampledProcess},
};

use crate::nvml::{Code, Device, device::version_word, library::ask};

/// Room for samples at first. A GPU keeps about a hundred.
const ROOM: u32 = 128;
/// Room for samples at most.
const MAX_ROOM: u32 = 1 << 16;
/// Age of the oldest samples read, in microseconds: the driver takes several a second, and the window of a reading must
/// contain one.
const WINDOW_US: u64 = 1_500_000;

/// Utilization by a process in one sample.
#[derive(Clone, Copy, Debug)]
struct Sampled {
    pid: u32,
    /// Unix time in microseconds; 0 where the driver says none.
    at: u64,
    /// SMs, memory, encoder and decoder, in %.
    shares: [u32; 4],
    /// JPEG decoder and optical flow accelerator, in %, if reported.
    more: Option<[u32; 2]>,
}

/// Samples, or the code in their place and how many there are.
type Answer = Result<Vec<Sampled>, (Code, u32)>;

impl Device<'_> {
    /// Utilization by process, the newest sample of each: `nvmlDeviceGetProcessUtilization`, else (some Blackwell)
    /// `nvmlDeviceGetProcessesUtilizationInfo`. Samples without a time or above 100 % are garbage. The share of a
    /// process without any other sample is absent, not 0.
    pub(crate) fn shares(&self) -> Reading<Vec<SampledProcess>> {
        let since = (Stamp::now().unix_ms * 1000).saturating_sub(WINDOW_US);
        let mut samples = with_room(|room| self.utilization_samples(room, since));
        if samples.as_ref().is_err_and(|code| code.absence() == Absence::NotSupported) {
            samples = with_room(|room| self.utilization_info(room, since));
        }
        match samples {
            Ok(samples) => Ok(newest(&samples)),
            // No process ran since the time asked for.
            Err(Code::NOT_FOUND) => Ok(Vec::new()),
            Err(code) => self.reading(Err(code)).map(|()| Vec::new()),
        }
    }

    fn utilization_samples(&self, room: u32, since: u64) -> Answer {
        let blank =
            nvmlProcessUtilizationSample_t { pid: 0, timeStamp: 0, smUtil: 0, memUtil: 0, encUtil: 0, decUtil: 0 };
        let mut samples = vec![blank; room as usize];
        let mut count = room;
        ask!(self, nvmlDeviceGetProcessUtilization(samples.as_mut_ptr(), &raw mut count, since))
            .map_err(|code| (code, count))?;
        let sampled = |told: &nvmlProcessUtilizationSample_t| Sampled {
            pid: told.pid,
            at: told.timeStamp,
            shares: [told.smUtil, told.memUtil, told.encUtil, told.decUtil],
            more: None,
        };
        Ok(self.kept(samples.iter().take(count as usize).map(sampled).collect(), size_of_val(&blank)))
    }

    fn utilization_info(&self, room: u32, since: u64) -> Answer {
        let mut samples = Vec::new();
        samples.resize_with(room as usize, || nvmlProcessUtilizationInfo_v1_t {
            timeStamp: 0,
            pid: 0,
            smUtil: 0,
            memUtil: 0,
            encUtil: 0,
            decUtil: 0,
            jpgUtil: 0,
            ofaUtil: 0,
        });
        let mut info = nvmlProcessesUtilizationInfo_v1_t {
            version: version_word::<nvmlProcessesUtilizationInfo_v1_t>(1),
            processSamplesCount: room,
            lastSeenTimeStamp: since,
            procUtilArray: samples.as_mut_ptr(),
        };
        let code = ask!(self, nvmlDeviceGetProcessesUtilizationInfo(ptr::from_mut(&mut info)));
        code.map_err(|code| (code, info.processSamplesCount))?;
        let sampled = |told: &nvmlProcessUtilizationInfo_v1_t| Sampled {
            pid: told.pid,
            at: told.timeStamp,
            shares: [told.smUtil, told.memUtil, told.encUtil, told.decUtil],
            more: Some([told.jpgUtil, told.ofaUtil]),
        };
        let counted = samples.iter().take(info.processSamplesCount as usize);
        Ok(self.kept(counted.map(sampled).collect(), size_of::<nvmlProcessUtilizationInfo_v1_t>()))
    }

    /// Returns the samples after a capture has recorded them.
    fn kept(&self, samples: Vec<Sampled>, width: usize) -> Vec<Sampled> {
        self.slot.listed(|| as_written(&samples, width));
        samples
    }

    /// Reads by the second function although the first answers: for a capture.
    pub(super) fn ask_for_shares_otherwise(&self) {
        let since = (Stamp::now().unix_ms * 1000).saturating_sub(WINDOW_US);
        let _ = with_room(|room| self.utilization_info(room, since));
    }
}

/// Reads with the usual room, and again if that was too little.
fn with_room(ask: impl Fn(u32) -> Answer) -> Result<Vec<Sampled>, Code> {
    let answer = match ask(ROOM) {
        Err((Code::INSUFFICIENT_SIZE, count)) if count > ROOM => ask(count.min(MAX_ROOM)),
        answer => answer,
    };
    answer.map_err(|(code, _)| code)
}

/// Converts samples for a capture: PID, age in microseconds (all ones without a time), and the shares.
fn as_written(samples: &[Sampled], width: usize) -> List {
    let now = Stamp::now().unix_ms * 1000;
    let entry = |sample: &Sampled| {
        let age = if sample.at == 0 { u64::MAX } else { now.saturating_sub(sample.at) };
        let shares = sample.shares.into_iter().chain(sample.more.into_iter().flatten());
        [sample.pid.into(), age].into_iter().chain(shares.map(u64::from)).collect()
    };
    List::Entries { width, entries: samples.iter().map(entry).collect() }
}

fn newest(samples: &[Sampled]) -> Vec<SampledProcess> {
    let credible = |sample: &&Sampled| sample.at > 0 && sample.shares.iter().all(|share| *share <= 100);
    let mut of_each: BTreeMap<u32, Option<&Sampled>> = BTreeMap::new();
    for sample in samples {
        let kept = of_each.entry(sample.pid).or_default();
        let newest = kept.is_none_or(|kept| sample.at >= kept.at);
        *kept = Some(sample).filter(credible).filter(|_| newest).or(*kept);
    }
    let share = |sample: &Sampled| {
        let [sm_percent, memory_percent, encoder_percent, decoder_percent] = sample.shares;
        ProcessShare { sm_percent, memory_percent, encoder_percent, decoder_percent }
    };
    let told =
        |(pid, sample): (u32, Option<&Sampled>)| SampledProcess { pid, share: sample.map(share).ok_or(Absence::Error) };
    of_each.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_share_is_newest_plausible_sample() {
        let sample = |pid, at, sm| Sampled { pid, at, shares: [sm, 1, 0, 0], more: None };
        let samples =
            [sample(7, 20, 40), sample(7, 10, 30), sample(7, 30, 37_100), sample(8, 0, 50), sample(9, 5, 100)];
        let sm = |told: &SampledProcess| (told.pid, told.share.map(|share| share.sm_percent));
        let found: Vec<_> = newest(&samples).iter().map(sm).collect();
        assert_eq!(found, [(7, Ok(40)), (8, Err(Absence::Error)), (9, Ok(100))]);
    }
}
