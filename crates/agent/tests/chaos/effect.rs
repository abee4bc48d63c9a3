//! Changes in answers that a fault may cause, and thereby those that it may not.

/// GPUs that every host of the suite has.
pub(crate) const GPUS: usize = 4;
/// GPUs that it may come to have: the driver can count these too.
pub(crate) const SPARE: usize = 2;

/// A set of GPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gpus(u8);

impl Gpus {
    pub(crate) const ALL: Self = Self((1 << GPUS) - 1);

    pub(crate) const fn one(gpu: usize) -> Self {
        Self(1 << gpu)
    }

    /// The last ones, from that on.
    pub(crate) const fn from(first: usize) -> Self {
        Self(Self::ALL.0 & !((1 << first) - 1))
    }

    pub(crate) const fn has(self, gpu: usize) -> bool {
        self.0 & (1 << gpu) != 0
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Permitted differences from a healthy host while a fault lasts, and until it is healed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effect {
    /// Rows of these may say anything that the contract allows.
    pub(crate) changed: Gpus,
    /// The readings of these may be late: they keep their values, with their old `ts`.
    pub(crate) late: Gpus,
    /// A fresh collector may not know yet who the processes are.
    pub(crate) fresh: bool,
    /// The driver may be reported as unreadable, in these words.
    pub(crate) unreadable: Vec<&'static str>,
}

impl Effect {
    pub(crate) fn changes(changed: Gpus) -> Self {
        Self { changed, late: changed, ..Self::default() }
    }

    pub(crate) fn delays(late: Gpus) -> Self {
        Self { late, ..Self::default() }
    }

    /// The collector ends, and another begins.
    pub(crate) fn replaces() -> Self {
        Self { late: Gpus::ALL, fresh: true, ..Self::default() }
    }

    pub(crate) fn says(mut self, text: &'static str) -> Self {
        self.unreadable.push(text);
        self
    }

    pub(crate) fn and(mut self, other: Self) -> Self {
        self.changed = self.changed.and(other.changed);
        self.late = self.late.and(other.late);
        self.fresh |= other.fresh;
        self.unreadable.extend(other.unreadable);
        self
    }

    /// True if some GPU is read on time throughout, so that the agent is ready.
    pub(crate) fn leaves_it_ready(&self) -> bool {
        !self.fresh && self.unreadable.is_empty() && self.late != Gpus::ALL
    }
}
