//! The hub as a whole: a thread with discovery, the links and the fleet.

use std::{io, sync::Arc, thread, time::Duration};

use http_server::{
    HostName, Prefix, WebOrigin,
    auth::{Anonymous, Token, Tokens},
    net::StreamPermits,
};
use server::FrameAncestors;
use telemetry::Stamp;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    client::{Client, ClientTls},
    credentials::Credentials,
    discovery::{self, Source},
    engine::{self, EngineConfig, Visible},
    fleet::{self, ConfigNotes, Published, Publisher},
    link,
    lookup::MAX_LOOKUPS,
    proxy::{self, Original, Proxy, ProxyConfig},
    report,
    router::{App, AppConfig},
    target::{Endpoint, TargetList},
    usage::{self, Usage, UsageConfig},
    viewers::Viewers,
};

/// Timeout for a connection to an agent or a list, and for the head of its answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Threads that resolve names, for agents and for lists, and a few that read files.
const BLOCKING_THREADS: usize = 2 * MAX_LOOKUPS + 4;
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
    pub agent_tls: ClientTls,
    /// Authorities of the servers of lists, and of the engine.
    pub list_tls: ClientTls,
    /// Problems of files that are reloaded.
    pub notes: watch::Receiver<ConfigNotes>,
    /// Server with the Prometheus HTTP API.
    pub engine: Option<EngineConfig>,
    /// True if the live state comes from it, and not from the agents.
    pub is_live_from_engine: bool,
    /// File descriptors for connections to agents.
    pub descriptors: Descriptors,
}

/// File descriptors for connections to agents. Neither of these takes those of the other, nor those of the viewers.
#[derive(Clone, Copy, Debug)]
pub struct Descriptors {
    /// Descriptors of links. A host without one is unreachable.
    pub links: usize,
    /// Descriptors of proxied requests.
    pub proxied: usize,
}

/// Configuration of the viewers' side of a hub.
#[derive(Debug, Default)]
pub struct ViewerConfig {
    /// The prefix of all paths; the root by default.
    pub url_prefix: Prefix,
    /// A token with full access.
    pub token: Option<Token>,
    /// Further tokens, which can change.
    pub tokens: Option<watch::Receiver<Arc<Tokens>>>,
    /// Access without a token.
    pub anonymous: Anonymous,
    /// Host names allowed for requests without a token; `None` allows all.
    pub allowed_hosts: Option<Vec<HostName>>,
    /// Origins whose pages may read responses.
    pub cors_origins: Vec<WebOrigin>,
    /// Pages that may embed the pages in a frame.
    pub frame_ancestors: FrameAncestors,
    /// Logs each request with `tracing`.
    pub access_log: bool,
    /// Permits for streams. Keep a clone to close the streams.
    pub streams: Arc<StreamPermits>,
}

/// A running hub.
pub struct Hub {
    agents: Client,
    credentials: Credentials,
    viewers: Viewers,
    published: watch::Receiver<Arc<Published>>,
    targets: watch::Receiver<TargetList>,
    visible: Visible,
    is_live_from_engine: bool,
    descriptors: Descriptors,
    /// The engine and its client, for questions about the past.
    engine: Option<(Client, EngineConfig)>,
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
        let is_live_from_engine = config.is_live_from_engine;
        let agents = Client::new(config.agent_tls.clone(), CONNECT_TIMEOUT);
        let descriptors = config.descriptors;
        let engine =
            config.engine.clone().map(|engine| (Client::new(config.list_tls.clone(), CONNECT_TIMEOUT), engine));
        let (credentials, viewers) = (config.credentials.clone(), Viewers::default());
        let targets = {
            let _entered = runtime.enter();
            begin(config, agents.clone().limited_to(descriptors.links), viewers.clone(), &visible, publisher)?
        };
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let run = move || {
            runtime.block_on(stopped.cancelled());
            runtime.shutdown_timeout(STOP_TIMEOUT);
        };
        let thread = thread::Builder::new().name("fleet".into()).spawn(run)?;
        Ok(Self {
            agents,
            credentials,
            viewers,
            published,
            targets,
            visible,
            is_live_from_engine,
            descriptors,
            engine,
            stop,
            thread,
        })
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

    /// The application for its viewers.
    #[must_use]
    pub fn app(&self, config: ViewerConfig) -> App {
        let credentials = self.credentials.clone();
        let newest = self.published();
        let proxy = Proxy::new(ProxyConfig {
            targets: self.targets.clone(),
            client: self.agents.beside(proxy::TIMEOUT).limited_to(self.descriptors.proxied),
            token_for: Box::new(move |endpoint, peer| credentials.for_endpoint(endpoint, Some(peer))),
            original_at: Box::new(move |endpoint| original_at(&newest.borrow(), endpoint)),
            knows_originals: !self.is_live_from_engine,
            streams: Arc::clone(&config.streams),
        });
        let credentials = self.credentials.clone();
        let usage = Usage::new(UsageConfig {
            targets: self.targets.clone(),
            client: self.agents.beside(usage::TIMEOUT),
            token_for: Box::new(move |endpoint, peer| credentials.for_endpoint(endpoint, Some(peer))),
            timeout: usage::TIMEOUT,
            engine: self.engine.as_ref().map(|(client, engine)| engine::Past::new(client, engine.clone())),
        });
        let config = AppConfig {
            url_prefix: config.url_prefix,
            token: config.token,
            tokens: config.tokens,
            anonymous: config.anonymous,
            allowed_hosts: config.allowed_hosts,
            cors_origins: config.cors_origins,
            frame_ancestors: config.frame_ancestors,
            access_log: config.access_log,
            streams: config.streams,
            viewers: self.viewers.clone(),
            targets: self.targets.clone(),
            proxy: Some(proxy),
            usage: Some(usage),
        };
        App::with_visible(config, self.published(), Some(self.visible.clone()))
    }

    /// Stops it.
    pub fn stop(self) {
        self.stop.cancel();
        if self.thread.join().is_err() {
            tracing::error!("the thread of the fleet has panicked");
        }
    }
}

/// The original Python agent at this endpoint, if it is one. An engine's report does not show it.
fn original_at(newest: &Published, endpoint: &Endpoint) -> Option<Original> {
    let host = newest.hosts.iter().find(|host| host.target.endpoint == *endpoint)?;
    let report = host.report.as_ref().filter(|report| report.source == report::Source::Original)?;
    Some(Original { takes_bare_token: report.takes_bare_token })
}

/// Starts the tasks of the fleet's thread.
fn begin(
    config: HubConfig,
    agents: Client,
    viewers: Viewers,
    visible: &Visible,
    publisher: Publisher,
) -> io::Result<watch::Receiver<TargetList>> {
    let lists = Client::new(config.list_tls, CONNECT_TIMEOUT);
    let targets = discovery::start(&config.sources, &lists, &config.credentials)?;
    let (observations, observed) = mpsc::channel(QUEUE);
    match config.engine.filter(|_| config.is_live_from_engine) {
        Some(engine) => {
            tokio::spawn(engine::run(lists, engine, targets.clone(), visible.subscribe(), observations));
        }
        None => {
            let (watching, watched) = watch::channel(0);
            tokio::spawn(viewers.follow(watching));
            tokio::spawn(link::run(targets.clone(), agents, config.credentials, watched, observations));
        }
    }
    tokio::spawn(fleet::run(targets.clone(), observed, config.notes, publisher));
    Ok(targets)
}
