//! The parent process: HTTP on this thread, supervisor and control socket each on their own.

use std::{convert::Infallible, io, process::ExitCode, sync::Arc, time::Duration};

use nix::sys::prctl;
use server::{Aging, App, Archive, Limits, Listener, Publisher, ServerConfig, StreamPermits};
use telemetry::{Stamp, history::History};
use tokio::{runtime::Runtime, sync::oneshot};

use crate::{
    bind::{Bind, Listening},
    cli::Cli,
    config::Config,
    control,
    exposure::{self, Exposure, Reload},
    limits::{self, limits},
    notify::Notify,
    say,
    signals::{Hangup, StopSignals},
    socket::BoundSocket,
    state::{self, NewestState, StateSaver},
    supervisor::{Supervisor, SupervisorControl},
    usage::Accounting,
};

/// Base of the exit status after a signal.
const EXIT_BY_SIGNAL: u8 = 128;

/// Exit status after an error that may clear up: a port in use, an address that does not exist yet, too few descriptors.
/// The systemd unit retries then, but not after invalid settings.
const EXIT_TEMPORARY: u8 = 1;

/// Interval between two checks of the newest snapshot's age.
const CHECK_AGE: Duration = Duration::from_secs(2);

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// Invalid settings.
pub(crate) fn run(cli: &Cli) -> io::Result<ExitCode> {
    if let Err(error) = limits::check() {
        return Ok(temporary(&io::Error::other(error)));
    }
    // One thread is enough for HTTP, which only copies bytes; the host's cores belong to its users.
    // Answers about usage are rendered on others, of which each takes memory.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(2).build()?;
    // At once, since SIGHUP would end the program.
    let hangup = {
        let _entered = runtime.enter();
        Hangup::new()?
    };
    let config = Config::new(cli)?;
    if config.exposure.has_secrets() {
        protect_memory();
    }
    begin(config, &runtime, hangup)
        .or_else(|error| if is_permanent(&error) { Err(error) } else { Ok(temporary(&error)) })
}

/// Hides our memory and environment, with tokens and keys, from other processes of the same account: the collector is
/// one, and runs the vendor's library. It also prevents core files.
fn protect_memory() {
    if let Err(error) = prctl::set_dumpable(false) {
        tracing::warn!(%error, "other processes of this account can read the tokens in memory");
    }
}

/// Checks for an error that no retry fixes: the account cannot listen there, or a socket cannot be created there.
fn is_permanent(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, InvalidFilename, InvalidInput, NotADirectory, NotFound, PermissionDenied};
    matches!(error.kind(), AlreadyExists | InvalidFilename | InvalidInput | NotADirectory | NotFound | PermissionDenied)
}

fn temporary(error: &io::Error) -> ExitCode {
    say::error(&error.to_string());
    ExitCode::from(EXIT_TEMPORARY)
}

fn begin(config: Config, runtime: &Runtime, hangup: Hangup) -> io::Result<ExitCode> {
    let bound = bind_all(&config.exposure)?;
    for warning in exposure::warnings(&config.exposure) {
        tracing::warn!("{warning}");
    }
    let files = config.exposure.watch()?;
    warn_about_counters(&config);
    let notify = Notify::from_environment();
    let (archive, saved) = restore(&config);
    let accounting =
        config.usage.map(|settings| Accounting::start(config.state_dir.as_deref(), settings)).transpose()?;
    let queries = accounting.as_ref().map(Accounting::queries);
    let mut show = config.show.clone();
    show.metrics.users = queries.clone().filter(|_| config.metrics_users);
    let publisher = Publisher::keeping(Stamp::now(), show, Arc::clone(&archive));
    let newest = publisher.subscribe();
    let aging = publisher.aging(config.collector.interval);
    let ledger = accounting.as_ref().map(|accounting| Arc::clone(&accounting.ledger));
    let supervisor = Supervisor::start(config.collector.clone(), config.rules, publisher, saved.clone(), ledger)?;
    let saver = config
        .state_dir
        .map(|folder| StateSaver::start(folder, archive, newest.clone(), saved, state::SAVE_INTERVAL))
        .transpose()?;
    let driver = supervisor.control();
    let usage = accounting.as_ref().map(|accounting| Arc::clone(&accounting.usage));
    let _control = config.control_socket.as_deref().and_then(|path| control::open(path, driver.clone(), usage));
    let status = runtime.block_on(async {
        // Socket files exist until the end.
        let mut sockets = Vec::new();
        let listeners = bound.into_iter().map(|bound| listener(bound, &config.exposure, &mut sockets));
        let listeners = listeners.collect::<io::Result<_>>()?;
        let stop = StopSignals::new()?;
        log_addresses(&config.exposure, config.server.url_prefix.as_str());
        notify.ready();
        let limits = limits();
        let streams = Arc::new(StreamPermits::new(limits::streams(limits.connections, config.stream_clients)));
        let server = ServerConfig { streams: Arc::clone(&streams), usage: queries, ..config.server };
        let app = App::new(server, newest.clone());
        let status = tokio::select! {
            status = serve(listeners, app, &streams, limits, stop, &notify) => status,
            never = notify.follow(newest) => match never {},
            never = watch_age(aging) => match never {},
            never = reload(hangup, &files, &driver) => match never {},
        };
        drop(sockets);
        io::Result::Ok(status)
    })?;
    supervisor.stop();
    // After the last snapshot.
    if let Some(accounting) = accounting {
        accounting.writer.stop();
    }
    if let Some(saver) = saver {
        saver.stop();
    }
    Ok(status)
}

