//! The GPUs once seen. One that the driver no longer counts stays listed until the agent ends, and one whose handle
//! is refused keeps its name.

use crate::{BootTime, Stamp, readings::Identity, snapshot::Gpu};

/// Most GPUs that are listed though the driver does not count them: names that change all the time do not collect.
const MAX_MISSING: usize = 32;

#[derive(Debug, Default)]
pub(super) struct KnownGpus {
    /// As they were when they were last identified.
    known: Vec<KnownGpu>,
}

/// A GPU once seen.
#[derive(Clone, Debug)]
pub(super) struct KnownGpu {
    /// Name under which its records are kept.
    pub(super) key: String,
    /// Its last index.
    pub(super) index: u32,
    pub(super) identity: Identity,
    /// When it was last read.
    pub(super) read_at: Stamp,
    pub(super) never_read: bool,
}

impl KnownGpus {
    /// Completes the identity of GPUs that do not report all of it. One whose UUID changes keeps the first.
    pub(super) fn name_the_nameless(&self, gpus: &mut [Gpu], now: BootTime) {
        for gpu in gpus {
            let is_named = gpu.identity.uuid.is_ok() && gpu.identity.name.is_ok();
            if is_named && gpu.identity.uuid.as_deref() == Ok(&gpu.key) {
                continue;
            }
            let Some(known) = self.known.iter().find(|known| known.key == gpu.key) else { continue };
            gpu.identity = std::mem::replace(&mut gpu.identity, known.identity.clone()).or_before(&known.identity);
            if known.identity.uuid.as_deref() == Ok(&gpu.key) {
                gpu.identity.uuid.clone_from(&known.identity.uuid);
            }
            if gpu.never_read {
                (gpu.read_at, gpu.never_read) = (known.read_at, known.never_read);
                gpu.age = now.since(known.read_at.boot);
            }
        }
    }

    /// Remembers each GPU that was read, under its current index. Returns the names of those that it forgets instead.
    pub(super) fn remember(&mut self, gpus: &[Gpu]) -> Vec<String> {
        for gpu in gpus.iter().filter(|gpu| gpu.identity.uuid.is_ok() || !gpu.never_read) {
            let Gpu { index, read_at, never_read, .. } = *gpu;
            match self.known.iter_mut().find(|known| known.key == gpu.key) {
                Some(known) => {
                    (known.index, known.read_at, known.never_read) = (index, read_at, never_read);
                    if known.identity != gpu.identity {
                        known.identity = gpu.identity.clone();
                    }
                }
                None => {
                    let (key, identity) = (gpu.key.clone(), gpu.identity.clone());
                    self.known.push(KnownGpu { key, index, identity, read_at, never_read });
                }
            }
        }
        let is_missing = |known: &&KnownGpu| !gpus.iter().any(|gpu| gpu.key == known.key);
        let mut missing: Vec<(Stamp, String)> =
            self.known.iter().filter(is_missing).map(|known| (known.read_at, known.key.clone())).collect();
        missing.sort_by_key(|(read_at, _)| read_at.boot);
        missing.truncate(missing.len().saturating_sub(MAX_MISSING));
        missing.iter().for_each(|(_, key)| self.forget(key));
        missing.into_iter().map(|(_, key)| key).collect()
    }

    /// Forgets a GPU.
    pub(super) fn forget(&mut self, key: &str) {
        self.known.retain(|known| known.key != key);
    }

    /// The GPUs once seen, each under its last index.
    pub(super) fn known(&self) -> &[KnownGpu] {
        &self.known
    }

    /// The GPUs once seen whose names are not among these, by their last index.
    pub(super) fn missing_from(&self, names: &[String]) -> Vec<&KnownGpu> {
        let mut missing: Vec<&KnownGpu> = self.known.iter().filter(|known| !names.contains(&known.key)).collect();
        missing.sort_by_key(|known| known.index);
        missing
    }
}
