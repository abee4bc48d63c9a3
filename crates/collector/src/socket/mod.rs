//! Clients of other programs of the host by their Unix sockets: the container engine and the kubelet.
//!
//! Each request has a connection, a runtime and a timeout of its own, so that nothing is left of it afterwards,
//! whatever the other side does. Requests are made by threads that nothing waits for.

mod claim;
pub(crate) mod engine;
mod fault;
pub(crate) mod kubelet;
mod plugin;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{net::UnixStream, runtime, time};

pub(crate) use fault::{Fault, Health};

/// Timeout of a request, from the connection to the end of the response.
pub(crate) const LIMIT: Duration = Duration::from_secs(1);

/// Program of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Docker's or Podman's.
    Engine,
    /// The kubelet's for pod resources.
    Kubelet,
}

/// Socket of another program.
#[derive(Clone, Debug)]
pub(crate) struct Socket {
    pub(crate) kind: Kind,
    pub(crate) path: PathBuf,
}

/// Sockets that are used once GPUs are read.
#[derive(Clone, Debug)]
pub(crate) struct Sockets {
    /// Container engine's socket, if it is used.
    pub(crate) engine: Option<Socket>,
    /// Kubelet's socket, if it is used.
    pub(crate) kubelet: Option<Socket>,
    /// Period of requests to the kubelet.
    pub(crate) period: Duration,
}

impl Socket {
    /// Makes a request on a new connection.
    pub(crate) fn ask<T, F>(&self, question: impl FnOnce(UnixStream) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        self.answer(LIMIT, question).map_err(|fault| fault.of(self))
    }

    fn answer<T, F>(&self, limit: Duration, question: impl FnOnce(UnixStream) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Fault::error(format!("cannot be asked: {error}")))?;
        let whole = async {
            // Non-blocking: it fails if too many others wait.
            let stream = UnixStream::connect(&self.path).await.map_err(|error| Fault::unreachable(self, &error))?;
            question(stream).await
        };
        runtime.block_on(async { time::timeout(limit, whole).await }).unwrap_or_else(|_| Err(Fault::late(limit)))
    }
}

/// Tests the container engine's socket.
///
/// # Errors
/// The problem, in one line with the socket and the remedy.
pub fn try_container_socket(path: &Path) -> Result<(), String> {
    Socket { kind: Kind::Engine, path: path.into() }.ask(engine::ping).map_err(|fault| fault.text)
}

/// Tests the kubelet's socket. Returns the number of containers with a GPU or a part of one.
///
/// # Errors
/// The problem, in one line with the socket and the remedy.
pub fn try_kubelet_socket(path: &Path) -> Result<usize, String> {
    let socket = Socket { kind: Kind::Kubelet, path: path.into() };
    let given = socket.ask(kubelet::list).map_err(|fault| fault.text)?;
    let containers: std::collections::BTreeSet<_> = given.into_iter().map(|one| one.to).collect();
    Ok(containers.len())
}

#[cfg(test)]
mod tests;
