//! State of the library: the current scenario, reloaded when its file changes, and the counters of calls.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::code::{self, Outcome};
use crate::commands::CommandScan;
use crate::counters::Counters;
use crate::fault::{FaultCounter, POLL};
use crate::function::Function;
use crate::log::warn;
use crate::scenario::{Clock, Scenario, Xid};

/// Shortest time between two checks of the scenario file.
const CHECK_EVERY: Duration = Duration::from_millis(20);

/// State of the library, one per process.
pub(crate) struct Engine {
    loaded: Instant,
    path: Option<PathBuf>,
    playing: RwLock<Option<Arc<Playing>>>,
    /// Number of the current version; a change wakes waiting calls.
    version: Mutex<u64>,
    version_changed: Condvar,
    /// Version of the file that was read last, even if it was invalid.
    last_read: Mutex<Option<FileVersion>>,
    /// Milliseconds from `loaded` to the last check of the file.
    last_check: AtomicU64,
    inits: Mutex<u32>,
    counters: Counters,
    pub(crate) commands: CommandScan,
}

/// One version of a scenario, with the state of its faults and events.
pub(crate) struct Playing {
    pub(crate) scenario: Scenario,
    /// One counter per fault, in the same order.
    pub(crate) fault_counters: Vec<FaultCounter>,
    /// Due time of each Xid, by GPU and index.
    pub(crate) due: Vec<Vec<Instant>>,
}

impl Playing {
    /// Starts a version. An Xid that the previous version also had keeps its due time; the time of a new one starts
    /// now.
    fn new(scenario: Scenario, previous: Option<&Self>) -> Self {
        let now = Instant::now();
        let due = scenario
            .gpu
            .iter()
            .enumerate()
            .map(|(index, gpu)| {
                let xids = gpu.xids.as_deref().unwrap_or_default();
                let kept = |place: usize| {
                    let previous = previous?;
                    let same = previous.scenario.gpu.get(index)?.xids.as_ref()?.get(place)? == xids.get(place)?;
                    same.then(|| previous.due[index][place])
                };
                let fresh = |after_s: f64| now + Duration::try_from_secs_f64(after_s).unwrap_or_default();
                let due = |(place, xid): (usize, &Xid)| kept(place).unwrap_or_else(|| fresh(xid.after_s));
                xids.iter().enumerate().map(due).collect()
            })
            .collect();
        Self { fault_counters: scenario.fault.iter().map(|_| FaultCounter::default()).collect(), due, scenario }
    }
}

/// Identity of one version of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
struct FileVersion {
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl FileVersion {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let changed = (metadata.mtime(), metadata.mtime_nsec());
        Some(Self { inode: metadata.ino(), size: metadata.size(), changed })
    }
}

/// State of the library, created by the first call.
pub(crate) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Engine {
            loaded: Instant::now(),
            path: path("FAKE_NVML_SCENARIO"),
            playing: RwLock::new(None),
            version: Mutex::new(0),
            version_changed: Condvar::new(),
            last_read: Mutex::new(None),
            last_check: AtomicU64::new(0),
            inits: Mutex::new(0),
            counters: Counters::open(path("FAKE_NVML_CALLS").as_deref()),
            commands: CommandScan::default(),
        }
    })
}

/// Runs an exported function: counts the call, reloads a changed scenario, and turns a panic into "unknown error",
/// because a panic must not unwind the caller's frames.
pub(crate) fn enter(function: Function, body: impl FnOnce() -> Outcome) -> u32 {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        engine().counters.count(function);
        engine().reload_if_due();
        body()
    }));
    match outcome {
        Ok(Ok(())) => code::SUCCESS,
        Ok(Err(code)) => code,
        Err(_) => code::UNKNOWN,
    }
}

