//! The scenario that the driver plays: a healthy host, and what is wrong with it.

use std::fmt::Write as _;

use crate::effect::{GPUS, SPARE};

/// A scenario in the making.
pub(crate) struct Scenario {
    /// Number of GPUs that the driver counts.
    pub(crate) count: usize,
    pub(crate) layout: u32,
    /// Further lines at the top.
    pub(crate) top: String,
    /// The processes of each GPU: a table each.
    pub(crate) processes: [String; GPUS],
    /// Lines of each GPU in place of those with the same key.
    pub(crate) odd: [String; GPUS],
    /// Tables at the end.
    pub(crate) faults: String,
}

impl Scenario {
    pub(crate) fn healthy(processes: [String; GPUS]) -> Self {
        Self { count: GPUS, layout: 24, top: String::new(), processes, odd: Default::default(), faults: String::new() }
    }

    /// Adds a fault of a function, of one GPU or of all.
    pub(crate) fn fault(&mut self, function: &str, gpu: Option<usize>, what: &str) {
        let gpu = gpu.map(|gpu| format!("gpu = {gpu}\n")).unwrap_or_default();
        writeln!(self.faults, "[[fault]]\nfunction = '{function}'\n{gpu}{what}").unwrap();
    }

    /// Adds a row to a GPU's process lists.
    pub(crate) fn process(&mut self, gpu: usize, what: &str) {
        writeln!(self.processes[gpu], "[[gpu.process]]\n{what}").unwrap();
    }

    pub(crate) fn text(&self) -> String {
        let Self { count, layout, top, .. } = self;
        let mut text = format!("count = {count}\nprocess_layout = {layout}\n{top}\n");
        for gpu in 0..GPUS + SPARE {
            text += &facts(gpu, self.odd.get(gpu).map_or("", String::as_str));
            text += self.processes.get(gpu).map_or("", String::as_str);
        }
        text + &self.faults
    }
}

/// A GPU's facts, with other lines in place of some. Each is a round number that identifies its GPU; [`crate::rows`]
/// knows them too.
fn facts(gpu: usize, odd: &str) -> String {
    let used = (10 + gpu as u64) << 30;
    let usual = format!(
        "name = 'GPU {gpu}'\nfan_percent = 3{gpu}\ntemperature_c = 4{gpu}\npower_mw = 10{gpu}000\n\
         power_limit_mw = 700000\nenforced_limit_mw = 700000\nutilization_percent = 5{gpu}\n\
         memory_total_bytes = {}\nmemory_used_bytes = {used}\npersistence = 1\n",
        100_u64 << 30
    );
    let key = |line: &str| line.split(" = ").next().unwrap_or_default().to_owned();
    let replaced: Vec<String> = odd.lines().map(key).collect();
    let kept = usual.lines().filter(|line| !replaced.contains(&key(line)));
    format!("[[gpu]]\n{}\n{odd}\n", kept.collect::<Vec<_>>().join("\n"))
}
