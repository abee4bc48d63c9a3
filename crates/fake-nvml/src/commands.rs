//! Live processes of this machine, by what stands in their command lines.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How old a list may be: a scenario with many rows must not scan the machine for each.
const FRESH: Duration = Duration::from_secs(1);

/// PIDs in ascending order, with their command lines, words parted by spaces.
pub(crate) type Commands = Arc<Vec<(u32, String)>>;

/// The last list and when it was made.
#[derive(Default)]
pub(crate) struct CommandScan(Mutex<Option<(Instant, Commands)>>);

impl CommandScan {
    /// The processes of this machine as of at most a second ago, without this one: a monitor is not its own job.
    pub(crate) fn list(&self) -> Commands {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match last.as_ref() {
            Some((at, commands)) if at.elapsed() < FRESH => Arc::clone(commands),
            _ => {
                let commands = Arc::new(scan());
                *last = Some((Instant::now(), Arc::clone(&commands)));
                commands
            }
        }
    }
}

fn scan() -> Vec<(u32, String)> {
    let own = std::process::id();
    let mut commands: Vec<(u32, String)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != own)
        .filter_map(|pid| {
            let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            let words: Vec<_> = bytes.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
            let line = words.join(" ").trim_end().to_owned();
            (!line.is_empty()).then_some((pid, line))
        })
        .collect();
    commands.sort_unstable_by_key(|(pid, _)| *pid);
    commands
}