impl Engine {
    /// Current version of the scenario, if one was read.
    pub(crate) fn playing(&self) -> Option<Arc<Playing>> {
        self.playing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Number of the current version. During a change it may still be the previous number.
    pub(crate) fn version(&self) -> u64 {
        *self.version.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks until the version is not `version` any more, or until the timeout.
    pub(crate) fn wait_for_version_after(&self, version: u64, timeout: Duration) {
        let current = self.version.lock().unwrap_or_else(PoisonError::into_inner);
        // The caller reads the new version itself.
        drop(self.version_changed.wait_timeout_while(current, timeout, |now| *now == version));
    }

    /// Returns true between init and shutdown.
    pub(crate) fn is_initialized(&self) -> bool {
        *self.inits.lock().unwrap_or_else(PoisonError::into_inner) > 0
    }

    /// Time on the scenario's clock, in seconds.
    pub(crate) fn seconds(&self, clock: Clock) -> f64 {
        match clock {
            Clock::Load => self.loaded.elapsed().as_secs_f64(),
            Clock::Boot => seconds_since_boot().unwrap_or_else(|| self.loaded.elapsed().as_secs_f64()),
        }
    }

    /// Reloads the file if it changed, unless it was checked within [`CHECK_EVERY`].
    pub(crate) fn reload_if_due(&self) {
        let now = u64::try_from(self.loaded.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = self.last_check.load(Ordering::Relaxed);
        let due = now.saturating_sub(last) >= CHECK_EVERY.as_millis() as u64;
        // Init reads the file first, because it reports why that failed.
        let started = self.playing.read().unwrap_or_else(PoisonError::into_inner).is_some();
        // A thread that loses the exchange continues with the current version: another thread checks the file.
        if started && due && self.last_check.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.reload_if_changed();
        }
    }

    fn reload_if_changed(&self) {
        let Some(path) = &self.path else { return };
        let mut last_read = self.last_read.lock().unwrap_or_else(PoisonError::into_inner);
        let version = FileVersion::of(path);
        let previous = self.playing();
        // Without a valid version, each init tries again and reports the reason.
        if version == *last_read && previous.is_some() {
            return;
        }
        *last_read = version;
        let text = fs::read_to_string(path).map_err(|error| error.to_string());
        match text.and_then(|text| Scenario::parse(&text).map_err(|error| error.to_string())) {
            Ok(scenario) => {
                let playing = Arc::new(Playing::new(scenario, previous.as_deref()));
                *self.playing.write().unwrap_or_else(PoisonError::into_inner) = Some(playing);
                *self.version.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                self.version_changed.notify_all();
            }
            Err(reason) if previous.is_some() => {
                warn(&format!("{}: {reason} (keeping the previous version)", path.display()));
            }
            Err(reason) => warn(&format!("{}: {reason}", path.display())),
        }
    }

    /// Scenario for an init, which is the first call to read it.
    pub(crate) fn start(&self) -> Result<Arc<Playing>, u32> {
        if self.path.is_none() {
            warn("FAKE_NVML_SCENARIO is not set; set it to the path of a scenario");
        } else if self.playing().is_none() {
            self.reload_if_changed();
        }
        self.playing().ok_or(code::UNKNOWN)
    }

    /// Runs init with the scenario's latency, hang and return code.
    pub(crate) fn init(&self) -> Outcome {
        let playing = self.start()?;
        thread::sleep(Duration::from_millis(playing.scenario.init_latency_ms));
        self.block_while(|playing| playing.scenario.init_hang);
        let playing = self.start()?;
        if playing.scenario.init != code::SUCCESS {
            return Err(playing.scenario.init);
        }
        *self.inits.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Ok(())
    }

    /// Undoes one init.
    pub(crate) fn shutdown(&self) -> Outcome {
        let mut inits = self.inits.lock().unwrap_or_else(PoisonError::into_inner);
        *inits = inits.checked_sub(1).ok_or(code::UNINITIALIZED)?;
        Ok(())
    }

    /// Blocks while the current scenario meets a condition. It holds no lock.
    pub(crate) fn block_while(&self, condition: impl Fn(&Playing) -> bool) {
        while self.playing().is_some_and(|playing| condition(&playing)) {
            thread::sleep(POLL);
            self.reload_if_due();
        }
    }
}

/// Seconds since boot, which are the same for all processes.
fn seconds_since_boot() -> Option<f64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer leads to a timespec of ours, which the call fills.
    let code = unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) };
    (code == 0).then_some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}
