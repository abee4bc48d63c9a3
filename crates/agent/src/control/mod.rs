//! The control socket: how an administrator on this host has the agent let the driver go, and read it again.
//!
//! One connection carries one request line and one answer line. It is a Unix socket, so that the kernel says who
//! asks; nothing of it can be reached over the network, and HTTP stays read-only.

mod client;
mod listen;

use std::{fmt, path::Path, str::FromStr, time::Duration};

pub(crate) use client::run;

use crate::{
    socket::{BindError, Bound, Wanted},
    supervisor::{NotReleased, ReleaseControl},
};

/// For the service's user, and for root, whom no mode keeps out.
const MODE: u32 = 0o600;

/// Listens on the socket's file.
pub(crate) fn bind(path: &Path) -> Result<Bound, BindError> {
    Wanted { path, mode: MODE, option: "--control-socket" }.bind()
}

/// How long a release may be.
pub(crate) const LENGTHS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60);

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Let the driver go for so long.
    Release(Duration),
    /// Read it again.
    Resume,
}

/// A line to print: of what was done, or of why it was not.
type Answer = Result<String, String>;

impl fmt::Display for Request {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(length) => write!(to, "release {}", length.as_millis()),
            Self::Resume => to.write_str("resume"),
        }
    }
}

impl FromStr for Request {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("resume", "") => Ok(Self::Resume),
            ("release", length) => {
                let length = length.parse().ok().map(Duration::from_millis);
                let length = length.filter(|length| LENGTHS.contains(length));
                length.map(Self::Release).ok_or_else(|| "a release takes from 1s to 24h".into())
            }
            _ => Err("this is not a request; both ends must be of one version".into()),
        }
    }
}

/// Opens the socket and obeys what comes over it, in a thread of its own. The socket's file is there until the
/// outcome is dropped. Without it the agent serves all the same, so a failure is a warning.
pub(crate) fn open(path: &Path, driver: ReleaseControl) -> Option<Bound> {
    let opened = bind(path).map_err(|error| error.to_string()).and_then(|mut bound| {
        listen::start(bound.take_listener(), move |request| obey(&driver, request))
            .map(|()| bound)
            .map_err(|error| format!("no thread for {}: {error}", path.display()))
    });
    match opened {
        Ok(bound) => {
            tracing::debug!(path = %path.display(), "the control socket is open");
            Some(bound)
        }
        Err(error) => {
            tracing::warn!("no control socket, so `release` and `resume` cannot be used: {error}");
            None
        }
    }
}

fn obey(driver: &ReleaseControl, request: Request) -> Answer {
    match request {
        Request::Release(length) => match driver.release(length) {
            Ok(released) => Ok(format!(
                "released until {}: the collector has ended and nothing of the agent holds a GPU; \
                 `nvidia-smi-web-agent resume` ends it sooner",
                released.until
            )),
            Err(error @ NotReleased::Stuck { .. }) => Err(format!("not released yet: {error}")),
            Err(NotReleased::Unanswered(error)) => Err(error.to_string()),
        },
        Request::Resume => match driver.resume() {
            Ok(true) => Ok("resumed: the GPUs are read again".into()),
            Ok(false) => Ok("nothing to resume: it was not released".into()),
            Err(error) => Err(error.to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_round_trips() {
        for request in [Request::Resume, Request::Release(Duration::from_secs(1)), Request::Release(*LENGTHS.end())] {
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
            "GET / HTTP/1.1",
        ] {
            assert!(line.parse::<Request>().is_err(), "{line:?}");
        }
    }
}
