//! Faults and error codes, and the calls that they concern.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::code::{Outcome, SUCCESS};
use crate::function::Function;
use crate::value::Value;

/// Fault of the calls of one function. Faults apply in the order of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// Exact exported name, or `"*"` for every function of a GPU.
    pub(crate) function: Pattern,
    /// Index of a GPU, including its MIG instances. Default: all.
    pub(crate) gpu: Option<usize>,
    /// Return code.
    pub(crate) code: Option<u32>,
    /// Time that the call takes, in milliseconds.
    pub(crate) latency_ms: Option<Value>,
    /// Blocks until a version of the scenario without a matching hang is read.
    #[serde(default)]
    pub(crate) hang: bool,
    /// Returns success with absurd values.
    #[serde(default)]
    pub(crate) garbage: bool,
    pub(crate) crash: Option<Crash>,
    /// Exits the process with this status.
    pub(crate) exit: Option<i32>,
    /// Writes stray bytes.
    pub(crate) write: Option<Write>,
    /// Number of times that a process list returns "insufficient size", each time for one more entry.
    pub(crate) insufficient_size_times: Option<u64>,
    /// Number of matching calls without the fault first. Each version of the scenario starts counting again.
    #[serde(default)]
    pub(crate) after_calls: u64,
    /// Number of matching calls with the fault after that. Default: all.
    pub(crate) times: Option<u64>,
}

/// Bytes that a call writes, and their destination.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Write {
    pub(crate) to: Destination,
    pub(crate) bytes: Vec<u8>,
    /// Number of times that the bytes are written.
    #[serde(default = "once")]
    pub(crate) repeat: u64,
}

fn once() -> u64 {
    1
}

/// Destination that the library must not write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Destination {
    /// Standard output, like a library that prints messages.
    Stdout,
    /// Every pipe of the process that is open for writing, except the standard descriptors.
    Pipes,
}

/// Way in which a call crashes the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Crash {
    /// A write to an address that is not mapped.
    Segv,
    /// `abort()`.
    Abort,
    /// Heap overrun that the allocator detects.
    Heap,
    /// Panic inside this library, which must return "unknown error".
    Panic,
}

/// One function, or all functions of a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pattern {
    Every,
    One(Function),
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if name == "*" {
            return Ok(Self::Every);
        }
        Function::named(&name)
            .map(Self::One)
            .ok_or_else(|| D::Error::custom(format!("`{name}` is not an exported function")))
    }
}

/// Return codes by function.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Errors(BTreeMap<Pattern, u32>);

impl Errors {
    /// Code of a function: its own, or that of `"*"`. A code of 0 exempts the function from `"*"`.
    pub(crate) fn of(&self, function: Function) -> Option<u32> {
        self.of_exactly(function).or_else(|| self.0.get(&Pattern::Every).copied())
    }

    /// Fails with the function's own code, for a call whose device is not an argument.
    pub(crate) fn check(&self, function: Function) -> Outcome {
        self.of_exactly(function).filter(|code| *code != SUCCESS).map_or(Ok(()), Err)
    }

    /// Code of a function without that of `"*"`.
    pub(crate) fn of_exactly(&self, function: Function) -> Option<u32> {
        self.0.get(&Pattern::One(function)).copied()
    }
}
