//! GPU reader: the thread that reads one GPU.

use std::{path::PathBuf, sync::Arc, thread, time::Duration};

use crate::{
    call_table::CallSlot,
    crash,
    nvml::{Code, Device, Library},
    session::Session,
    ticker::{GpuReading, Tick, Ticker},
    xids::Xids,
};

/// Pause between the two readings of a capture: longer than any window of a rate.
const CAPTURE_WINDOW: Duration = Duration::from_secs(1);

/// Reader of one GPU.
pub(crate) struct GpuReader {
    pub(crate) index: u32,
    pub(crate) library: Library,
    pub(crate) ticker: Arc<Ticker>,
    pub(crate) slot: CallSlot,
    pub(crate) proc_root: PathBuf,
    pub(crate) xids: Arc<Xids>,
}

impl GpuReader {
    /// Reads on every tick until shutdown.
    pub(crate) fn run(self) {
        crash::set_slot(&self.slot);
        let mut session: Option<Session<'_>> = None;
        let mut last = 0;
        while let Some(tick) = self.ticker.next(self.index as usize, last) {
            last = tick.number;
            if session.as_ref().is_none_or(|session| session.numbering != tick.numbering || session.must_reopen()) {
                let min_lifetime = session.as_ref().map_or(Duration::ZERO, Session::next_min_lifetime);
                match self.open(tick, session.take()) {
                    Ok(mut opened) => {
                        opened.min_lifetime = min_lifetime;
                        session = Some(opened);
                    }
                    Err(code) => {
                        self.report_refusal(tick, code);
                        continue;
                    }
                }
            }
            if let Some(session) = &mut session {
                self.read(tick, session);
            }
        }
    }

    /// Reads everything once for a capture, and after a window what needs two readings.
    pub(crate) fn capture(&self) {
        crash::set_slot(&self.slot);
        let Ok(mut session) = self.open(Tick { number: 1, numbering: 0 }, None) else { return };
        session.read_tick();
        session.read_slow(|| false);
        session.device.call_fallbacks();
        thread::sleep(CAPTURE_WINDOW);
        session.read_tick();
        session.read_slow(|| false);
    }

    /// Opens a handle. If another GPU has this index now, others may have moved too.
    fn open<'a>(&'a self, tick: Tick, before: Option<Session<'_>>) -> Result<Session<'a>, Code> {
        let device = Device::by_index(self.library, &self.slot, self.index)?;
        let (session, moved) = Session::open(device, self.index, tick.numbering, &self.proc_root, before);
        if moved {
            self.ticker.renumber();
        }
        Ok(session)
    }

    /// Reports a refused handle. That is a finished reading too: it says why there is nothing.
    fn report_refusal(&self, tick: Tick, code: Code) {
        self.xids.mark_lost(self.index, code.absence());
        let failure = self.library.failure("nvmlDeviceGetHandleByIndex_v2", code, &self.slot);
        let mut reading = GpuReading::absent(self.index, code.absence());
        reading.sample.refusal = Some(failure);
        reading.driver_gone = Some(code).filter(|code| code.means_driver_gone());
        self.ticker.report(self.index as usize, tick.number, reading);
    }

    fn read(&self, tick: Tick, session: &mut Session<'_>) {
        session.read_tick();
        // Before the slow readings, so that a slow call among them does not make this reader late.
        self.ticker.report(self.index as usize, tick.number, session.report());
        let is_new = !std::mem::replace(&mut session.subscribed, true);
        self.xids.subscribe(self.index, &session.device, &session.sample.identity.uuid, is_new);
        session.read_slow(|| self.ticker.is_past(tick.number));
    }
}
