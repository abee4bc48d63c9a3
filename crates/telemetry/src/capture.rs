//! Content of a capture: each call into the driver, as it was made and answered. Nothing here is interpreted.

use serde::{Deserialize, Serialize};

/// One call, or that it cannot be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The NVML function.
    pub function: String,
    /// Subject of the call.
    pub about: About,
    /// Its other arguments, as far as they decide what it answers: a clock's number, a link's.
    pub with: Vec<u64>,
    /// Outcome.
    pub outcome: Outcome,
    /// When it was made, in microseconds since the capture began.
    pub at_us: u64,
    /// Duration in microseconds.
    pub took_us: u64,
}

/// Subject of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum About {
    /// The driver as a whole.
    Driver,
    /// A GPU, by NVML's index.
    Gpu(u32),
    /// A MIG instance, by its GPU's index and its place there.
    Instance {
        /// The GPU.
        gpu: u32,
        /// Which of the places that instances can have.
        place: u32,
    },
}

impl About {
    /// NVML index of the GPU that a call is about; none for the driver.
    #[must_use]
    pub const fn gpu(self) -> Option<u32> {
        match self {
            Self::Driver => None,
            Self::Gpu(gpu) | Self::Instance { gpu, .. } => Some(gpu),
        }
    }
}

/// Outcome of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// The library does not have the function.
    Missing,
    /// A return code other than 0.
    Code(u32),
    /// 0, and what was written, in the order of the arguments and of the structure's fields.
    Told(Vec<Item>),
    /// 0, and a list.
    Listed(List),
    /// 0, and field values.
    Fields(Vec<Field>),
    /// 0, and GPM metrics.
    Metrics(Vec<Metric>),
    /// 0, and a handle, which may be null.
    Handle {
        /// It is.
        null: bool,
    },
}

/// One value that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Item {
    /// A number's bits, extended by its sign if it has one.
    Word(u64),
    /// A text's bytes, up to its end.
    Text(Vec<u8>),
}

/// A list that was written into a buffer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum List {
    /// Entries of a known layout.
    Entries {
        /// Bytes of an entry.
        width: usize,
        /// PID of each and its other numbers, in the layout's order.
        entries: Vec<Vec<u64>>,
    },
    /// Entries of no known layout, of which nothing is kept, since it is not known where the PIDs stand.
    Unknown {
        /// Number of calls.
        count: u32,
        /// Number of bytes written.
        written: usize,
    },
}

/// A field value (`nvmlFieldValue_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// `fieldId`.
    pub id: u32,
    /// `scopeId`.
    pub scope: u32,
    /// `nvmlReturn`.
    pub code: u32,
    /// `valueType`.
    pub kind: u32,
    /// The bits of `value`, of which the type says how many count.
    pub bits: u64,
}

/// A GPM metric (`nvmlGpmMetric_t`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// `metricId`.
    pub id: u32,
    /// `nvmlReturn`.
    pub code: u32,
    /// `value`.
    pub value: f64,
}
