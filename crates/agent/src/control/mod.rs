//! Control socket, by which an administrator of this host releases and resumes the driver, and forgets GPUs.
//!
//! A connection carries one request line and one answer line. It is a Unix socket, because the kernel authenticates its
//! clients and the network cannot reach it; HTTP stays read-only.

mod client;
mod listen;

use std::{fmt, path::Path, str::FromStr, sync::Arc, time::Duration};

use telemetry::terminal::printable;

pub(crate) use client::run;

use crate::{
    cli::{MAX_USER_NAME, RELEASE_LENGTHS, is_gpu_name, is_user_name},
    socket::{BindError, BoundSocket, SocketFile},
    supervisor::{NotReleased, SupervisorControl},
    usage::Usage,
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
    /// Remove a person's name from the accounting, or only from what ended before a moment, in Unix milliseconds.
    ForgetUser { user: String, before: Option<u64> },
}

impl Request {
    /// The request for the log, which keeps no name of a person who is to be forgotten.
    fn logged(&self) -> String {
        if matches!(self, Self::ForgetUser { .. }) { "usage forget".into() } else { self.to_string() }
    }
}

/// A line to print: the result, or the reason of a refusal.
type Response = Result<String, String>;

impl fmt::Display for Request {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(length) => write!(to, "release {}", length.as_millis()),
            Self::Resume => to.write_str("resume"),
            Self::Forget(gpu) => write!(to, "forget {gpu}"),
            // As JSON, because a name can contain a line feed.
            Self::ForgetUser { user, before } => {
                let before = before.map_or_else(|| "-".to_owned(), |before| before.to_string());
                write!(to, "forget-user {before} {}", serde_json::Value::from(user.as_str()))
            }
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
            ("forget-user", what) => forget_user(what)
                .ok_or_else(|| format!("expected a moment and the name of a user, of at most {MAX_USER_NAME} bytes")),
            ("release", length) => {
                let length = length.parse().ok().map(Duration::from_millis);
                let length = length.filter(|length| RELEASE_LENGTHS.contains(length));
                length.map(Self::Release).ok_or_else(|| "expected a release from 1s to 24h".into())
            }
            _ => Err("unknown request; use the nvidia-smi-web-agent of the running service".into()),
        }
    }
}

fn forget_user(what: &str) -> Option<Request> {
    let (before, user) = what.split_once(' ')?;
    let before = if before == "-" { None } else { Some(before.parse().ok()?) };
    let user: String = serde_json::from_str(user).ok()?;
    is_user_name(&user).then_some(Request::ForgetUser { user, before })
}

/// Opens the socket and serves its requests in a thread of its own. The socket's file exists until the returned value is
/// dropped. The agent also serves without it, so a failure is a warning.
pub(crate) fn open(path: &Path, driver: SupervisorControl, usage: Option<Arc<Usage>>) -> Option<BoundSocket> {
    let opened = bind(path).map_err(|error| error.to_string()).and_then(|mut bound| {
        listen::start(bound.take_listener(), move |request| execute(&driver, usage.as_ref(), request))
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

fn execute(driver: &SupervisorControl, usage: Option<&Arc<Usage>>, request: Request) -> Response {
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
        Request::ForgetUser { user, before } => match usage {
            Some(usage) => usage.forget_user(&user, before),
            None => Err("the agent counts no usage: it runs with --usage off".into()),
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
            Request::ForgetUser { user: "alice".into(), before: None },
            Request::ForgetUser { user: " \"a\n b\u{1}=1".into(), before: Some(1_796_000_000_000) },
            Request::ForgetUser { user: "\u{1}".repeat(MAX_USER_NAME), before: Some(u64::MAX) },
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
            "forget-user",
            "forget-user -",
            "forget-user alice",
            "forget-user - \"\"",
            "forget-user x \"alice\"",
            "forget-user -1 \"alice\"",
            &format!("forget-user - \"{}\"", "x".repeat(MAX_USER_NAME + 1)),
            "GET / HTTP/1.1",
        ] {
            assert!(line.parse::<Request>().is_err(), "{line:?}");
        }
    }
}
