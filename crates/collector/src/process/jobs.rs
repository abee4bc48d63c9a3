//! Job files: a scheduler's folder with a file per GPU, named by its index, with a job per line. It is read by a thread of
//! its own, since it may be on a network.

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
        let Some(gpu) = entry.file_name().to_str().and_then(index) else { continue };
        // Removed meanwhile, since its job has ended.
        let Ok(bytes) = read_up_to(&entry.path(), MAX_BYTES) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let mut jobs: Vec<String> = Vec::new();
        for job in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if jobs.len() < MAX_JOBS && !jobs.iter().any(|other| other == job) {
                jobs.push(job.to_owned());
            }
        }
        all.push(GpuJobs { gpu, jobs });
    }
    all.sort_by_key(|jobs| jobs.gpu);
    Ok(all)
}

/// Returns the GPU's index in a file name: digits only.
fn index(name: &str) -> Option<u32> {
    name.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_files_parsed_without_duplicates() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [("0", "1234\n1235 \n\n1234\n"), ("1", ""), ("10", "a\u{e9}"), ("x", "no"), ("+1", "no")]
        {
            fs::write(folder.path().join(name), content).unwrap();
        }
        fs::create_dir(folder.path().join("7")).unwrap();
        let of = |gpu, jobs: &[&str]| GpuJobs { gpu, jobs: jobs.iter().map(|job| (*job).to_owned()).collect() };
        assert_eq!(read(folder.path()).unwrap(), [of(0, &["1234", "1235"]), of(1, &[]), of(10, &["a\u{e9}"])]);
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
        let one = GpuJobs { gpu: 0, jobs: vec!["1".into()] };
        let newest = Arc::new(Mutex::new(Some((Instant::now(), Ok(vec![one.clone()])))));
        let jobs = |keeps| Jobs { folder: "/x".into(), newest: Arc::clone(&newest), keeps };
        assert_eq!((jobs(Duration::from_secs(60)).newest(), jobs(Duration::from_secs(60)).note()), (vec![one], None));
        let late = jobs(Duration::ZERO);
        assert!(late.newest().is_empty() && late.note().is_some_and(|note| note.contains("does not answer")));
    }
}
