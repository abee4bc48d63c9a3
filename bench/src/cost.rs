//! Processor time, memory and descriptors of processes, from `/proc`.

use std::{fs, time::Duration};

use crate::Outcome;

/// PIDs of a process and its descendants.
pub(crate) fn tree(root: u32) -> Vec<u32> {
    let mut all = vec![root];
    let mut next = 0;
    while let Some(pid) = all.get(next) {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let children: Vec<u32> = threads
            .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
            .flat_map(|line| line.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
            .collect();
        all.extend(children);
        next += 1;
    }
    all
}

/// Processor time of these processes: the larger of the sum over live threads, exact to the nanosecond, and the process
/// total, which includes ended threads but counts hundredths of a second.
pub(crate) fn processor_time(pids: &[u32]) -> Duration {
    pids.iter().map(|pid| by_threads(*pid).max(by_ticks(*pid))).sum()
}

fn by_threads(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let statistics = threads.filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok());
    Duration::from_nanos(statistics.filter_map(|line| line.split(' ').next()?.parse::<u64>().ok()).sum())
}

fn by_ticks(pid: u32) -> Duration {
    ticks(pid, [11, 12])
}

/// Processor time of the children of a process that have ended and were waited for.
pub(crate) fn reaped_time(pid: u32) -> Duration {
    ticks(pid, [13, 14])
}

/// Sum of two fields of `/proc/PID/stat` that count ticks, by their position after the name.
fn ticks(pid: u32, positions: [usize; 2]) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name may contain any character; it ends with the last parenthesis.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    // In hundredths of a second on all common kernels.
    Duration::from_millis(10 * positions.into_iter().map(ticks).sum::<u64>())
}

/// Proportional set size of these processes in KiB, which counts shared pages once.
pub(crate) fn proportional_kib(pids: &[u32]) -> Outcome<u64> {
    let mut sum = 0;
    for pid in pids {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))
            .map_err(|error| format!("the memory of process {pid}: {error}"))?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).ok_or("no Pss in smaps_rollup")?;
        sum += line.trim().trim_end_matches(" kB").parse::<u64>()?;
    }
    Ok(sum)
}

/// Number of open descriptors of these processes.
pub(crate) fn descriptors(pids: &[u32]) -> usize {
    pids.iter().map(|pid| fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)).sum()
}
