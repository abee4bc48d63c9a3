//! A lane: the thread that reads one GPU.

use std::path::PathBuf;
use std::sync::Arc;

use telemetry::{
    Absence, Stamp,
    sample::{Activity, FastSet, Identity, SlowSet, Traffic},
};

use crate::{
    board::Desk,
    crash,
    nvml::{Code, Device, Library},
    process::host_memory,
    pulse::{Beat, Finished, Pulse},
};

/// What a lane needs.
pub(crate) struct Lane {
    pub(crate) index: u32,
    pub(crate) library: Library,
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) desk: Desk,
    pub(crate) proc_root: PathBuf,
}

/// How many parts the slow set is read in, one per tick.
const SLOW_PARTS: u64 = 10;

/// A handle and what was read under it.
struct Held<'a> {
    device: Device<'a>,
    numbering: u64,
    identity: Identity,
    slow: SlowSet,
    /// The slow set's next part; none until it was read whole.
    next_part: Option<u64>,
    /// How many processes the lists held, so that the next buffer is large enough.
    listed: [usize; 2],
}

impl Lane {
    /// Reads on every beat until it is time to leave.
    pub(crate) fn run(self) {
        crash::works_at(&self.desk);
        let lane = self.index as usize;
        let mut held: Option<Held<'_>> = None;
        let mut last = 0;
        while let Some(beat) = self.pulse.next(lane, last) {
            last = beat.number;
            if held.as_ref().is_none_or(|held| held.numbering != beat.numbering || held.device.is_spoiled()) {
                let before = held.take();
                match self.take_up(beat, before.as_ref()) {
                    Ok(fresh) => held = Some(fresh),
                    Err(code) => {
                        // A handle refused is a finished reading too: it says why there is nothing.
                        self.pulse.report(lane, beat.number, Finished::absent(code.absence()));
                        continue;
                    }
                }
            }
            if let Some(held) = &mut held {
                self.read(beat, held);
            }
        }
    }

    /// Gets the handle and asks who it is. The same GPU as before goes on where it was; if another stands under this
    /// index now, others may have moved too.
    fn take_up<'a>(&'a self, beat: Beat, before: Option<&Held<'_>>) -> Result<Held<'a>, Code> {
        let device = Device::by_index(self.library, &self.desk, self.index)?;
        let identity = device.identity();
        let known = before.filter(|before| before.identity.uuid.is_ok() && identity.uuid.is_ok());
        let same = known.filter(|before| before.identity.uuid == identity.uuid);
        if known.is_some_and(|before| before.numbering == beat.numbering) && same.is_none() {
            self.pulse.renumber();
        }
        Ok(Held {
            device,
            numbering: beat.numbering,
            identity,
            slow: same.map_or(SlowSet::absent(Absence::Timeout), |before| before.slow.clone()),
            next_part: same.and_then(|before| before.next_part),
            listed: same.map_or([0; 2], |before| before.listed),
        })
    }

    fn read(&self, beat: Beat, held: &mut Held<'_>) {
        let lane = self.index as usize;
        let fast = self.fast(held);
        let finished = Finished {
            handle: Ok(()),
            read_at: Stamp::now(),
            identity: held.identity.clone(),
            fast,
            slow: held.slow.clone(),
            activity: Activity::absent(Absence::NotSupported),
            traffic: Traffic::absent(Absence::NotSupported),
            mig: Ok(Vec::new()),
        };
        // Before the slow set, so that a slow call there does not make the lane late.
        self.pulse.report(lane, beat.number, finished);
        match held.next_part {
            None => (0..SLOW_PARTS).for_each(|part| read_part(&held.device, part, &mut held.slow)),
            Some(part) => read_part(&held.device, part, &mut held.slow),
        }
        held.next_part = Some(held.next_part.map_or(0, |part| (part + 1) % SLOW_PARTS));
        self.pulse.report_slow(lane, held.slow.clone());
    }

    fn fast(&self, held: &mut Held<'_>) -> FastSet {
        let device = &held.device;
        let compute = device.compute_processes(held.listed[0]);
        let graphics = device.graphics_processes(held.listed[1]);
        held.listed = [compute.as_ref().map_or(0, Vec::len), graphics.as_ref().map_or(0, Vec::len)];
        FastSet {
            memory: device.memory(|| host_memory(&self.proc_root)),
            fan_percent: device.fan_percent(),
            temperature_celsius: device.temperature_celsius(),
            power_draw_mw: device.power_draw_mw(),
            power_limit_mw: device.power_limit_mw(),
            utilization: device.utilization(),
            compute,
            graphics,
            ..FastSet::absent(Absence::NotSupported)
        }
    }
}

/// One part of the slow set: as many as there are fields, so that each is read once in [`SLOW_PARTS`] ticks.
fn read_part(device: &Device<'_>, part: u64, slow: &mut SlowSet) {
    match part {
        0 => slow.enforced_limit_mw = device.enforced_limit_mw(),
        1 => slow.default_limit_mw = device.default_limit_mw(),
        2 => slow.slowdown_celsius = device.slowdown_celsius(),
        3 => slow.shutdown_celsius = device.shutdown_celsius(),
        4 => slow.pcie_max_generation = device.pcie_max_generation(),
        5 => slow.pcie_max_width = device.pcie_max_width(),
        6 => slow.persistence_mode = device.persistence_mode(),
        7 => slow.compute_mode = device.compute_mode(),
        8 => slow.display_active = device.display_active(),
        _ => slow.mig_mode = device.mig_mode(),
    }
}