/// History and state of the run before.
fn restore(config: &Config) -> (Arc<Archive>, NewestState) {
    let mut history = History::new(config.depth);
    let saved = match &config.state_dir {
        Some(folder) => NewestState::kept(state::load(folder, &mut history)),
        None => NewestState::default(),
    };
    (Arc::new(Archive::new(history)), saved)
}

fn log_addresses(exposure: &Exposure, prefix: &str) {
    for bind in &exposure.binds {
        let url = url(bind, exposure.certificates.is_some(), prefix);
        tracing::info!(url, "serving");
    }
}

/// Serves until the first signal, then finishes open requests until the second.
async fn serve(
    listeners: Vec<Listener>,
    app: App,
    streams: &StreamPermits,
    limits: Limits,
    mut signals: StopSignals,
    notify: &Notify,
) -> ExitCode {
    let (stop, stopped) = oneshot::channel();
    let answer = move |peer, request| app.reply(Some(peer), &request);
    let http = server::serve(listeners, answer, limits, async {
        // Resolves when `stop` is used below.
        let _: Result<(), _> = stopped.await;
    });
    let asked = async {
        // Awaited outside the log line, whose arguments are not evaluated if its level is off.
        let (name, _) = signals.next().await;
        tracing::info!(signal = name, "stopping");
        notify.stopping();
        streams.close();
        // Fails if HTTP has already ended.
        let _ = stop.send(());
        signals.next().await
    };
    tokio::select! {
        () = http => ExitCode::SUCCESS,
        (name, number) = asked => {
            tracing::warn!(signal = name, "stopping at once; closing open connections");
            ExitCode::from(EXIT_BY_SIGNAL + number)
        }
    }
}

/// Reloads tokens and certificates at each SIGHUP, and tries a driver that is waited for.
async fn reload(mut hangup: Hangup, files: &Reload, driver: &SupervisorControl) -> Infallible {
    loop {
        hangup.next().await;
        tracing::info!(signal = "SIGHUP", "reloading tokens and certificates");
        files.now();
        driver.retry();
    }
}

/// Keeps the last snapshot of a supervisor that is stuck from looking healthy.
async fn watch_age(mut aging: Aging) -> Infallible {
    loop {
        tokio::time::sleep(CHECK_AGE).await;
        aging.check(Stamp::now());
    }
}

/// Binds every address and socket.
fn bind_all(exposure: &Exposure) -> io::Result<Vec<Listening>> {
    exposure.binds.iter().map(|bind| bind.listen(&exposure.binds, &exposure.given_by)).collect()
}

/// Registers a bound listener with the runtime. A socket's file is added to `files`.
fn listener(bound: Listening, exposure: &Exposure, files: &mut Vec<BoundSocket>) -> io::Result<Listener> {
    match bound {
        Listening::Address(listener) => {
            listener.set_nonblocking(true)?;
            Ok(Listener::Tcp(tokio::net::TcpListener::from_std(listener)?, exposure.tls()))
        }
        Listening::Unix(mut socket) => {
            let listener = socket.take_listener().ok_or_else(|| io::Error::other("the socket has no listener"))?;
            files.push(socket);
            listener.set_nonblocking(true)?;
            Ok(Listener::Unix(tokio::net::UnixListener::from_std(listener)?))
        }
    }
}

/// Warns about counters that cannot be served; `check` lists them.
fn warn_about_counters(config: &Config) {
    let counters = &config.show.metrics.dcgm.counters;
    if let Some(first) = counters.unserved().first() {
        let unserved = counters.unserved().len();
        tracing::warn!(
            lines = unserved,
            first = first.name,
            line = first.line,
            why = first.why,
            "some lines of --dcgm-counters are not served; `check` lists them"
        );
    }
}

/// URL for the log, which terminals can open: a wildcard address is given as localhost.
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
