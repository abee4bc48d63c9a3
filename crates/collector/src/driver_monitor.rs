//! Driver monitor: the thread that loads the library, initialises it and counts GPUs, all of which can hang.

use std::{
    path::PathBuf,
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use telemetry::sample::{DriverFacts, Failure, LibraryFacts, LibraryFile};

use crate::{
    call_table::CallSlot,
    crash,
    in_flight::InFlightGuard,
    lock::{lock, wait_until},
    nvml::{Code, Installed, Library, find, library_file},
    sleep::{IdleWatch, Policy},
    ticker::Ticker,
};

/// Interval between two counts of the GPUs.
const RECOUNT: Duration = Duration::from_secs(1);
/// Consecutive failures of counting, or of every call about every GPU, after which the collector exits, unless some GPU
/// is still read. Only a new process can load the driver again.
const FAILING_COUNTS: u32 = 3;
/// Consecutive checks that must find newer files than the loaded ones, since an installation is not atomic.
const NEWER_LOOKS: u32 = 2;

/// State of the driver in this process.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// Loading, initialising or counting for the first time.
    Starting,
    /// The driver cannot be used.
    Failed(Failure),
    /// Another driver was installed; names the changed file.
    Replaced(&'static str),
    /// Every GPU is idle; the library is released so that they can be suspended. Holds their PCI bus ids.
    Suspending(Vec<String>),
    /// GPUs are counted.
    Ready(DriverFacts),
}

/// Paths and policy of the monitor.
pub(crate) struct Places {
    /// Driver library; none to search for it.
    pub(crate) library: Option<PathBuf>,
    /// Root of `/proc`.
    pub(crate) proc_root: PathBuf,
    /// Policy for releasing idle GPUs.
    pub(crate) sleep: Policy,
    /// The library's file, as an earlier collector found it.
    pub(crate) seen: Option<LibraryFile>,
}

/// State shared with the assembler.
pub(crate) struct DriverMonitor {
    state: Mutex<(Stage, Option<Library>)>,
    changed: Condvar,
    facts: Mutex<Option<LibraryFacts>>,
}

impl DriverMonitor {
    /// Creates a monitor whose thread has not started.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::new((Stage::Starting, None)), changed: Condvar::new(), facts: Mutex::default() })
    }

    /// Starts the thread. It ends at shutdown, or when the driver cannot be used.
    pub(crate) fn start(self: &Arc<Self>, places: Places, slot: CallSlot, ticker: Arc<Ticker>, guard: InFlightGuard) {
        let monitor = Arc::clone(self);
        let work = move || {
            match monitor.watch(&places, &slot, &ticker) {
                Err(failure) => monitor.set_stage(Stage::Failed(failure)),
                Ok(Some(end)) => monitor.set_stage(end),
                Ok(None) => {}
            }
            drop(guard);
        };
        if let Err(error) = thread::Builder::new().name("driver".into()).spawn(work) {
            self.set_stage(Stage::Failed(Failure {
                function: "clone".into(),
                code: Code::UNKNOWN.0,
                text: Code::UNKNOWN.text().unwrap_or_default().into(),
                hint: Some(format!("cannot start a thread: {error}")),
            }));
        }
    }

    fn set_stage(&self, stage: Stage) {
        lock(&self.state).0 = stage;
        self.changed.notify_all();
    }

    /// Returns the state, and the library once it is initialised.
    pub(crate) fn stage(&self) -> (Stage, Option<Library>) {
        lock(&self.state).clone()
    }

    /// Returns the facts about the library, once it is loaded.
    pub(crate) fn library_facts(&self) -> Option<LibraryFacts> {
        lock(&self.facts).clone()
    }

    /// Waits until the state is no longer `Starting`, or until the deadline.
    pub(crate) fn wait_until(&self, deadline: Instant) {
        let mut state = lock(&self.state);
        while matches!(state.0, Stage::Starting) {
            let (guard, in_time) = wait_until(&self.changed, state, deadline);
            state = guard;
            if !in_time {
                break;
            }
        }
    }

    /// Loads the driver and watches it until shutdown (none), or until this collector must exit.
    fn watch(&self, places: &Places, slot: &CallSlot, ticker: &Ticker) -> Result<Option<Stage>, Failure> {
        crash::set_slot(slot);
        let begun = Instant::now();
        let library = find(places.library.as_deref(), slot)?;
        let path = library.path().unwrap_or_default();
        let loaded = Installed::look(&path, &places.proc_root);
        let nvml_version = library.nvml_version(slot);
        *lock(&self.facts) = Some(LibraryFacts { nvml_version: nvml_version.clone(), file: None });
        library.init(slot).map_err(|code| {
            if code == Code::DRIVER_NOT_LOADED {
                let file = Some(library_file(&path, places.seen.as_ref()));
                *lock(&self.facts) = Some(LibraryFacts { nvml_version, file });
            }
            library.failure("nvmlInit_v2", code, slot)
        })?;
        lock(&self.state).1 = Some(library);
        let init_ms = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
        let counted = library.count(slot).map_err(|code| library.failure("nvmlDeviceGetCount_v2", code, slot))?;
        let facts = DriverFacts {
            driver_version: library.driver_version(slot),
            nvml_version: library.nvml_version(slot),
            cuda_version: library.cuda_version(slot),
            init_ms,
        };
        tracing::info!(gpus = counted, init_ms, driver = facts.driver_version.as_deref().unwrap_or("?"), "reading");
        ticker.set_count(counted as usize);
        self.set_stage(Stage::Ready(facts));
        let mut newer = 0;
        let mut idle = IdleWatch::new(places.sleep.clone());
        recount(library, slot, ticker, || {
            let outdated = loaded.outdated_by(&Installed::look(&path, &places.proc_root));
            newer = if outdated.is_some() { newer + 1 } else { 0 };
            let replaced = outdated.filter(|_| newer >= NEWER_LOOKS).map(Stage::Replaced);
            replaced.or_else(|| idle.ready_to_suspend(ticker.idle(), Instant::now()).map(Stage::Suspending))
        })
    }
}

/// Counts GPUs until shutdown or until there is a reason to exit. A failing count is tolerated while any GPU is read.
/// Conversely, the driver counts as gone if every call about every GPU fails although counting works.
fn recount(
    library: Library,
    slot: &CallSlot,
    ticker: &Ticker,
    mut reason: impl FnMut() -> Option<Stage>,
) -> Result<Option<Stage>, Failure> {
    let mut failing = 0;
    while ticker.sleep(RECOUNT) {
        let counted = library.count(slot).map(|counted| ticker.set_count(counted as usize));
        let failed = match (counted, ticker.driver_gone()) {
            (Err(code), _) => Some(("nvmlDeviceGetCount_v2", code)),
            (Ok(()), Some(code)) => Some(("every call about a GPU", code)),
            (Ok(()), None) => None,
        };
        failing = if failed.is_some() { failing + 1 } else { 0 };
        if let Some((function, code)) = failed
            && failing >= FAILING_COUNTS
            && !ticker.any_is_read()
        {
            return Err(library.failure(function, code, slot));
        }
        if let Some(stage) = reason() {
            return Ok(Some(stage));
        }
    }
    Ok(None)
}
