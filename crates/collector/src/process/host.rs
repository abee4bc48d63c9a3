//! Readings of the host, by a thread of its own, so that nothing waits for them.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use telemetry::{Absence, Reading, sample::HostSample};

use crate::{
    lock::{lock, wait_until},
    process::{
        parse,
        procfs::{read_up_to, reason},
    },
};

/// Shortest period between two readings.
const SHORTEST: Duration = Duration::from_secs(1);
/// Periods after which a reading is stale, since the thread hangs.
const KEEPS_PERIODS: u32 = 3;
/// Longest `/proc/stat`, which has a line per processor and a number per interrupt before the boot time.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Period while there is no driver, and nothing else to read.
const WITHOUT_DRIVER: Duration = Duration::from_secs(5);

/// A reading with its time, and the signal that there is one.
type Newest = (Mutex<Option<(Instant, HostSample)>>, Condvar);

/// Newest reading of the host.
pub(crate) struct Host {
    newest: Arc<Newest>,
    /// Usual period.
    usual: Duration,
    /// Present period.
    period: Arc<Mutex<Duration>>,
    thread: Option<Thread>,
}

impl Host {
    /// Starts the thread, which reads every interval or every second, whichever is longer. A given hostname replaces the
    /// kernel's.
    pub(crate) fn start(root: PathBuf, hostname: Option<String>, interval: Duration) -> Self {
        let usual = interval.max(SHORTEST);
        let (newest, period) = (Arc::<Newest>::default(), Arc::new(Mutex::new(usual)));
        let mut host = Self { newest: Arc::clone(&newest), usual, period: Arc::clone(&period), thread: None };
        let work = move || {
            loop {
                let mut sample = read(&root);
                if let Some(hostname) = &hostname {
                    sample.hostname = Ok(hostname.clone());
                }
                *lock(&newest.0) = Some((Instant::now(), sample));
                newest.1.notify_all();
                let period = *lock(&period);
                thread::park_timeout(period);
            }
        };
        match thread::Builder::new().name("host".into()).spawn(work) {
            Ok(started) => host.thread = Some(started.thread().clone()),
            Err(error) => tracing::warn!(%error, "cannot start a thread to read the host's facts"),
        }
        host
    }

    /// Reads less often while there is no driver, and as usual again afterwards.
    pub(crate) fn without_driver(&self, without: bool) {
        *lock(&self.period) = if without { WITHOUT_DRIVER.max(self.usual) } else { self.usual };
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
    }

    /// Waits for the first reading, at most until the deadline.
    pub(crate) fn settle(&self, deadline: Instant) {
        let mut newest = lock(&self.newest.0);
        let mut in_time = self.thread.is_some();
        while newest.is_none() && in_time {
            (newest, in_time) = wait_until(&self.newest.1, newest, deadline);
        }
    }

    /// Returns the newest reading, unless it is stale.
    pub(crate) fn newest(&self) -> HostSample {
        match &*lock(&self.newest.0) {
            Some((when, sample)) if when.elapsed() < *lock(&self.period) * KEEPS_PERIODS => sample.clone(),
            _ => HostSample::absent(Absence::Timeout),
        }
    }
}

fn read(root: &Path) -> HostSample {
    let file = |name: &str| read_up_to(&root.join(name), MAX_BYTES).map_err(|error| reason(&error));
    let (stat, memory) = (file("stat"), file("meminfo"));
    HostSample {
        hostname: told(&file("sys/kernel/hostname"), parse::line),
        booted_at_ms: told(&stat, |bytes| parse::boot_time(bytes)?.checked_mul(1000)),
        cpu: told(&stat, parse::cpu),
        load_1m: told(&file("loadavg"), parse::load),
        memory_total_bytes: told(&memory, total),
        memory_available_bytes: told(&memory, available),
    }
}

/// Returns total and available bytes of the host's memory: `/proc/meminfo`.
pub(crate) fn host_memory(root: &Path) -> Reading<(u64, u64)> {
    let memory = read_up_to(&root.join("meminfo"), MAX_BYTES).map_err(|error| reason(&error));
    Ok((told(&memory, total)?, told(&memory, available)?))
}

fn total(bytes: &[u8]) -> Option<u64> {
    parse::memory(bytes, "MemTotal:")
}

fn available(bytes: &[u8]) -> Option<u64> {
    parse::memory(bytes, "MemAvailable:")
}

/// Returns the value in a file. A file without the value is an error.
fn told<T>(file: &Reading<Vec<u8>>, parse: impl FnOnce(&[u8]) -> Option<T>) -> Reading<T> {
    parse(file.as_deref().map_err(|why| *why)?).ok_or(Absence::Error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use telemetry::{Stamp, sample::CpuTicks};

    fn write(root: &Path, name: &str, content: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    #[test]
    fn host_files_parsed() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(read(root.path()), HostSample::absent(Absence::Error));
        write(root.path(), "sys/kernel/hostname", "gpu01\n");
        // A big host's interrupts come before the time of its boot.
        let interrupts = " 0".repeat(100_000);
        write(root.path(), "stat", &format!("cpu  1 1 1 7 0 0 0 0 0 0\nintr 9{interrupts}\nbtime 1700000000\n"));
        write(root.path(), "loadavg", "1.50 1.00 0.50 1/2 3\n");
        write(root.path(), "meminfo", "MemTotal: 8 kB\nMemFree: 1 kB\n");
        let sample = read(root.path());
        let expected = HostSample {
            hostname: Ok("gpu01".into()),
            booted_at_ms: Ok(1_700_000_000_000),
            cpu: Ok(CpuTicks { busy: 3, total: 10 }),
            load_1m: Ok(1.5),
            memory_total_bytes: Ok(8192),
            memory_available_bytes: Err(Absence::Error),
        };
        assert_eq!(sample, expected);
        assert_eq!(host_memory(root.path()), Err(Absence::Error));
    }

    #[test]
    fn own_host_is_read() {
        let host = Host::start("/proc".into(), None, Duration::ZERO);
        host.settle(Instant::now() + Duration::from_secs(60));
        let sample = host.newest();
        assert_eq!(sample.absences().count(), 0, "{sample:?}");
        assert!(sample.booted_at_ms.unwrap() <= Stamp::now().unix_ms);
        let memory = (sample.memory_total_bytes.unwrap(), sample.memory_available_bytes.unwrap());
        assert!(memory.0 >= memory.1 && memory.1 > 0, "{memory:?}");
    }

    #[test]
    fn stale_reading_not_shown() {
        let reading = Mutex::new(Some((Instant::now(), HostSample::absent(Absence::Denied))));
        let newest = Arc::new((reading, Condvar::new()));
        let host = |period| Host {
            newest: Arc::clone(&newest),
            usual: period,
            period: Arc::new(Mutex::new(period)),
            thread: None,
        };
        assert_eq!(host(Duration::from_secs(60)).newest(), HostSample::absent(Absence::Denied));
        assert_eq!(host(Duration::ZERO).newest(), HostSample::absent(Absence::Timeout));
    }
}
