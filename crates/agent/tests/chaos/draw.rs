//! Which fault comes next: each kind once, in a random order, and then again.

use fastrand::Rng;
use telemetry::frame::{self, Message};

use crate::{
    effect::{GPUS, Gpus, SPARE},
    fault::{CRASHES, Fault},
};

/// Readings of every tick, and those of once a second.
const VALUES: [&str; 9] = [
    "nvmlDeviceGetFanSpeed",
    "nvmlDeviceGetTemperatureV",
    "nvmlDeviceGetPowerUsage",
    "nvmlDeviceGetPowerManagementLimit",
    "nvmlDeviceGetUtilizationRates",
    "nvmlDeviceGetMemoryInfo_v2",
    "nvmlDeviceGetComputeRunningProcesses_v3",
    "nvmlDeviceGetGraphicsRunningProcesses_v3",
    "nvmlDeviceGetEnforcedPowerLimit",
];
/// The ones that are read on every tick.
const FAST: usize = 8;
/// Facts that no GPU can have.
const IMPLAUSIBLE: [&str; 16] = [
    "power_mw = 4294967295",
    "power_mw = 2147483632",
    "power_mw = 2200000",
    "power_limit_mw = 0",
    "temperature_c = -256",
    "temperature_c = 255",
    "temperature_c = 510",
    "fan_percent = 4294967295",
    "utilization_percent = 238",
    "utilization_percent = 4294967295",
    "memory_total_bytes = 0",
    "memory_total_bytes = 9223372036854775792",
    "memory_used_bytes = 9000000000000000000",
    "memory_used_bytes = 160000000000",
    "persistence = 4294967295",
    "energy_mj = 9223372036854775807",
];
const CODES: [u32; 9] = [1, 2, 3, 4, 9, 10, 15, 16, 999];
const BROKEN: [&str; 4] = ["", "gpu = 7", "[[gpu]]\nname = 1\n", "\u{0}\u{1}["];

/// Kinds of faults that leave the collector alive, and kinds that end it, by their numbers in [`Deck::fault`].
const CALM: [u8; 23] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22];
const ENDING: [u8; 8] = [30, 31, 32, 33, 34, 35, 36, 37];

/// Two decks of kinds, each shuffled again when it is used up.
pub(crate) struct Deck {
    random: Rng,
    calm: Vec<u8>,
    ending: Vec<u8>,
    /// True if there is time for a hang of more than a minute.
    long: bool,
}

impl Deck {
    pub(crate) fn new(seed: u64, long: bool) -> Self {
        Self { random: Rng::with_seed(seed), calm: Vec::new(), ending: Vec::new(), long }
    }

    /// The next fault. One that ends the collector mostly waits until the present one has lived for a minute, since
    /// else every other step would wait half a minute for the next.
    pub(crate) fn draw(&mut self, collector_is_old: bool, left_out: Gpus) -> Fault {
        let ends = self.random.u8(..) < if collector_is_old { 128 } else { 12 };
        let (deck, all) = if ends { (&mut self.ending, &ENDING[..]) } else { (&mut self.calm, &CALM[..]) };
        if deck.is_empty() {
            deck.extend(all);
            self.random.shuffle(deck);
        }
        let kind = deck.pop().unwrap_or_default();
        self.fault(kind, left_out)
    }

    /// Duration in milliseconds, unless something else ends it.
    pub(crate) fn lasts(&mut self) -> u64 {
        self.random.u64(200..2_500)
    }

