//! The GPUs once seen. One that the driver no longer counts stays listed until the agent ends, and one whose handle
//! is refused keeps its name.

use crate::{BootTime, Stamp, readings::Identity, snapshot::Gpu};

#[derive(Debug, Default)]
pub(super) struct KnownGpus {
    /// As they were when they last reported their UUID.
    known: Vec<KnownGpu>,
}

/// A GPU once seen.
#[derive(Clone, Debug)]
pub(super) struct KnownGpu {
    /// Its last index.
    pub(super) index: u32,
    pub(super) identity: Identity,
    /// When it was last read.
    pub(super) read_at: Stamp,
    pub(super) never_read: bool,
}

impl KnownGpus {
    /// A GPU that does not report its UUID takes the identity of the one that was last seen under its index, if that
    /// one is not elsewhere in the list, and was read when that was read.
    pub(super) fn name_the_nameless(&self, gpus: &mut [Gpu], now: BootTime) {
        if gpus.iter().any(|gpu| gpu.identity.uuid.is_err()) {
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
        }
        for gpu in gpus.iter_mut().filter(|gpu| gpu.identity.name.is_err()) {
            if let Some(known) = self.known.iter().find(|known| same(&known.identity, &gpu.identity)) {
                gpu.identity.name = known.identity.name.clone();
            }
        }
    }

    /// Remembers each GPU that reports its UUID, under its current index.
    pub(super) fn remember(&mut self, gpus: &[Gpu]) {
        for gpu in gpus.iter().filter(|gpu| gpu.identity.uuid.is_ok()) {
            let Gpu { index, read_at, never_read, .. } = *gpu;
            match self.known.iter_mut().find(|known| same(&known.identity, &gpu.identity)) {
                Some(known) => {
                    (known.index, known.read_at, known.never_read) = (index, read_at, never_read);
                    if known.identity != gpu.identity {
                        known.identity = gpu.identity.clone();
                    }
                }
                None => self.known.push(KnownGpu { index, identity: gpu.identity.clone(), read_at, never_read }),
            }
        }
    }

    /// The GPUs once seen, each under its last index.
    pub(super) fn known(&self) -> &[KnownGpu] {
        &self.known
    }

    /// The GPUs once seen that are not among these, by their last index.
    pub(super) fn missing_from(&self, gpus: &[Gpu]) -> Vec<KnownGpu> {
        let is_missing = |known: &&KnownGpu| !gpus.iter().any(|gpu| same(&known.identity, &gpu.identity));
        let mut missing: Vec<KnownGpu> = self.known.iter().filter(is_missing).cloned().collect();
        missing.sort_by_key(|known| known.index);
        missing
    }
}

fn same(one: &Identity, other: &Identity) -> bool {
    one.uuid.is_ok() && one.uuid == other.uuid
}
