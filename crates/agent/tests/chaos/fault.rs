//! The faults, and what each may change.

use std::time::Duration;

use crate::effect::{Effect, Gpus};

/// Ways in which a driver library ends its process.
pub(crate) const CRASHES: [&str; 4] = ["crash = 'segv'", "crash = 'abort'", "crash = 'heap'", "exit = 43"];

/// Bytes that a library writes into the frames, with the expected log text.
pub(crate) type Stray = (&'static str, Vec<u8>);

/// One fault. Times are how long it lasts, where nothing else ends it.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    Hang {
        gpu: Option<usize>,
        function: &'static str,
    },
    /// Until its values are too old to be shown.
    LongHang {
        gpu: usize,
    },
    Slow {
        gpu: Option<usize>,
        function: &'static str,
        milliseconds: u64,
    },
    Code {
        gpu: Option<usize>,
        function: &'static str,
        code: u32,
    },
    Garbage {
        gpu: usize,
        function: &'static str,
    },
    /// The driver reports success and a number that cannot be.
    Implausible {
        gpu: usize,
        line: &'static str,
    },
    Panic {
        gpu: usize,
        function: &'static str,
    },
    Shrink {
        to: usize,
    },
    Grow {
        to: usize,
    },
    CountFails {
        code: u32,
    },
    /// Every call fails, and init too.
    Gone {
        code: u32,
    },
    InitFails {
        code: u32,
    },
    InitHangs,
    /// In one GPU's calls, which are to blame then, or in those that count GPUs.
    Crash {
        gpu: Option<usize>,
        function: &'static str,
        how: &'static str,
        after: u64,
        times: u32,
    },
    Killed,
    Stopped,
    StoppedBriefly,
    Layout {
        bytes: u32,
    },
    /// A process list grows while it is read.
    Race {
        gpu: usize,
        times: u32,
    },
    /// Processes appear on the GPU and vanish.
    Churn {
        gpu: usize,
    },
    Impossible {
        gpu: usize,
    },
    Crowd {
        gpu: usize,
    },
    LibraryReplaced,
    LibraryRemoved,
    ScenarioBroken {
        text: &'static str,
    },
    ScenarioRemoved,
    Prints,
    Stray {
        what: Stray,
    },
    /// Two of one GPU each.
    Two(Box<[Fault; 2]>),
}

impl Fault {
    /// Permitted effects.
    pub(crate) fn effect(&self) -> Effect {
        let of = |gpu: &Option<usize>| gpu.map_or(Gpus::ALL, Gpus::one);
        match self {
            Self::Hang { gpu, .. } | Self::Slow { gpu, .. } => Effect::delays(of(gpu)),
            Self::Code { gpu, .. } => Effect::changes(of(gpu)),
            Self::LongHang { gpu }
            | Self::Garbage { gpu, .. }
            | Self::Implausible { gpu, .. }
            | Self::Panic { gpu, .. }
            | Self::Churn { gpu }
            | Self::Impossible { gpu }
            | Self::Crowd { gpu } => Effect::changes(Gpus::one(*gpu)),
            Self::Shrink { to } => Effect::changes(Gpus::from(*to)),
            // Up to five times a list is asked for again; the row does not show it.
            Self::Race { times, .. } if *times <= 5 => Effect::default(),
            Self::Race { gpu, .. } => Effect::changes(Gpus::one(*gpu)),
            Self::Grow { .. }
            | Self::CountFails { .. }
            | Self::Layout { .. }
            | Self::ScenarioBroken { .. }
            | Self::ScenarioRemoved
            | Self::Prints => Effect::default(),
            // Counting fails with the one, and a fresh collector's init with the other.
            Self::Gone { code } => Effect::changes(Gpus::ALL).and(Effect::replaces()).says(text(999)).says(text(*code)),
            Self::InitFails { code } => Effect::replaces().says(text(*code)),
            Self::LibraryRemoved => Effect::replaces().says("NVML Shared Library Not Found"),
            // A GPU in whose calls the library died twice is left out.
            Self::Crash { gpu: Some(gpu), .. } => Effect::replaces().and(Effect::changes(Gpus::one(*gpu))),
            Self::InitHangs
            | Self::Crash { gpu: None, .. }
            | Self::Killed
            | Self::Stopped
            | Self::StoppedBriefly
            | Self::LibraryReplaced
            | Self::Stray { .. } => Effect::replaces(),
            Self::Two(both) => both[0].effect().and(both[1].effect()),
        }
    }

    /// True if the collector ends, so that the delay of the next one depends on the number that ended before.
    pub(crate) fn ends_the_collector(&self) -> bool {
        self.effect().fresh
    }

    /// Within how long the host must be healthy again.
    pub(crate) fn heals_within(&self) -> Duration {
        // A collector that ends again and again is waited with, up to half a minute.
        Duration::from_secs(if self.ends_the_collector() { 45 } else { 10 })
    }

    /// Name under which its times are reported together.
    pub(crate) fn label(&self) -> String {
        let of = |gpu: &Option<usize>| if gpu.is_some() { "one GPU" } else { "all GPUs" };
        match self {
            Self::Hang { gpu, .. } => format!("a call hangs, {}", of(gpu)),
            Self::LongHang { .. } => "a call hangs for over a minute, one GPU".into(),
            Self::Slow { gpu, .. } => format!("a call is slow, {}", of(gpu)),
            Self::Code { gpu, code: 15, function: "*" } => format!("lost, {}", of(gpu)),
            Self::Code { gpu, .. } => format!("an error code, {}", of(gpu)),
            Self::Garbage { .. } => "garbage values".into(),
            Self::Implausible { .. } => "implausible values".into(),
            Self::Panic { .. } => "the library survives its own fault".into(),
            Self::Shrink { .. } => "fewer GPUs are counted".into(),
            Self::Grow { .. } => "more GPUs are counted".into(),
            Self::CountFails { .. } => "counting fails".into(),
            Self::Gone { .. } => "the driver goes away".into(),
            Self::InitFails { .. } => "killed, and then init fails".into(),
            Self::InitHangs => "killed, and then init hangs".into(),
            Self::Crash { times: 2.., gpu: Some(_), .. } => "one GPU's calls crash the library twice".into(),
            Self::Crash { times: 1, .. } => "the library crashes once".into(),
            Self::Crash { .. } => "the library crashes repeatedly".into(),
            Self::Killed => "SIGKILL".into(),
            Self::Stopped => "SIGSTOP".into(),
            Self::StoppedBriefly => "SIGSTOP, and SIGCONT in time".into(),
            Self::Layout { .. } => "another layout of process lists".into(),
            Self::Race { .. } => "process lists grow while they are read".into(),
            Self::Churn { .. } => "processes appear and vanish".into(),
            Self::Impossible { .. } => "impossible PIDs".into(),
            Self::Crowd { .. } => "10,000 processes on one GPU".into(),
            Self::LibraryReplaced => "the library is replaced".into(),
            Self::LibraryRemoved => "the library is removed".into(),
            Self::ScenarioBroken { .. } | Self::ScenarioRemoved => "the scenario is broken or removed".into(),
            Self::Prints => "the library prints to standard output".into(),
            Self::Stray { .. } => "the library writes into the frames".into(),
            Self::Two(_) => "two GPUs in trouble".into(),
        }
    }
}

/// The driver's words for a code, as the contract has them.
fn text(code: u32) -> &'static str {
    match code {
        4 => "Insufficient Permissions",
        9 => "Driver Not Loaded",
        18 => "RM has detected an NVML/RM version mismatch.",
        _ => "Unknown Error",
    }
}
