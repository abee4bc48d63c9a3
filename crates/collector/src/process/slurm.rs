//! Slurm jobs beyond cgroups: the title of `slurmstepd`, the number that users know, and whether jobs of this host have
//! no cgroup.

use std::{
    fs,
    sync::Mutex,
    time::{Duration, Instant},
};

use telemetry::{Absence, Reading, sample::SlurmJob};

use crate::{
    lock::lock,
    number::is_number,
    process::{ancestors, cgroup, procfs::ProcFs},
};

/// Time for which the result of a search for `slurmstepd` is kept.
const KEEPS: Duration = Duration::from_secs(10);
/// Limit of components of a heterogeneous job: Slurm's own is 128.
const MOST_COMPONENTS: usize = 1024;

/// Returns whether a process name is that of the daemon of a step: `slurmstepd`, or Debian's `slurmstepd-wlm`.
pub(super) fn is_step_daemon(name: &str) -> bool {
    name.strip_prefix("slurmstepd").is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Returns the job and step in the title that such a daemon gives itself: `slurmstepd: [16.batch]`.
pub(super) fn step_in_title(title: &str) -> Option<SlurmJob> {
    let (_, rest) = title.split_once(": [").filter(|(name, _)| is_step_daemon(name))?;
    let step = rest.split_once(']')?.0;
    let (job, step) = step.split_once('.').map_or((step, None), |(job, step)| (job, Some(step)));
    is_number(job).then(|| cgroup::slurm_job(job, step.filter(|step| cgroup::is_step(step))))
}

/// Returns the number that `squeue` shows for a job, by the environment of one of its processes.
///
/// The environment is the process's own, so the result is its hint and no proof: a process may name the array of another
/// job. The hint counts only where the environment names the job that root's cgroup or `slurmstepd` names, and is
/// possible: Slurm numbers a task no lower than its array, and a component no lower than the first one.
///
/// # Errors
/// Not supported where the environment does not name the job.
pub(super) fn shown(job: &str, environment: &[u8]) -> Reading<String> {
    let environment = Environment(environment);
    let raw: u64 = job.parse().map_err(|_| Absence::Error)?;
    let first = environment.number("SLURM_JOB_ID").ok_or(Absence::NotSupported)?;
    if let Some(components) = environment.number("SLURM_HET_SIZE") {
        let components = usize::try_from(components).map_or(MOST_COMPONENTS, |many| many.min(MOST_COMPONENTS));
        let number = |component: usize| environment.number(&format!("SLURM_JOB_ID_HET_GROUP_{component}"));
        let component = (0..components).find(|&component| number(component) == Some(raw));
        let leader = Some(first).filter(|&first| number(0) == Some(first) && first <= raw);
        return match (leader, component) {
            (Some(leader), Some(component)) => Ok(format!("{leader}+{component}")),
            _ => Err(Absence::NotSupported),
        };
    }
    if first != raw {
        return Err(Absence::NotSupported);
    }
    match (environment.number("SLURM_ARRAY_JOB_ID"), environment.number("SLURM_ARRAY_TASK_ID")) {
        (None, None) => Ok(job.to_owned()),
        (Some(array), Some(task)) if array <= raw => Ok(format!("{array}_{task}")),
        _ => Err(Absence::NotSupported),
    }
}

/// A `/proc/PID/environ`.
struct Environment<'a>(&'a [u8]);

impl Environment<'_> {
    /// Returns a variable of digits only.
    fn number(&self, name: &str) -> Option<u64> {
        let value = |entry: &'_ [u8]| {
            let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
            let text = std::str::from_utf8(value).ok().filter(|text| is_number(text))?;
            text.parse().ok()
        };
        self.0.split(|&byte| byte == 0).find_map(value)
    }
}

/// Result of the search for jobs without a cgroup: where there are any, a process without one may be in a job.
#[derive(Debug, Default)]
pub(super) struct Untracked(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Result of the last search that ended.
    is: Option<bool>,
    searched: Option<Instant>,
    searching: bool,
}

impl Untracked {
    /// Searches for a `slurmstepd` of a step, of root, without a job's cgroup. While a search runs, which may hang,
    /// others get the result of the search before.
    ///
    /// # Errors
    /// Timeout during the first search.
    pub(super) fn is(&self, proc: &ProcFs) -> Reading<bool> {
        {
            let mut known = lock(&self.0);
            if known.searching || known.searched.is_some_and(|when| when.elapsed() < KEEPS) {
                return known.is.ok_or(Absence::Timeout);
            }
            known.searching = true;
        }
        let is = search(proc);
        *lock(&self.0) = Known { is: Some(is), searched: Some(Instant::now()), searching: false };
        Ok(is)
    }
}

fn search(proc: &ProcFs) -> bool {
    let Ok(entries) = fs::read_dir(proc.root()) else { return false };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|&pid| proc.name(pid).is_ok_and(|name| is_step_daemon(&name))).any(|pid| {
        let cgroup = proc.read(pid, "cgroup").ok().flatten();
        cgroup.is_some_and(|bytes| cgroup::placement(&bytes).job.is_none()) && ancestors::step(proc, pid).is_some()
    })
}

#[cfg(test)]
mod tests;
