//! The state of the library: the scenario that is playing, read again when it changes, and who called what.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::abi::Function;
use crate::code::{self, Done};
use crate::commands::CommandScan;
use crate::counters::Counters;
use crate::events::EventSets;
use crate::fault::{Met, POLL};
use crate::gpm::Samples;
use crate::scenario::{Clock, Scenario};

/// How often the file is looked at, at most.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The one state of the library in a process.
pub(crate) struct Engine {
    loaded: Instant,
    path: Option<PathBuf>,
    playing: RwLock<Option<Arc<Playing>>>,
    /// How many versions have played, for who waits for another.
    versions: Mutex<u64>,
    another: Condvar,
    /// The version of the file that was read last, also if it could not be played.
    seen: Mutex<Option<Stamp>>,
    /// Milliseconds from `loaded` to the last look at the file.
    looked: AtomicU64,
    inits: Mutex<u32>,
    counters: Counters,
    pub(crate) commands: CommandScan,
    pub(crate) events: EventSets,
    pub(crate) samples: Samples,
}

/// One version of a scenario, and what has happened in it.
pub(crate) struct Playing {
    pub(crate) scenario: Scenario,
    /// For each fault, in the same order.
    pub(crate) met: Vec<Met>,
    /// For each GPU, and each of its Xids, when it is due.
    pub(crate) due: Vec<Vec<Instant>>,
}

impl Playing {
    /// A Xid that the version before also had stays due when it was; a new one counts from now.
    fn new(scenario: Scenario, before: Option<&Self>) -> Self {
        let now = Instant::now();
        let due = scenario
            .gpu
            .iter()
            .enumerate()
            .map(|(index, gpu)| {
                let kept = |place: usize| {
                    let before = before?;
                    let same =
                        before.scenario.gpu.get(index)?.xids.as_ref()?.get(place)? == gpu.xids.as_ref()?.get(place)?;
                    same.then(|| before.due[index][place])
                };
                let fresh = |after_s: f64| now + Duration::try_from_secs_f64(after_s).unwrap_or_default();
                gpu.xids
                    .iter()
                    .flatten()
                    .enumerate()
                    .map(|(place, xid)| kept(place).unwrap_or_else(|| fresh(xid.after_s)))
                    .collect()
            })
            .collect();
        Self { met: scenario.fault.iter().map(|_| Met::default()).collect(), due, scenario }
    }
}

/// What tells one version of a file from another.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let about = fs::metadata(path).ok()?;
        Some(Self { inode: about.ino(), size: about.size(), changed: (about.mtime(), about.mtime_nsec()) })
    }
}

/// The library's state, made by the first call.
pub(crate) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Engine {
            loaded: Instant::now(),
            path: path("FAKE_NVML_SCENARIO"),
            playing: RwLock::new(None),
            versions: Mutex::new(0),
            another: Condvar::new(),
            seen: Mutex::new(None),
            looked: AtomicU64::new(0),
            inits: Mutex::new(0),
            counters: Counters::open(path("FAKE_NVML_CALLS").as_deref()),
            commands: CommandScan::default(),
            events: EventSets::default(),
            samples: Samples::default(),
        }
    })
}

/// Says on standard error, in one line, what is wrong with the fake itself.
pub(crate) fn complain(reason: &str) {
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "fake-nvml: {reason}");
}

/// Around each exported function: counts the call, looks at the file, and lets no panic reach the caller, whose frames
/// a panic must not unwind.
pub(crate) fn enter(function: Function, body: impl FnOnce() -> Done) -> u32 {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        engine().counters.count(function);
        engine().look();
        body()
    }));
    match outcome {
        Ok(Ok(())) => code::SUCCESS,
        Ok(Err(code)) => code,
        Err(_) => code::UNKNOWN,
    }
}

