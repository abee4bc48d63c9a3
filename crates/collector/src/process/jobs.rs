//! Job files: a scheduler's folder with a file per GPU, named by its index, or per GPU instance, named `GPU.INSTANCE`,
//! with a job per line. It is read by a thread of its own, since it may be on a network.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use telemetry::sample::GpuJobs;

use crate::{lock::lock, process::procfs::read_up_to};

/// Shortest period between two readings.
const SHORTEST: Duration = Duration::from_secs(1);
/// Periods after which a reading is stale, since the thread hangs.
const KEEPS_PERIODS: u32 = 3;
/// Limits of a file's bytes and of a GPU's jobs: each job is a series of every metric.
const MAX_BYTES: usize = 64 * 1024;
const MAX_JOBS: usize = 64;
/// Files that are read at most.
const MAX_FILES: usize = 256;

type Reading = Result<Vec<GpuJobs>, String>;

/// Newest reading of the folder.
pub(crate) struct Jobs {
    folder: PathBuf,
    newest: Arc<Mutex<Option<(Instant, Reading)>>>,
    keeps: Duration,
}

impl Jobs {
    /// Starts the thread, which reads every interval or every second, whichever is longer.
    pub(crate) fn start(folder: PathBuf, interval: Duration) -> Self {
        let period = interval.max(SHORTEST);
        let jobs = Self { folder, newest: Arc::default(), keeps: period * KEEPS_PERIODS };
        let (newest, folder) = (Arc::clone(&jobs.newest), jobs.folder.clone());
        let work = move || {
            loop {
                let reading = read(&folder).map_err(|error| error.to_string());
                *lock(&newest) = Some((Instant::now(), reading));
                thread::sleep(period);
            }
        };
        if let Err(error) = thread::Builder::new().name("jobs".into()).spawn(work) {
            tracing::warn!(%error, "cannot start a thread to read the folder of job files");
        }
        jobs
    }

    /// Returns the newest reading, unless it is stale; empty if the folder cannot be read.
    pub(crate) fn newest(&self) -> Vec<GpuJobs> {
        match &*lock(&self.newest) {
            Some((when, Ok(jobs))) if when.elapsed() < self.keeps => jobs.clone(),
            _ => Vec::new(),
        }
    }

    /// Returns why the folder cannot be read, with the remedy.
    pub(crate) fn note(&self) -> Option<String> {
        let folder = self.folder.display();
        match &*lock(&self.newest) {
            Some((_, Err(error))) => Some(format!(
                "{folder}, where --dcgm-job-dir says that job files are, cannot be read: {error}; metrics bear no hpc_job"
            )),
            Some((when, _)) if when.elapsed() >= self.keeps => {
                Some(format!("{folder}, where --dcgm-job-dir says that job files are, does not answer"))
            }
            _ => None,
        }
    }
}

fn read(folder: &Path) -> io::Result<Vec<GpuJobs>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)?.take(MAX_FILES) {
        let entry = entry?;
        // Other files belong to the scheduler.
        let Some((gpu, instance)) = entry.file_name().to_str().and_then(subject) else { continue };
        // Removed meanwhile, since its job has ended.
        let Ok(bytes) = read_up_to(&entry.path(), MAX_BYTES) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let mut jobs: Vec<String> = Vec::new();
        for job in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if jobs.len() < MAX_JOBS && !jobs.iter().any(|other| other == job) {
                jobs.push(job.to_owned());
            }
        }
        all.push(GpuJobs { gpu, instance, jobs });
    }
    all.sort_by_key(|jobs| (jobs.gpu, jobs.instance));
    Ok(all)
}

/// Returns the GPU's index and the ID of its GPU instance in a file name, as dcgm-exporter names them: `0` or `0.2`.
fn subject(name: &str) -> Option<(u32, Option<u32>)> {
    match name.split_once('.') {
        None => Some((number(name)?, None)),
        Some((gpu, instance)) => Some((number(gpu)?, Some(number(instance)?))),
    }
}

/// Returns a number of digits only.
fn number(name: &str) -> Option<u32> {
    name.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_files_parsed_without_duplicates() {
        let folder = tempfile::tempdir().unwrap();
        let files = [("0", "1234\n1235 \n\n1234\n"), ("1", ""), ("10", "a\u{e9}"), ("1.2", "7"), ("1.13", "8")];
        let others = ["x", "+1", "1.", ".2", "1.2.3", "1.x", "1.+2", "1 .2", "-1", ""].map(|name| (name, "no"));
        for (name, content) in files.into_iter().chain(others).filter(|(name, _)| !name.is_empty()) {
            fs::write(folder.path().join(name), content).unwrap();
        }
        fs::create_dir(folder.path().join("7")).unwrap();
        let of = |gpu, instance, jobs: &[&str]| {
            let jobs = jobs.iter().map(|job| (*job).to_owned()).collect();
            GpuJobs { gpu, instance, jobs }
        };
        let expected = [
            of(0, None, &["1234", "1235"]),
            of(1, None, &[]),
            of(1, Some(2), &["7"]),
            of(1, Some(13), &["8"]),
            of(10, None, &["a\u{e9}"]),
        ];
        assert_eq!(read(folder.path()).unwrap(), expected);
    }

    #[test]
    fn job_folder_missing_is_reported() {
        let jobs = Jobs::start("/nowhere/at/all".into(), Duration::ZERO);
        let note = loop {
            match jobs.note() {
                Some(note) => break note,
                None => thread::yield_now(),
            }
        };
        assert!(note.contains("/nowhere/at/all") && note.contains("--dcgm-job-dir"), "{note}");
        assert!(jobs.newest().is_empty());
    }

    #[test]
    fn stale_reading_not_shown() {
        let one = GpuJobs { gpu: 0, instance: None, jobs: vec!["1".into()] };
        let newest = Arc::new(Mutex::new(Some((Instant::now(), Ok(vec![one.clone()])))));
        let jobs = |keeps| Jobs { folder: "/x".into(), newest: Arc::clone(&newest), keeps };
        assert_eq!((jobs(Duration::from_secs(60)).newest(), jobs(Duration::from_secs(60)).note()), (vec![one], None));
        let late = jobs(Duration::ZERO);
        assert!(late.newest().is_empty() && late.note().is_some_and(|note| note.contains("does not answer")));
    }
}
