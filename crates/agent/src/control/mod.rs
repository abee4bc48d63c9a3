//! Control socket, by which an administrator of this host releases and resumes the driver, and forgets GPUs.
//!
//! A connection carries one request line and one answer line. It is a Unix socket, because the kernel authenticates its
//! clients and the network cannot reach it; HTTP stays read-only.

mod client;
mod listen;

use std::{fmt, path::Path, str::FromStr, time::Duration};

use telemetry::terminal::printable;

pub(crate) use client::run;

use crate::{
    cli::{RELEASE_LENGTHS, is_gpu_name},
    socket::{BindError, BoundSocket, SocketFile},
    supervisor::{NotReleased, SupervisorControl},
};

/// Mode for the service's user, and for root, which no mode excludes.
const MODE: u32 = 0o600;

/// Binds the socket.
pub(crate) fn bind(path: &Path) -> Result<BoundSocket, BindError> {
    SocketFile { path, mode: MODE, option: "--control-socket" }.bind()
}

/// A request of an administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Release the driver for this long.
    Release(Duration),
    /// Read the driver again.
    Resume,
    /// Forget the GPU with this UUID, PCI bus id or index.
    Forget(String),
}

/// A line to print: the result, or the reason of a refusal.
type Response = Result<String, String>;

impl fmt::Display for Request {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(length) => write!(to, "release {}", length.as_millis()),
            Self::Resume => to.write_str("resume"),
            Self::Forget(gpu) => write!(to, "forget {gpu}"),
        }
    }
}

impl FromStr for Request {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("resume", "") => Ok(Self::Resume),
            ("forget", gpu) if is_gpu_name(gpu) => Ok(Self::Forget(gpu.into())),
            ("forget", _) => Err("expected the UUID, PCI bus id or index of a GPU".into()),
            ("release", length) => {
                let length = length.parse().ok().map(Duration::from_millis);
                let length = length.filter(|length| RELEASE_LENGTHS.contains(length));
                length.map(Self::Release).ok_or_else(|| "expected a release from 1s to 24h".into())
            }
            _ => Err("unknown request; use the nvidia-smi-web-agent of the running service".into()),
        }
    }
}

/// Opens the socket and serves its requests in a thread of its own. The socket's file exists until the returned value is
/// dropped. The agent also serves without it, so a failure is a warning.
pub(crate) fn open(path: &Path, driver: SupervisorControl) -> Option<BoundSocket> {
    let opened = bind(path).map_err(|error| error.to_string()).and_then(|mut bound| {
        listen::start(bound.take_listener(), move |request| execute(&driver, request))
            .map(|()| bound)
            .map_err(|error| format!("cannot start a thread for {}: {error}", path.display()))
    });
    match opened {
        Ok(bound) => {
            tracing::debug!(path = %path.display(), "the control socket is open");
            Some(bound)
        }
        Err(error) => {
            tracing::warn!("no control socket, so `release`, `resume` and `forget` are not available: {error}");
            None
        }
    }
}

fn execute(driver: &SupervisorControl, request: Request) -> Response {
    match request {
        Request::Release(length) => match driver.release(length) {
            Ok(released) => Ok(format!(
                "released until {}: the collector has ended and nothing of the agent holds a GPU; \
                 `nvidia-smi-web-agent resume` ends it earlier",
                released.until
            )),
            Err(error @ NotReleased::Stuck { .. }) => Err(format!("not released yet: {error}")),
            Err(NotReleased::Unanswered(error)) => Err(error.to_string()),
        },
        Request::Resume => match driver.resume() {
            Ok(true) => Ok("resumed: the GPUs are read again".into()),
            Ok(false) => Ok("nothing to resume: the driver was not released".into()),
            Err(error) => Err(error.to_string()),
        },
        Request::Forget(gpu) => match driver.forget(gpu) {
            Ok(Ok(name)) => Ok(format!("forgotten: {}; if the driver lists it again, it comes back", printable(&name))),
            Ok(Err(refusal)) => Err(refusal.to_string()),
            Err(error) => Err(error.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::MAX_GPU_NAME;

    #[test]
    fn request_round_trips() {
        let forget = |name: &str| Request::Forget(name.into());
        for request in [
            Request::Resume,
            Request::Release(Duration::from_secs(1)),
            Request::Release(*RELEASE_LENGTHS.end()),
            forget("1"),
            forget("bus 00000000:18:00.0"),
            forget(&"x".repeat(MAX_GPU_NAME)),
        ] {
            assert_eq!(request.to_string().parse(), Ok(request));
        }
    }

    #[test]
    fn invalid_requests_rejected() {
        for line in [
            "",
            " ",
            "release",
            "release ",
            "release 999",
            "release 86400001",
            "release -1",
            "release 1000 x",
            "resume x",
            "RESUME",
            "forget",
            "forget ",
            "forget  1",
            "forget 1\t",
            &format!("forget {}", "x".repeat(MAX_GPU_NAME + 1)),
            "GET / HTTP/1.1",
        ] {
            assert!(line.parse::<Request>().is_err(), "{line:?}");
        }
    }
}