impl Engine {
    /// The scenario, once there is one.
    pub(crate) fn playing(&self) -> Option<Arc<Playing>> {
        self.playing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of the version that plays, or of the one before it where it has just changed.
    pub(crate) fn version(&self) -> u64 {
        *self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks until another version than that plays, or for so long.
    pub(crate) fn wait_for_another(&self, version: u64, time: Duration) {
        let versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        // Who waits looks itself what has come.
        drop(self.another.wait_timeout_while(versions, time, |now| *now == version));
    }

    /// Whether calls are answered.
    pub(crate) fn is_initialized(&self) -> bool {
        *self.inits.lock().unwrap_or_else(PoisonError::into_inner) > 0
    }

    /// Time on the scenario's clock.
    pub(crate) fn seconds(&self, clock: Clock) -> f64 {
        match clock {
            Clock::Load => self.loaded.elapsed().as_secs_f64(),
            Clock::Boot => seconds_since_boot().unwrap_or_else(|| self.loaded.elapsed().as_secs_f64()),
        }
    }

    /// Reads the file again if it changed, unless that was looked for a moment ago.
    pub(crate) fn look(&self) {
        let now = u64::try_from(self.loaded.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = self.looked.load(Ordering::Relaxed);
        let due = now.saturating_sub(last) >= LOOK_EVERY.as_millis() as u64;
        // The first reading is init's, which says why it failed.
        let started = self.playing.read().unwrap_or_else(PoisonError::into_inner).is_some();
        // Whoever loses the exchange goes on with what is playing: someone else is looking.
        if started && due && self.looked.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.read_if_changed();
        }
    }

    fn read_if_changed(&self) {
        let Some(path) = &self.path else { return };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = Stamp::of(path);
        let before = self.playing();
        // Until something plays, each init tries and says why it cannot.
        if stamp == *seen && before.is_some() {
            return;
        }
        *seen = stamp;
        let read = fs::read_to_string(path).map_err(|error| error.to_string());
        match read.and_then(|text| Scenario::parse(&text).map_err(|wrong| wrong.to_string())) {
            Ok(scenario) => {
                let playing = Arc::new(Playing::new(scenario, before.as_deref()));
                *self.playing.write().unwrap_or_else(PoisonError::into_inner) = Some(playing);
                *self.versions.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                self.another.notify_all();
            }
            Err(reason) if before.is_some() => {
                complain(&format!("{}: {reason} (the version read before goes on)", path.display()));
            }
            Err(reason) => complain(&format!("{}: {reason}", path.display())),
        }
    }

    /// The scenario for an init, which is the first to read it.
    pub(crate) fn begin(&self) -> Result<Arc<Playing>, u32> {
        if self.path.is_none() {
            complain("FAKE_NVML_SCENARIO names no scenario");
        } else if self.playing().is_none() {
            self.read_if_changed();
        }
        self.playing().ok_or(code::UNKNOWN)
    }

    /// Init, after its own faults.
    pub(crate) fn init(&self) -> Done {
        let playing = self.begin()?;
        thread::sleep(Duration::from_millis(playing.scenario.init_latency_ms));
        self.hold_while(|playing| playing.scenario.init_hang);
        let playing = self.begin()?;
        if playing.scenario.init != code::SUCCESS {
            return Err(playing.scenario.init);
        }
        *self.inits.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Ok(())
    }

    /// Undoes one init.
    pub(crate) fn shutdown(&self) -> Done {
        let mut inits = self.inits.lock().unwrap_or_else(PoisonError::into_inner);
        *inits = inits.checked_sub(1).ok_or(code::UNINITIALIZED)?;
        Ok(())
    }

    /// Blocks, without holding anything, until the scenario no longer says so.
    pub(crate) fn hold_while(&self, says_so: impl Fn(&Playing) -> bool) {
        while self.playing().is_some_and(|playing| says_so(&playing)) {
            thread::sleep(POLL);
            self.look();
        }
    }
}

/// Seconds since the machine started, which all its processes see alike.
fn seconds_since_boot() -> Option<f64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer leads to a timespec of ours, which the call fills.
    let told = unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) };
    (told == 0).then_some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}
