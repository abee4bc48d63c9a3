//! The GPUs once seen. One that the driver no longer counts stays listed until the agent ends, and one whose handle
//! is refused keeps its name.

use crate::{BootTime, snapshot::Gpu};

#[derive(Debug, Default)]
pub(super) struct KnownGpus {
    /// As they were when they last reported their UUID.
    known: Vec<Gpu>,
}

impl KnownGpus {
    /// A GPU that does not report its UUID takes the identity of the one that was last seen under its index, if that
    /// one is not elsewhere in the list, and was read when that was read.
    pub(super) fn name_the_nameless(&self, gpus: &mut [Gpu], now: BootTime) {
        let missing = self.missing_from(gpus);
        for gpu in gpus.iter_mut().filter(|gpu| gpu.identity.uuid.is_err()) {
            if let Some(known) = missing.iter().find(|known| known.index == gpu.index) {
                gpu.identity = known.identity.clone();
                if gpu.never_read {
                    (gpu.read_at, gpu.never_read) = (known.read_at, known.never_read);
                    gpu.age = now.since(known.read_at.boot);
                }
            }
        }
        for gpu in gpus.iter_mut().filter(|gpu| gpu.identity.name.is_err()) {
            if let Some(known) = self.known.iter().find(|known| same(known, gpu)) {
                gpu.identity.name = known.identity.name.clone();
            }
        }
    }

    /// Remembers each GPU that reports its UUID, under its current index.
    pub(super) fn remember(&mut self, gpus: &[Gpu]) {
        for gpu in gpus.iter().filter(|gpu| gpu.identity.uuid.is_ok()) {
            let kept = Gpu { processes: Vec::new(), ..gpu.clone() };
            match self.known.iter_mut().find(|known| same(known, gpu)) {
                Some(known) => *known = kept,
                None => self.known.push(kept),
            }
        }
    }

    /// The GPUs once seen, each under its last index.
    pub(super) fn known(&self) -> &[Gpu] {
        &self.known
    }

    /// The GPUs once seen that are not among these, by their last index.
    pub(super) fn missing_from(&self, gpus: &[Gpu]) -> Vec<Gpu> {
        let mut missing: Vec<Gpu> =
            self.known.iter().filter(|known| !gpus.iter().any(|gpu| same(known, gpu))).cloned().collect();
        missing.sort_by_key(|gpu| gpu.index);
        missing
    }
}

fn same(one: &Gpu, other: &Gpu) -> bool {
    one.identity.uuid.is_ok() && one.identity.uuid == other.identity.uuid
}
