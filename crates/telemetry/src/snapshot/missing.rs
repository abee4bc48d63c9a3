//! GPUs that the driver does not list.

/// A GPU that an earlier run of the agent read, and that the driver does not list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingGpu {
    /// UUID; where that is not used, the PCI bus id with `bus ` before it.
    pub id: String,
    /// Product name; empty if it was never read.
    pub name: String,
    /// When it was last read, Unix time in milliseconds.
    pub read_at_ms: u64,
}

impl MissingGpu {
    /// Description.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { id, name, .. } = self;
        let name = if name.is_empty() { "GPU" } else { name };
        format!("{name} {id} is missing: an earlier run read it, and the driver does not list it")
    }

    /// Remedy.
    #[must_use]
    pub fn action(&self) -> String {
        format!(
            "Look for it with `lspci` and in the kernel's log. If it was removed on purpose, run \
             `nvidia-smi-web-agent forget {}`.",
            self.id.trim_start_matches("bus ")
        )
    }
}
