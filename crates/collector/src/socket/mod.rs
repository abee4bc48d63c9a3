//! What other programs of the host tell over their Unix sockets: the container engine and the kubelet.
//!
//! Each question has a connection, a runtime and a time limit of its own, so that whatever the other side does, nothing
//! of it is left when the question is over. Questions are asked from threads that nothing waits for.

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

/// A question takes at most this long, from the connection to the end of the answer.
pub(crate) const LIMIT: Duration = Duration::from_secs(1);

/// Whose socket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Docker's or Podman's.
    Engine,
    /// The kubelet's for pod resources.
    Kubelet,
}

/// A socket to ask.
#[derive(Clone, Debug)]
pub(crate) struct Socket {
    pub(crate) kind: Kind,
    pub(crate) path: PathBuf,
}

/// What there is to ask, once GPUs are read.
#[derive(Clone, Debug)]
pub(crate) struct Sockets {
    /// The container engine's, if it is to be asked.
    pub(crate) engine: Option<Socket>,
    /// The kubelet's, if it is to be asked.
    pub(crate) kubelet: Option<Socket>,
    /// How often the kubelet is asked.
    pub(crate) period: Duration,
}

impl Socket {
    /// Asks a question on a fresh connection.
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
            // Does not wait: where too many others do, it fails.
            let stream = UnixStream::connect(&self.path).await.map_err(|error| Fault::unreachable(self, &error))?;
            question(stream).await
        };
        runtime.block_on(async { time::timeout(limit, whole).await }).unwrap_or_else(|_| Err(Fault::late(limit)))
    }
}

/// Tries the container engine's socket, and tells what is wrong with it and what helps.
///
/// # Errors
/// What is wrong, in one line that names the socket and the remedy.
pub fn try_container_socket(path: &Path) -> Result<(), String> {
    Socket { kind: Kind::Engine, path: path.into() }.ask(engine::ping).map_err(|fault| fault.text)
}

/// Tries the kubelet's socket: how many containers have a GPU, or a part of one.
///
/// # Errors
/// What is wrong, in one line that names the socket and the remedy.
pub fn try_kubelet_socket(path: &Path) -> Result<usize, String> {
    let socket = Socket { kind: Kind::Kubelet, path: path.into() };
    let given = socket.ask(kubelet::list).map_err(|fault| fault.text)?;
    let containers: std::collections::BTreeSet<_> = given.into_iter().map(|one| one.to).collect();
    Ok(containers.len())
}

#[cfg(test)]
mod tests;
