//! Processes of this machine and their command lines.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Maximum age of a list, so that a scenario with many rows does not scan `/proc` for each.
const MAX_AGE: Duration = Duration::from_secs(1);

/// PIDs in ascending order, each with its command line, arguments separated by spaces.
pub(crate) type Commands = Arc<Vec<(u32, String)>>;

/// Latest list and the time of its scan.
#[derive(Default)]
pub(crate) struct CommandScan(Mutex<Option<(Instant, Commands)>>);

impl CommandScan {
    /// Processes of this machine, at most a second old, without the caller's own: a monitor is not its own job.
    pub(crate) fn list(&self) -> Commands {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match last.as_ref() {
            Some((at, commands)) if at.elapsed() < MAX_AGE => Arc::clone(commands),
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
