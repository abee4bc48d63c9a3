//! What goes wrong, and in which calls.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::abi::Function;
use crate::code::{Done, SUCCESS};
use crate::value::Value;

/// What goes wrong in calls of one function. Faults are tried in their order in the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// The exact exported name, or `"*"` for every function of a GPU.
    pub(crate) function: Pattern,
    /// The index of a GPU (and its MIG instances); all unless given.
    pub(crate) gpu: Option<usize>,
    pub(crate) code: Option<u32>,
    pub(crate) latency_ms: Option<Value>,
    /// Blocks until a scenario without a matching hang is read.
    #[serde(default)]
    pub(crate) hang: bool,
    /// Success, with absurd values.
    #[serde(default)]
    pub(crate) garbage: bool,
    pub(crate) crash: Option<Crash>,
    /// The whole process exits with this status.
    pub(crate) exit: Option<i32>,
    /// Bytes are written to where they do not belong.
    pub(crate) write: Option<Write>,
    /// A process list answers "insufficient size" this many times, each time as if one more entry had come up.
    pub(crate) insufficient_size_times: Option<u64>,
    /// Matching calls that go well first. Counted anew for each version of the scenario.
    #[serde(default)]
    pub(crate) after_calls: u64,
    /// How many matching calls go wrong then.
    pub(crate) times: Option<u64>,
}

/// What a call writes, and where.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Write {
    pub(crate) to: Place,
    pub(crate) bytes: Vec<u8>,
    /// How often, one after the other.
    #[serde(default = "once")]
    pub(crate) repeat: u64,
}

fn once() -> u64 {
    1
}

/// A place that is not the library's to write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// Standard output, as a library does that prints what it has to say.
    Stdout,
    /// Every pipe of the process that is open for writing, but the standard ones: a stray descriptor.
    Pipes,
}

/// How a call brings the process down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Crash {
    /// A write to an address that is not mapped.
    Segv,
    /// `abort()`.
    Abort,
    /// The heap is overrun, and the allocator finds out.
    Heap,
    /// A panic inside this library, which it must answer with "unknown error".
    Panic,
}

/// A function, or all that concern a GPU.
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
            .ok_or_else(|| D::Error::custom(format!("there is no exported function `{name}`")))
    }
}

/// Function to return code.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Errors(BTreeMap<Pattern, u32>);

impl Errors {
    /// The code for a function, its own before that of `"*"`. 0 is no error, and so takes a function out of `"*"`.
    pub(crate) fn of(&self, function: Function) -> Option<u32> {
        self.of_exactly(function).or_else(|| self.0.get(&Pattern::Every).copied())
    }

    /// Fails a function of that name alone: one that is not called with the GPU or instance whose table this is.
    pub(crate) fn strike(&self, function: Function) -> Done {
        self.of_exactly(function).filter(|code| *code != SUCCESS).map_or(Ok(()), Err)
    }

    /// The code for a function that is not one of a GPU, which `"*"` is not about.
    pub(crate) fn of_exactly(&self, function: Function) -> Option<u32> {
        self.0.get(&Pattern::One(function)).copied()
    }
}
