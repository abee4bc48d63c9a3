//! GPUs that can be forgotten: those that the driver does not list.

use crate::{derive::known_gpus::KnownGpu, snapshot::GpuState, terminal::printable};

/// Most GPUs that an error names.
const MAX_NAMED: usize = 16;

/// Reason why a GPU is not forgotten.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotForgotten {
    /// The driver lists it, so that it would be there again at once.
    #[error(
        "the driver lists GPU {index} ({key}), so it is not forgotten; expected a GPU that was taken out or is missing: \
         {others}"
    )]
    Listed {
        /// NVML's index.
        index: usize,
        /// Its name.
        key: String,
        /// GPUs that can be forgotten.
        others: String,
    },
    /// The driver lists it, though it is lost.
    #[error(
        "the driver still lists GPU {index} ({key}) as lost; if it was taken out, run `nvidia-smi-web-agent release --for \
         1s`, after which the GPUs are counted again, then forget it"
    )]
    Lost {
        /// NVML's index.
        index: usize,
        /// Its name.
        key: String,
    },
    /// None has that name.
    #[error("no GPU {gpu}; expected the UUID, PCI bus id or index of a GPU that was taken out or is missing: {others}")]
    Unknown {
        /// Name as given.
        gpu: String,
        /// GPUs that can be forgotten.
        others: String,
    },
}

/// The GPUs by name.
pub(super) struct Candidates<'a> {
    /// GPUs that the driver lists, in its order.
    pub(super) listed: &'a [String],
    /// GPUs that it listed earlier in this run, shown after the others.
    pub(super) uncounted: Vec<&'a KnownGpu>,
    /// GPUs that only earlier runs read.
    pub(super) missing: Vec<String>,
    /// The GPUs of this run.
    pub(super) known: &'a [KnownGpu],
}

impl Candidates<'_> {
    /// Name of the GPU that is meant, if it can be forgotten.
    pub(super) fn find(&self, gpu: &str, state: impl Fn(&str) -> Option<GpuState>) -> Result<String, NotForgotten> {
        let uncounted = self.uncounted.iter().map(|known| &known.key);
        let mut shown = (0..).zip(self.listed.iter().chain(uncounted));
        let Some((index, key)) = shown.find(|(index, key)| gpu == format!("{index}") || self.is_named(key, gpu)) else {
            let missing = self.missing.iter().find(|key| self.is_named(key, gpu)).cloned();
            return missing.ok_or_else(|| NotForgotten::Unknown { gpu: printable(gpu).into(), others: self.names() });
        };
        if index >= self.listed.len() {
            return Ok(key.clone());
        }
        let key_shown = printable(key).into();
        Err(match state(key) {
            Some(GpuState::Lost) => NotForgotten::Lost { index, key: key_shown },
            _ => NotForgotten::Listed { index, key: key_shown, others: self.names() },
        })
    }

    /// True if this is a name of the GPU: the one of its records, its UUID, or its PCI bus id.
    fn is_named(&self, key: &str, gpu: &str) -> bool {
        let identity = || self.known.iter().find(|known| known.key == key).map(|known| &known.identity);
        key.trim_start_matches("bus ").eq_ignore_ascii_case(gpu.trim_start_matches("bus "))
            || identity().is_some_and(|identity| {
                [&identity.uuid, &identity.pci_bus_id].iter().any(|name| name.as_deref() == Ok(gpu))
            })
    }

    /// Names of those that can be forgotten.
    fn names(&self) -> String {
        let uncounted = (self.listed.len()..).zip(&self.uncounted);
        let uncounted = uncounted.map(|(index, known)| format!("{index} ({})", known.key));
        let all: Vec<String> = uncounted.chain(self.missing.iter().cloned()).collect();
        if all.is_empty() {
            return "there is none".into();
        }
        let named: Vec<_> = all.iter().take(MAX_NAMED).map(|name| printable(name)).collect();
        let more = if all.len() > MAX_NAMED { ", …" } else { "" };
        format!("{}{more}", named.join(", "))
    }
}
