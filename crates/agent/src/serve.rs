//! The parent: HTTP on this thread, the supervisor and the control socket each on one of its own.

use std::{io, net::SocketAddr, process::ExitCode, sync::Arc};

use server::{Archive, Limits, Published, Publisher, ServerConfig, Streams};
use telemetry::{Stamp, derive::Deriver, history::History};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{oneshot, watch},
};

use crate::{
    bind,
    cli::Cli,
    config::Config,
    control,
    limits::{self, limits},
    notify::Notify,
    state::{self, Keeper},
    supervisor::Supervisor,
};

/// Added to a signal's number: the status of a program that it has ended.
const EXIT_BY_SIGNAL: u8 = 128;

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(cli: &Cli) -> io::Result<ExitCode> {
    let config = Config::new(cli)?;
    let listener = bind::listen(config.listen)?;
    let address = listener.local_addr()?;
    warn_if_open(&config, address);
    warn_of_counters(&config);
    let notify = Notify::from_environment();
    let mut history = History::new(config.depth);
    let kept = config.state_dir.as_deref().map(|folder| state::load(folder, &mut history)).unwrap_or_default();
    let archive = Arc::new(Archive::new(history));
    let publisher = Publisher::keeping(Stamp::now(), config.show.clone(), Arc::clone(&archive));
    let newest = publisher.subscribe();
    let supervisor = Supervisor::start(config.collect.clone(), publisher, Deriver::recalling(kept))?;
    let keeper = config.state_dir.map(|folder| Keeper::start(folder, archive, newest.clone())).transpose()?;
    let _control = config.control_socket.as_deref().and_then(|path| control::open(path, supervisor.orders()));
    // HTTP stays on this one thread: it only hands out bytes, and the host's cores belong to its users.
    let status = tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let signals = Signals::new()?;
        tracing::info!(url = url(address, config.server.url_prefix.as_str()), "serving");
        notify.ready();
        let limits = limits();
        let streams = Arc::new(Streams::new(limits::streams(limits.connections, config.stream_clients)));
        let server = ServerConfig { streams, ..config.server };
        io::Result::Ok(serve(listener, server, limits, signals, &notify, newest).await)
    })?;
    supervisor.stop();
    if let Some(keeper) = keeper {
        keeper.stop();
    }
    Ok(status)
}

/// Serves until the first signal, then lets answers in the making finish, until the second.
async fn serve(
    listener: tokio::net::TcpListener,
    config: ServerConfig,
    limits: Limits,
    mut signals: Signals,
    notify: &Notify,
    newest: watch::Receiver<Arc<Published>>,
) -> ExitCode {
    let (stop, stopped) = oneshot::channel();
    let streams = Arc::clone(&config.streams);
    let app = server::router(config, newest.clone());
    let http = server::serve(listener, app, limits, async {
        // The other end is sent to below before it is dropped.
        let _: Result<(), _> = stopped.await;
    });
    let asked = async {
        // Before the log line, which does not look at its values where its level is off.
        let (name, _) = signals.next().await;
        tracing::info!(signal = name, "stopping");
        notify.stopping();
        streams.close();
        // Nobody listens if HTTP has just ended by itself.
        let _ = stop.send(());
        signals.next().await
    };
    tokio::select! {
        () = http => ExitCode::SUCCESS,
        (name, number) = asked => {
            tracing::warn!(signal = name, "stopping at once; open connections are cut off");
            ExitCode::from(EXIT_BY_SIGNAL + number)
        }
        never = notify.follow(newest) => match never {},
    }
}

/// What asks the agent to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next one's name and number.
    async fn next(&mut self) -> (&'static str, u8) {
        tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", 15),
            _ = self.interrupt.recv() => ("SIGINT", 2),
        }
    }
}

fn warn_if_open(config: &Config, address: SocketAddr) {
    if let Some(warning) = config.openness(address.ip()) {
        tracing::warn!("{warning}");
    }
}

/// `check` lists them.
fn warn_of_counters(config: &Config) {
    let counters = &config.show.metrics.dcgm.counters;
    if let Some(first) = counters.unserved().first() {
        let unserved = counters.unserved().len();
        tracing::warn!(unserved, first = first.name, "some of --dcgm-counters cannot be served: `check` lists them");
    }
}

/// An address that can be clicked: a wildcard is shown as the local host.
fn url(address: SocketAddr, prefix: &str) -> String {
    match address.ip() {
        ip if ip.is_unspecified() => format!("http://localhost:{}{prefix}/", address.port()),
        _ => format!("http://{address}{prefix}/"),
    }
}
