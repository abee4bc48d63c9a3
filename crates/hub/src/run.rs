//! The hub as a whole: a thread with discovery, the links and the fleet.

use std::{io, sync::Arc, thread, time::Duration};

use telemetry::Stamp;
use tokio::sync::{mpsc, watch};
use tokio_rustls::rustls::ClientConfig;
use tokio_util::sync::CancellationToken;

use crate::{
    client::Client,
    credentials::Credentials,
    discovery::{self, Source},
    engine::{self, EngineConfig, Visible},
    fleet::{self, Published, Publisher},
    target::TargetList,
};

/// Timeout for a connection to an agent or a list, and for the head of its answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Threads that resolve names.
const BLOCKING_THREADS: usize = 16;
/// Observations that wait for the task which owns the fleet.
const QUEUE: usize = 4096;
/// Time for the tasks to end; a name server that does not answer is not waited for.
const STOP_TIMEOUT: Duration = Duration::from_millis(200);

/// Configuration of a hub.
#[derive(Clone, Debug)]
pub struct HubConfig {
    /// Sources of targets.
    pub sources: Vec<Source>,
    /// Tokens for agents.
    pub credentials: Credentials,
    /// Authorities of agents.
    pub agent_tls: Arc<ClientConfig>,
    /// Authorities of the servers of lists, and of the engine.
    pub list_tls: Arc<ClientConfig>,
    /// Server with the Prometheus HTTP API.
    pub engine: Option<EngineConfig>,
    /// True if the live state comes from it, and not from the agents.
    pub is_live_from_engine: bool,
}

/// A running hub.
#[derive(Debug)]
pub struct Hub {
    published: watch::Receiver<Arc<Published>>,
    targets: watch::Receiver<TargetList>,
    visible: Visible,
    stop: CancellationToken,
    thread: thread::JoinHandle<()>,
}

impl Hub {
    /// Starts it.
    ///
    /// # Errors
    /// A thread or its runtime cannot be started.
    pub fn start(config: HubConfig) -> io::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().max_blocking_threads(BLOCKING_THREADS).build()?;
        let (publisher, published) = Publisher::new(Stamp::now());
        let visible = Visible::default();
        let targets = {
            let _entered = runtime.enter();
            begin(config, publisher, &visible)?
        };
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let run = move || {
            runtime.block_on(stopped.cancelled());
            runtime.shutdown_timeout(STOP_TIMEOUT);
        };
        let thread = thread::Builder::new().name("fleet".into()).spawn(run)?;
        Ok(Self { published, targets, visible, stop, thread })
    }

    /// The fleet, now and after each change.
    #[must_use]
    pub fn published(&self) -> watch::Receiver<Arc<Published>> {
        self.published.clone()
    }

    /// The list of targets, now and after each change.
    #[must_use]
    pub fn targets(&self) -> watch::Receiver<TargetList> {
        self.targets.clone()
    }

    /// The hosts that open streams show, for the routes.
    #[must_use]
    pub fn visible(&self) -> Visible {
        self.visible.clone()
    }

    /// Stops it.
    pub fn stop(self) {
        self.stop.cancel();
        if self.thread.join().is_err() {
            tracing::error!("the thread of the fleet has panicked");
        }
    }
}

/// Starts the tasks of the fleet's thread.
fn begin(config: HubConfig, publisher: Publisher, visible: &Visible) -> io::Result<watch::Receiver<TargetList>> {
    let lists = Client::new(config.list_tls, CONNECT_TIMEOUT);
    let targets = discovery::start(&config.sources, &lists, &config.credentials)?;
    let (observations, observed) = mpsc::channel(QUEUE);
    if let Some(engine) = config.engine.filter(|_| config.is_live_from_engine) {
        tokio::spawn(engine::run(lists, engine, targets.clone(), visible.subscribe(), observations));
    }
    tokio::spawn(fleet::run(targets.clone(), observed, publisher));
    Ok(targets)
}

/// The answer to every request until the routes are there.
#[must_use]
pub fn not_ready() -> http_server::Response {
    http_server::error::problem(hyper::StatusCode::SERVICE_UNAVAILABLE, "the hub has no routes yet")
}
