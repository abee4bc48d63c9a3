//! The parent: HTTP on this thread, the supervisor on one of its own.

use std::{io, net::SocketAddr, process::ExitCode};

use server::{Limits, Publisher};
use telemetry::Stamp;
use tokio::signal::unix::{SignalKind, signal};

use crate::{bind, cli::Cli, config::Config, supervisor::Supervisor};

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(cli: &Cli) -> io::Result<ExitCode> {
    let config = Config::new(cli);
    let listener = bind::listen(config.listen)?;
    let address = listener.local_addr()?;
    warn_if_open(&config, address);
    let publisher = Publisher::showing(Stamp::now(), config.commands);
    let app = server::router(config.server.clone(), publisher.subscribe());
    let supervisor = Supervisor::start(config.collect, publisher)?;
    tracing::info!(url = url(address, config.server.url_prefix.as_str()), "serving");
    // HTTP stays on this one thread: it only hands out bytes, and the host's cores belong to its users.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        server::serve(listener, app, Limits::default(), asked_to_stop()?).await;
        io::Result::Ok(())
    })?;
    supervisor.stop();
    Ok(ExitCode::SUCCESS)
}

/// Ends at the first SIGTERM or SIGINT.
fn asked_to_stop() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "stopping");
    })
}

fn warn_if_open(config: &Config, address: SocketAddr) {
    if let Some(warning) = config.openness(address.ip()) {
        tracing::warn!("{warning}");
    }
}

/// An address that can be clicked: a wildcard is shown as the local host.
fn url(address: SocketAddr, prefix: &str) -> String {
    match address.ip() {
        ip if ip.is_unspecified() => format!("http://localhost:{}{prefix}/", address.port()),
        _ => format!("http://{address}{prefix}/"),
    }
}
