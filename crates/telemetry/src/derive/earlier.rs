//! GPUs that earlier runs of the agent read, by the saved state: one that the driver does not list is missing.
//!
//! Nothing is reported missing before the driver has listed its GPUs, and each of them could be identified.

use std::collections::BTreeSet;

use crate::{
    Stamp,
    derive::{
        events::Log,
        identity::{is_lasting, is_uuid},
        known_gpus::KnownGpu,
        saved::EarlierGpu,
    },
    snapshot::{Gpu, MissingGpu},
};

/// Most GPUs that are listed as missing: hosts that get other GPUs at each boot do not collect them.
const MAX_MISSING: usize = 32;

/// The GPUs of earlier runs.
#[derive(Debug, Default)]
pub(super) struct EarlierGpus {
    /// GPUs that this run has not read.
    unread: Vec<Unread>,
    /// Names of all GPUs of earlier runs.
    names: BTreeSet<String>,
    /// Each GPU that the driver lists was identified once.
    is_complete: bool,
}

#[derive(Debug)]
struct Unread {
    gpu: EarlierGpu,
    /// The driver lists it.
    is_listed: bool,
}

impl EarlierGpus {
    pub(super) fn restored(gpus: Vec<EarlierGpu>) -> Self {
        let names = gpus.iter().map(|gpu| gpu.key.clone()).collect();
        let unread = gpus.into_iter().map(|gpu| Unread { gpu, is_listed: false }).collect();
        Self { unread, names, is_complete: false }
    }

    /// Takes in the GPUs of a snapshot. Each change is one event.
    pub(super) fn see(&mut self, gpus: &[Gpu], now: Stamp, log: &mut Log) {
        if self.unread.is_empty() {
            return;
        }
        for unread in &mut self.unread {
            unread.is_listed = gpus.iter().any(|gpu| is_same(&unread.gpu, gpu));
        }
        for gpu in gpus.iter().filter(|gpu| !gpu.never_read) {
            let found = self.unread.extract_if(.., |unread| is_same(&unread.gpu, gpu));
            found.filter(|unread| unread.gpu.is_reported).for_each(|_| log.found(gpu, now));
        }
        let is_identified = |gpu: &Gpu| gpu.identity.uuid.is_ok() || gpu.identity.pci_bus_id.is_ok();
        if gpus.iter().all(is_identified) {
            self.is_complete = true;
            self.report(gpus, now, log);
        }
    }

    fn report(&mut self, gpus: &[Gpu], now: Stamp, log: &mut Log) {
        let names = &self.names;
        let replacement =
            |earlier: &EarlierGpu| gpus.iter().find(|gpu| !names.contains(&gpu.key) && is_in_place(earlier, gpu));
        self.unread.retain_mut(|Unread { gpu, is_listed }| {
            if *is_listed {
                return true;
            }
            // A GPU in its place that no earlier run knew replaces it.
            if let Some(other) = replacement(gpu) {
                log.replaced(&missing(gpu), other, now);
                return false;
            }
            if !std::mem::replace(&mut gpu.is_reported, true) {
                log.missing(&missing(gpu), now);
            }
            true
        });
        if self.unread.len() > MAX_MISSING {
            self.unread.sort_by_key(|unread| std::cmp::Reverse(unread.gpu.read_at_ms));
            self.unread.truncate(MAX_MISSING);
        }
    }

    /// The GPUs that the driver does not list.
    pub(super) fn missing(&self) -> impl Iterator<Item = MissingGpu> {
        self.unread.iter().filter(|unread| self.is_complete && !unread.is_listed).map(|unread| missing(&unread.gpu))
    }

    /// Forgets a GPU.
    pub(super) fn forget(&mut self, key: &str) {
        self.unread.retain(|unread| unread.gpu.key != key);
    }

    /// The GPUs to save: those that this run has read, and those that only earlier ones have.
    pub(super) fn saved(&self, known: &[KnownGpu]) -> Vec<EarlierGpu> {
        let read = known.iter().filter(|known| !known.never_read && is_lasting(&known.key));
        let read = read.map(|known| EarlierGpu {
            key: known.key.clone(),
            index: known.index,
            name: known.identity.name.clone().ok(),
            pci_bus_id: known.identity.pci_bus_id.clone().ok(),
            read_at_ms: known.read_at.unix_ms,
            is_reported: false,
        });
        read.chain(self.unread.iter().map(|unread| unread.gpu.clone())).collect()
    }
}

/// True of a GPU that is this one, or may be: one whose UUID is not used is known by its bus.
fn is_same(earlier: &EarlierGpu, gpu: &Gpu) -> bool {
    let by_bus = gpu.identity.uuid.as_ref() != Ok(&gpu.key) || !is_uuid(&earlier.key);
    earlier.key == gpu.key || (by_bus && is_same_bus(earlier, gpu))
}

fn is_same_bus(earlier: &EarlierGpu, gpu: &Gpu) -> bool {
    earlier.pci_bus_id.is_some() && earlier.pci_bus_id.as_ref() == gpu.identity.pci_bus_id.as_ref().ok()
}