    fn one_of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.random.usize(0..from.len())]
    }

    /// One that is read; the first always is.
    fn gpu(&mut self, left_out: Gpus) -> usize {
        Some(self.random.usize(0..GPUS)).filter(|gpu| !left_out.has(*gpu)).unwrap_or_default()
    }

    fn fault(&mut self, kind: u8, left_out: Gpus) -> Fault {
        let gpu = self.gpu(left_out);
        match kind {
            0..=7 => self.of_one(kind, gpu),
            8 => Fault::Hang { gpu: None, function: self.one_of(&VALUES) },
            9 => Fault::Slow { gpu: None, function: self.one_of(&VALUES), milliseconds: self.random.u64(20..700) },
            10 => Fault::Code { gpu: None, function: self.one_of(&VALUES), code: self.one_of(&CODES) },
            11 => Fault::Shrink { to: self.random.usize(1..GPUS) },
            12 => Fault::Grow { to: GPUS + self.random.usize(1..=SPARE) },
            13 => Fault::CountFails { code: self.one_of(&CODES) },
            14 => Fault::Layout { bytes: self.one_of(&[16, 32]) },
            15 => Fault::Race { gpu, times: self.one_of(&[1, 3, 5, 60]) },
            16 => Fault::Churn { gpu },
            17 => Fault::Impossible { gpu },
            18 => Fault::Crowd { gpu },
            19 if self.random.bool() => Fault::ScenarioRemoved,
            19 => Fault::ScenarioBroken { text: self.one_of(&BROKEN) },
            20 => Fault::Prints,
            21 if self.long && self.random.u8(..) < 64 => Fault::LongHang { gpu },
            21 => {
                let other = (gpu + self.random.usize(1..GPUS)) % GPUS;
                let kinds = [self.random.u8(0..8), self.random.u8(0..8)];
                Fault::Two(Box::new([self.of_one(kinds[0], gpu), self.of_one(kinds[1], other)]))
            }
            22 => Fault::Implausible { gpu, line: self.one_of(&IMPLAUSIBLE) },
            30 => Fault::Gone { code: self.one_of(&[4, 9, 18, 999]) },
            31 => Fault::InitFails { code: self.one_of(&[4, 9, 18, 999]) },
            32 => Fault::InitHangs,
            33 | 34 => self.crash(kind == 33, left_out),
            35 if self.random.bool() => Fault::Stopped,
            35 => Fault::StoppedBriefly,
            36 if self.random.bool() => Fault::LibraryReplaced,
            36 => Fault::LibraryRemoved,
            _ if self.random.bool() => Fault::Stray { what: self.stray() },
            _ => Fault::Killed,
        }
    }

    /// A fault that is one GPU's only.
    fn of_one(&mut self, kind: u8, gpu: usize) -> Fault {
        let (one, function) = (Some(gpu), self.one_of(&VALUES));
        let or_every = self.one_of(&[function, "*"]);
        match kind {
            0 | 1 => Fault::Hang { gpu: one, function: or_every },
            2 => Fault::Slow { gpu: one, function, milliseconds: self.random.u64(20..700) },
            3 | 4 => Fault::Code { gpu: one, function: or_every, code: self.one_of(&CODES) },
            5 => Fault::Code { gpu: one, function: "*", code: 15 },
            6 => Fault::Garbage { gpu, function },
            _ => Fault::Panic { gpu, function },
        }
    }

    /// In the calls of a GPU that is read, and is not the one that is to stay, or in those that count GPUs.
    fn crash(&mut self, once: bool, left_out: Gpus) -> Fault {
        let gpu = Some(self.random.usize(1..GPUS)).filter(|gpu| !left_out.has(*gpu) && self.random.bool());
        Fault::Crash {
            gpu,
            function: if gpu.is_some() { self.one_of(&VALUES[..FAST]) } else { "nvmlDeviceGetCount_v2" },
            how: self.one_of(&CRASHES),
            after: self.random.u64(0..if gpu.is_some() { 10 } else { 2 }),
            times: if once { 1 } else { 2 },
        }
    }

    fn stray(&mut self) -> (&'static str, Vec<u8>) {
        let mut header = frame::encode(&Message::Heartbeat).unwrap();
        match self.random.u8(0..4) {
            0 => ("a frame begins with", (0..100).map(|_| self.random.u8(b' '..b'A')).collect()),
            1 => {
                header[4..6].fill(0xFE);
                ("a frame of version", header)
            }
            2 => {
                header[8..12].copy_from_slice(&(1_u32 << 30).to_le_bytes());
                ("a frame of 1073741824 bytes", header)
            }
            _ => {
                header[8..12].copy_from_slice(&(32_u32 << 20).to_le_bytes());
                ("no report for", header)
            }
        }
    }
}
