//! Process that serves HTTP, of an agent or a hub: limits, listeners, signals and the end.

use std::{io, process::ExitCode, sync::Arc};

use nix::sys::prctl;
use server::{ClientAddr, Limits, Listener, Received, Response, StreamPermits};
use tokio::{runtime::Runtime, sync::oneshot};

use crate::{
    bind::{Bind, Listening},
    exposure::Exposure,
    limits,
    notify::Notify,
    say,
    signals::{Hangup, StopSignals},
    socket::BoundSocket,
};

/// Base of the exit status after a signal.
const EXIT_BY_SIGNAL: u8 = 128;

/// Exit status after an error that may clear up: a port in use, an address that does not exist yet, too few descriptors.
/// The systemd unit retries then, but not after invalid settings.
const EXIT_TEMPORARY: u8 = 1;

/// Bound addresses and sockets.
pub(crate) struct Serving(Vec<Listening>);

/// Listeners that accept connections, and their limits.
pub(crate) struct Server {
    /// Permits for clients of streams, closed at the end.
    pub(crate) streams: Arc<StreamPermits>,
    listeners: Vec<Listener>,
    limits: Limits,
    signals: StopSignals,
    /// Files of sockets, which exist until the end.
    _sockets: Vec<BoundSocket>,
}

/// Runs a program on a runtime of this thread, with as many others for what waits.
///
/// # Errors
/// Invalid settings.
pub(crate) fn run(
    blocking_threads: usize,
    program: impl FnOnce(&Runtime, Hangup) -> io::Result<ExitCode>,
) -> io::Result<ExitCode> {
    if let Err(error) = limits::check() {
        return Ok(temporary(&io::Error::other(error)));
    }
    // One thread is enough for HTTP, which only copies bytes; the host's cores belong to its users.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().max_blocking_threads(blocking_threads).build()?;
    // At once, since SIGHUP would end the program.
    let hangup = {
        let _entered = runtime.enter();
        Hangup::new()?
    };
    program(&runtime, hangup)
}

/// Makes an error that may clear up an exit status after which the program is started again.
///
/// # Errors
/// The others.
pub(crate) fn retriable(status: io::Result<ExitCode>) -> io::Result<ExitCode> {
    status.or_else(|error| if is_permanent(&error) { Err(error) } else { Ok(temporary(&error)) })
}

/// Hides our memory and environment, with tokens and keys, from other processes of the same account: the collector is
/// one, and runs the vendor's library. It also prevents core files.
pub(crate) fn protect_memory() {
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

impl Serving {
    /// Binds every address and socket.
    pub(crate) fn bind(exposure: &Exposure) -> io::Result<Self> {
        let bound = exposure.binds.iter().map(|bind| bind.listen(&exposure.binds, &exposure.given_by));
        bound.collect::<io::Result<_>>().map(Self)
    }

    /// Registers the listeners with the runtime, logs their URLs, and receives SIGTERM and SIGINT from now on.
    pub(crate) fn start(
        self,
        exposure: &Exposure,
        prefix: &str,
        stream_clients: usize,
        limits: Limits,
    ) -> io::Result<Server> {
        let mut sockets = Vec::new();
        let listeners = self.0.into_iter().map(|bound| listener(bound, exposure, &mut sockets));
        let listeners = listeners.collect::<io::Result<_>>()?;
        let signals = StopSignals::new()?;
        for bind in &exposure.binds {
            let url = url(bind, exposure.certificates.is_some(), prefix);
            tracing::info!(url, "serving");
        }
        let streams = Arc::new(StreamPermits::new(limits::streams(limits.connections, stream_clients)));
        Ok(Server { streams, listeners, limits, signals, _sockets: sockets })
    }
}

impl Server {
    /// Serves until the first signal, then finishes open requests until the second.
    pub(crate) async fn run<A, R>(self, answer: A, notify: &Notify) -> ExitCode
    where
        A: Fn(ClientAddr, Received) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response> + Send + 'static,
    {
        let Self { streams, listeners, limits, mut signals, _sockets } = self;
        let (stop, stopped) = oneshot::channel();
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