fn is_in_place(earlier: &EarlierGpu, gpu: &Gpu) -> bool {
    match earlier.pci_bus_id {
        Some(_) => is_same_bus(earlier, gpu),
        None => earlier.index == gpu.index,
    }
}

fn missing(earlier: &EarlierGpu) -> MissingGpu {
    MissingGpu {
        id: earlier.key.clone(),
        name: earlier.name.clone().unwrap_or_default(),
        read_at_ms: earlier.read_at_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Absence,
        fixtures::blank::{self, at},
    };

    fn gpu(index: u32, uuid: &str, bus: &str) -> Gpu {
        let mut gpu = Gpu { index, ..blank::gpu(uuid, at(1)) };
        gpu.identity.uuid = Ok(uuid.into());
        gpu.identity.pci_bus_id = Ok(bus.into());
        gpu
    }

    fn without_uuid(index: u32, bus: &str) -> Gpu {
        let mut gpu = gpu(index, &format!("bus {bus}"), bus);
        gpu.identity.uuid = Err(Absence::NotSupported);
        gpu
    }

    fn earlier(gpus: &[Gpu]) -> EarlierGpus {
        let known = gpus.iter().map(|gpu| KnownGpu {
            key: gpu.key.clone(),
            index: gpu.index,
            identity: gpu.identity.clone(),
            read_at: gpu.read_at,
            never_read: false,
        });
        let known: Vec<KnownGpu> = known.collect();
        EarlierGpus::restored(EarlierGpus::default().saved(&known))
    }

    /// Names of missing GPUs and codes of events, in a run with these GPUs.
    fn run(earlier: &mut EarlierGpus, gpus: &[Gpu]) -> (Vec<String>, Vec<String>) {
        let mut log = Log::default();
        earlier.see(gpus, at(2), &mut log);
        let codes = log.kept(1).iter().map(|event| event.code.clone()).collect();
        (earlier.missing().map(|gpu| gpu.id).collect(), codes)
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).into()).collect()
    }

    #[test]
    fn gpu_is_known_by_uuid_or_bus() {
        let (a, b) = (gpu(0, "A", "1:0"), gpu(1, "B", "2:0"));
        for (run_before, now, missing, codes) in [
            (vec![a.clone(), b.clone()], vec![b.clone(), a.clone()], &[][..], &[][..]),
            (vec![a.clone(), b.clone()], vec![gpu(0, "B", "1:0")], &["A"], &["missing"]),
            (vec![a.clone(), b.clone()], vec![], &["A", "B"], &["missing", "missing"]),
            // It is another one, in the same place.
            (vec![a.clone(), b.clone()], vec![a.clone(), gpu(1, "C", "2:0")], &[], &["replaced"]),
            (vec![a.clone(), b.clone()], vec![a.clone(), gpu(1, "C", "3:0")], &["B"], &["missing"]),
            // Its UUID could be read in one run, and not in the other.
            (vec![a.clone(), without_uuid(1, "2:0")], vec![a.clone(), b.clone()], &[], &[]),
            (vec![a.clone(), b.clone()], vec![a.clone(), without_uuid(1, "2:0")], &[], &[]),
            (vec![a.clone(), without_uuid(1, "2:0")], vec![a.clone()], &["bus 2:0"], &["missing"]),
        ] {
            assert_eq!(run(&mut earlier(&run_before), &now), (names(missing), names(codes)), "{now:?}");
        }
    }

    #[test]
    fn gpu_not_missing_before_all_are_identified() {
        let (a, b) = (gpu(0, "A", "1:0"), gpu(1, "B", "2:0"));
        let mut unread = Gpu { never_read: true, ..gpu(1, "index 1", "") };
        (unread.identity.uuid, unread.identity.pci_bus_id) = (Err(Absence::Denied), Err(Absence::Denied));
        let mut gpus = earlier(&[a.clone(), b.clone()]);
        assert_eq!(run(&mut gpus, &[a.clone(), unread]), (vec![], vec![]));
        assert_eq!(gpus.saved(&[]).iter().map(|gpu| &*gpu.key).collect::<Vec<_>>(), ["B"], "it is kept");
        // One that was listed and not read is kept too, and missing when it is not listed.
        assert_eq!(run(&mut gpus, &[a.clone(), Gpu { never_read: true, ..b.clone() }]), (vec![], vec![]));
        assert_eq!(run(&mut gpus, std::slice::from_ref(&a)), (names(&["B"]), names(&["missing"])));
        assert_eq!(run(&mut gpus, std::slice::from_ref(&a)), (names(&["B"]), vec![]), "one event");
        let mut next = EarlierGpus::restored(gpus.saved(&[]));
        assert_eq!(run(&mut next, std::slice::from_ref(&a)), (names(&["B"]), vec![]), "also in the next run");
        assert_eq!(run(&mut next, &[a, b]), (vec![], names(&["found"])));
    }

    #[test]
    fn missing_gpus_are_bounded() {
        let many: Vec<Gpu> = (0..100).map(|index| gpu(index, &format!("{index}"), &format!("{index}:0"))).collect();
        let mut gpus = earlier(&many);
        run(&mut gpus, &[]);
        assert_eq!(gpus.saved(&[]).len(), MAX_MISSING);
    }
}
