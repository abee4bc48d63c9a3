//! The parent: HTTP on this thread, the supervisor and the control socket each on one of its own.

use std::{io, process::ExitCode, sync::Arc};

use nix::sys::prctl;
use server::{App, Archive, Limits, Listener, Published, Publisher, ServerConfig, Streams};
use telemetry::{Stamp, derive::Deriver, history::History};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{oneshot, watch},
};

use crate::{
    bind::{Bind, Listening},
    cli::Cli,
    config::Config,
    control,
    exposure::{self, Exposure},
    limits::{self, limits},
    notify::Notify,
    say,
    socket::Bound,
    state::{self, Keeper},
    supervisor::Supervisor,
};

/// Added to a signal's number: the status of a program that it has ended.
const EXIT_BY_SIGNAL: u8 = 128;

/// Status if it could not begin, and may at another time: a port or an address that others have, or that is not there
/// yet, too few descriptors. The unit has it tried again then, and not after wrong settings.
const EXIT_NOT_NOW: u8 = 1;

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// Wrong settings.
pub(crate) fn run(cli: &Cli) -> io::Result<ExitCode> {
    let config = Config::new(cli)?;
    if config.exposure.has_secrets() {
        keep_to_ourselves();
    }
    begin(config).or_else(|error| if is_of_settings(&error) { Err(error) } else { Ok(not_now(&error)) })
}

/// Has the kernel keep our memory and environment, where tokens and keys are, from other processes of the same account: the
/// collector is one, with the vendor's library in it. There is no core file of us either.
fn keep_to_ourselves() {
    if let Err(error) = prctl::set_dumpable(false) {
        tracing::warn!(%error, "tokens are not kept from other processes of this account");
    }
}

/// Whether no time will mend it: where to listen is not for this account, or is no place for a socket.
fn is_of_settings(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, InvalidFilename, InvalidInput, NotADirectory, NotFound, PermissionDenied};
    matches!(error.kind(), AlreadyExists | InvalidFilename | InvalidInput | NotADirectory | NotFound | PermissionDenied)
}

fn not_now(error: &io::Error) -> ExitCode {
    say::error(&error.to_string());
    ExitCode::from(EXIT_NOT_NOW)
}

fn begin(config: Config) -> io::Result<ExitCode> {
    let doors = doors(&config.exposure)?;
    for warning in exposure::warnings(&config.exposure) {
        tracing::warn!("{warning}");
    }
    config.exposure.watch()?;
    warn_of_counters(&config);
    let notify = Notify::from_environment();
    let mut history = History::new(config.depth);
    let kept = config.state_dir.as_deref().map(|folder| state::load(folder, &mut history)).unwrap_or_default();
    let archive = Arc::new(Archive::new(history));
    let publisher = Publisher::keeping(Stamp::now(), config.show.clone(), Arc::clone(&archive));
    let newest = publisher.subscribe();
    let supervisor =
        Supervisor::start(config.collector.clone(), config.idle_after, publisher, Deriver::restoring(kept))?;
    let keeper =
        config.state_dir.map(|folder| Keeper::start(folder, archive, newest.clone(), state::EVERY)).transpose()?;
    let _control = config.control_socket.as_deref().and_then(|path| control::open(path, supervisor.release_control()));
    // HTTP stays on this one thread: it only hands out bytes, and the host's cores belong to its users.
    let status = tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        // A socket's file is there until the end.
        let mut files = Vec::new();
        let listeners = doors.into_iter().map(|door| listener(door, &config.exposure, &mut files));
        let listeners = listeners.collect::<io::Result<_>>()?;
        let signals = Signals::new()?;
        for bind in &config.exposure.binds {
            let url = url(bind, config.exposure.certificates.is_some(), config.server.url_prefix.as_str());
            tracing::info!(url, "serving");
        }
        notify.ready();
        let limits = limits();
        let streams = Arc::new(Streams::new(limits::streams(limits.connections, config.stream_clients)));
        let server = ServerConfig { streams, ..config.server };
        let status = serve(listeners, server, limits, signals, &notify, newest).await;
        drop(files);
        io::Result::Ok(status)
    })?;
    supervisor.stop();
    if let Some(keeper) = keeper {
        keeper.stop();
    }
    Ok(status)
}

/// Serves until the first signal, then lets answers in the making finish, until the second.
async fn serve(
    listeners: Vec<Listener>,
    config: ServerConfig,
    limits: Limits,
    mut signals: Signals,
    notify: &Notify,
    newest: watch::Receiver<Arc<Published>>,
) -> ExitCode {
    let (stop, stopped) = oneshot::channel();
    let streams = Arc::clone(&config.streams);
    let app = App::new(config, newest.clone());
    let answer = move |peer, request| app.reply(Some(peer), &request);
    let http = server::serve(listeners, answer, limits, async {
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

/// Listens at every place.
fn doors(exposure: &Exposure) -> io::Result<Vec<Listening>> {
    exposure.binds.iter().map(|bind| bind.listen(&exposure.binds)).collect()
}

/// What is served there; a socket's file is put among the files.
fn listener(door: Listening, exposure: &Exposure, files: &mut Vec<Bound>) -> io::Result<Listener> {
    match door {
        Listening::Address(listener) => {
            listener.set_nonblocking(true)?;
            Ok(Listener::Tcp(tokio::net::TcpListener::from_std(listener)?, exposure.tls()))
        }
        Listening::Unix(mut bound) => {
            let listener = bound.take_listener().ok_or_else(|| io::Error::other("the socket is served already"))?;
            files.push(bound);
            listener.set_nonblocking(true)?;
            Ok(Listener::Unix(tokio::net::UnixListener::from_std(listener)?))
        }
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
fn url(bind: &Bind, encrypted: bool, prefix: &str) -> String {
    let scheme = if encrypted { "https" } else { "http" };
    match bind {
        Bind::Address(address) if address.ip().is_unspecified() => {
            format!("{scheme}://localhost:{}{prefix}/", address.port())
        }
        Bind::Address(address) => format!("{scheme}://{address}{prefix}/"),
        Bind::Unix { path, .. } => format!("unix:{}", path.display()),
    }
}
