//! The census: the thread that loads the library, initialises it, and counts GPUs, all of which can hang.

use std::{
    path::PathBuf,
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use telemetry::sample::{DriverFacts, Failure};

use crate::{
    board::Desk,
    callers::Presence,
    crash,
    lock::{lock, wait_until},
    nvml::{Code, Installed, Library, find},
    pulse::Pulse,
    sleep::{Policy, Watch},
};

/// How often GPUs are counted again.
const RECOUNT: Duration = Duration::from_secs(1);
/// After so many looks in a row at which counting failed, or no call about a GPU went well, the driver is given up for a
/// fresh collector to try, unless some GPU's lane still reads.
const FAILING_COUNTS: u32 = 3;
/// So many looks in a row must find newer files than what is loaded: an installation takes its time.
const NEWER_LOOKS: u32 = 2;

/// How far the census came.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// Loading, initialising or counting for the first time.
    Starting,
    /// It cannot be read.
    Failed(Failure),
    /// Another driver was installed meanwhile.
    Replaced(&'static str),
    /// Every GPU is idle, and is let go so that it can be suspended.
    Resting(Vec<String>),
    /// GPUs are counted.
    Ready(DriverFacts),
}

/// Where the driver is looked for.
pub(crate) struct Places {
    /// The library; none to look for it.
    pub(crate) library: Option<PathBuf>,
    /// The root of `/proc`.
    pub(crate) proc_root: PathBuf,
    /// Whether idle GPUs are let go.
    pub(crate) sleep: Policy,
}

/// What the census has found, for the assembler to see.
pub(crate) struct Census {
    state: Mutex<(Stage, Option<Library>)>,
    changed: Condvar,
}

impl Census {
    /// A census that has not begun.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::new((Stage::Starting, None)), changed: Condvar::new() })
    }

    /// Starts the thread. It ends when it is time to leave, or when the driver cannot be read.
    pub(crate) fn start(self: &Arc<Self>, places: Places, desk: Desk, pulse: Arc<Pulse>, presence: Presence) {
        let census = Arc::clone(self);
        let work = move || {
            match census.take(&places, &desk, &pulse) {
                Err(failure) => census.come_to(Stage::Failed(failure)),
                Ok(Some(end)) => census.come_to(end),
                Ok(None) => {}
            }
            drop(presence);
        };
        if let Err(error) = thread::Builder::new().name("census".into()).spawn(work) {
            self.come_to(Stage::Failed(Failure {
                function: "clone".into(),
                code: Code::UNKNOWN.0,
                text: Code::UNKNOWN.text().unwrap_or_default().into(),
                hint: Some(format!("cannot start a thread: {error}")),
            }));
        }
    }

    fn come_to(&self, stage: Stage) {
        lock(&self.state).0 = stage;
        self.changed.notify_all();
    }

    /// How far it came, and the library once it is initialised.
    pub(crate) fn stage(&self) -> (Stage, Option<Library>) {
        lock(&self.state).clone()
    }

    /// Waits until it is no longer starting, or until the deadline.
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

    /// Takes the census until it is time to leave, or there is a reason why this collector should.
    fn take(&self, places: &Places, desk: &Desk, pulse: &Pulse) -> Result<Option<Stage>, Failure> {
        crash::works_at(desk);
        let begun = Instant::now();
        let library = find(places.library.as_deref(), desk)?;
        let path = library.path().unwrap_or_default();
        let loaded = Installed::look(&path, &places.proc_root);
        library.init(desk).map_err(|code| library.failure("nvmlInit_v2", code, desk))?;
        lock(&self.state).1 = Some(library);
        let init_ms = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
        let counted = library.count(desk).map_err(|code| library.failure("nvmlDeviceGetCount_v2", code, desk))?;
        let facts = DriverFacts {
            driver_version: library.driver_version(desk),
            nvml_version: library.nvml_version(desk),
            cuda_version: library.cuda_version(desk),
            init_ms,
        };
        tracing::info!(gpus = counted, init_ms, driver = facts.driver_version.as_deref().unwrap_or("?"), "reading");
        pulse.count(counted as usize);
        self.come_to(Stage::Ready(facts));
        let mut newer = 0;
        let mut watch = Watch::new(places.sleep.clone());
        recount(library, desk, pulse, || {
            let outdated = loaded.outdated_by(&Installed::look(&path, &places.proc_root));
            newer = if outdated.is_some() { newer + 1 } else { 0 };
            let replaced = outdated.filter(|_| newer >= NEWER_LOOKS).map(Stage::Replaced);
            replaced.or_else(|| watch.time_to_rest(pulse.idle(), Instant::now()).map(Stage::Resting))
        })
    }
}

/// Counts again and again, and looks for a reason to leave. A count that fails while lanes read is borne: they know
/// better. So do they where no call about any GPU goes well any more, although counting does.
fn recount(
    library: Library,
    desk: &Desk,
    pulse: &Pulse,
    mut reason: impl FnMut() -> Option<Stage>,
) -> Result<Option<Stage>, Failure> {
    let mut failing = 0;
    while pulse.sleep(RECOUNT) {
        let counted = library.count(desk).map(|counted| pulse.count(counted as usize));
        let failed = match (counted, pulse.driver_is_gone()) {
            (Err(code), _) => Some(("nvmlDeviceGetCount_v2", code)),
            (Ok(()), Some(code)) => Some(("every call about a GPU", code)),
            (Ok(()), None) => None,
        };
        failing = if failed.is_some() { failing + 1 } else { 0 };
        if let Some((function, code)) = failed
            && failing >= FAILING_COUNTS
            && !pulse.any_is_read()
        {
            return Err(library.failure(function, code, desk));
        }
        if let Some(stage) = reason() {
            return Ok(Some(stage));
        }
    }
    Ok(None)
}
