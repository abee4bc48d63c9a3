//! Protocol of `claims.sock`: one line of JSON each way, with a version.

use serde::{Deserialize, Serialize};
use telemetry::claims::{Claim, ClaimKind, ClaimedDevice};

/// Version of the protocol.
pub(crate) const VERSION: u32 = 1;
/// Longest request with its end of line, in bytes.
pub(crate) const MAX_BYTES: usize = 4096;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Request {
    /// Claim devices for a time.
    Claim {
        /// Indices, UUIDs, or GPU and place of a MIG instance (`2:1`).
        devices: Vec<String>,
        /// Length in milliseconds; none for the default.
        #[serde(default)]
        for_ms: Option<u64>,
        #[serde(default)]
        why: String,
        /// Claim devices on which others compute, too.
        #[serde(default)]
        force: bool,
        /// Replace own claims for a time.
        #[serde(default)]
        renew: bool,
    },
    /// Claim devices as long as the process runs that has connected.
    Run {
        devices: Vec<String>,
        #[serde(default)]
        why: String,
        #[serde(default)]
        force: bool,
    },
    /// End claims; without devices the user's own for a time.
    Unclaim {
        #[serde(default)]
        devices: Vec<String>,
    },
    /// List all claims.
    List,
}

/// A request with the version, as it is sent.
#[derive(Serialize)]
struct Sent<'a> {
    version: u32,
    #[serde(flatten)]
    request: &'a Request,
}

/// Version of a request of any version.
#[derive(Deserialize)]
struct Versioned {
    version: Option<u32>,
}

impl Request {
    /// The line that is sent.
    ///
    /// # Errors
    /// It is too long.
    pub(crate) fn line(&self) -> Result<String, String> {
        let line =
            serde_json::to_string(&Sent { version: VERSION, request: self }).map_err(|error| error.to_string())?;
        let length = line.len() + 1;
        if length > MAX_BYTES {
            return Err(format!("expected a request of at most {MAX_BYTES} bytes, got {length}: shorten --why"));
        }
        Ok(line + "\n")
    }

    /// Parses a line.
    ///
    /// # Errors
    /// One line: the version or the form is another.
    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        let expected = "expected a request of nvidia-smi-web-agent as one line of JSON";
        let versioned: Versioned = serde_json::from_slice(line).map_err(|_| expected.to_owned())?;
        match versioned.version {
            Some(VERSION) => serde_json::from_slice(line).map_err(|error| format!("{expected}: {error}")),
            Some(other) => Err(format!(
                "expected version {VERSION} of the protocol, got {other}: use the nvidia-smi-web-agent of the running service"
            )),
            None => Err(format!("{expected} with its version")),
        }
    }
}

/// Outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Done,
    Refused,
    /// The request is wrong.
    Invalid,
    /// Too many connections of this user; a retry may succeed.
    Busy,
}

/// Reason of a refusal, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Why {
    /// Somebody has claimed a device.
    Claimed,
    /// Another user computes on a device.
    InUse,
    /// A limit of the agent.
    Limit,
    /// The agent does not know the device.
    Unknown,
    /// The claim to end is of another user, or there is none.
    NotYours,
    /// The agent does not know who asks.
    Peer,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) version: u32,
    pub(crate) status: Status,
    #[serde(default)]
    pub(crate) reason: Option<Why>,
    /// One line for people; empty after success.
    #[serde(default)]
    pub(crate) text: String,
    /// Claims that were made or listed, or that are in the way.
    #[serde(default)]
    pub(crate) claims: Vec<ClaimView>,
    /// Devices whose claims were ended.
    #[serde(default)]
    pub(crate) ended: Vec<DeviceView>,
}

/// A claim, as in `/api/v1/snapshot` and with its devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClaimView {
    pub(crate) kind: ClaimKind,
    pub(crate) user: String,
    pub(crate) uid: u32,
    pub(crate) pid: Option<u32>,
    /// Unix time in milliseconds.
    pub(crate) since: u64,
    pub(crate) until: Option<u64>,
    pub(crate) why: String,
    pub(crate) devices: Vec<DeviceView>,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeviceView {
    pub(crate) uuid: String,
    /// Its name on this host now, such as `2` or `2:1`; none if it is not listed.
    pub(crate) place: Option<String>,
    /// Product name or profile.
    pub(crate) name: Option<String>,
}

impl ClaimView {
    pub(super) fn of(claim: &Claim, device: impl Fn(&ClaimedDevice) -> DeviceView) -> Self {
        Self {
            kind: claim.kind,
            user: claim.user.as_ref().into(),
            uid: claim.uid,
            pid: claim.process.map(|process| process.pid),
            since: claim.since.unix_ms,
            until: claim.until.map(|until| until.unix_ms),
            why: claim.why.as_ref().into(),
            devices: claim.devices.iter().map(device).collect(),
        }
    }
}

impl Answer {
    pub(super) const fn new(status: Status, reason: Option<Why>, text: String) -> Self {
        Self { version: VERSION, status, reason, text, claims: Vec::new(), ended: Vec::new() }
    }

    pub(super) fn refused(reason: Why, text: impl Into<String>) -> Self {
        Self::new(Status::Refused, Some(reason), text.into())
    }

    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self::new(Status::Invalid, None, text.into())
    }

    pub(super) const fn done() -> Self {
        Self::new(Status::Done, None, String::new())
    }

    /// The line that is sent.
    pub(super) fn line(&self) -> Vec<u8> {
        // Strings and numbers alone do not fail.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claim(devices: &[&str]) -> Request {
        let devices = devices.iter().map(|device| (*device).into()).collect();
        Request::Claim { devices, for_ms: None, why: "night".into(), force: false, renew: false }
    }

    #[test]
    fn request_round_trips() {
        let run = Request::Run { devices: vec!["GPU-1".into()], why: "\n\"".into(), force: true };
        for request in [claim(&["2", "2:1"]), run, Request::Unclaim { devices: vec![] }, Request::List] {
            let line = request.line().unwrap();
            assert_eq!(line.matches('\n').count(), 1);
            assert_eq!(Request::parse(line.trim_end().as_bytes()), Ok(request));
        }
        assert!(claim(&[&"x".repeat(5000)]).line().unwrap_err().contains("at most 4096 bytes"));
    }

    #[test]
    fn other_versions_and_forms_refused() {
        for (line, part) in [
            (r#"{"version":2,"do":"list"}"#, "expected version 1 of the protocol, got 2"),
            (r#"{"version":2,"something":"else"}"#, "got 2"),
            (r#"{"do":"list"}"#, "with its version"),
            (r#"{"version":1}"#, "one line of JSON: missing field"),
            (r#"{"version":1,"do":"steal"}"#, "unknown variant"),
            (r#"{"version":1,"do":"claim"}"#, "devices"),
            (r#"{"version":1,"do":"claim","devices":"0"}"#, "one line of JSON"),
            (r#"{"version":1,"do":"claim","devices":[],"for_ms":-1}"#, "one line of JSON"),
            ("", "one line of JSON"),
            ("GET / HTTP/1.1", "one line of JSON"),
            (r#"{"version":1,"do":"list""#, "one line of JSON"),
        ] {
            let error = Request::parse(line.as_bytes()).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
        // A field that a later release adds.
        assert_eq!(Request::parse(br#"{"version":1,"do":"list","more":[1]}"#), Ok(Request::List));
    }

    proptest! {
        #[test]
        fn arbitrary_lines_are_request_or_error(line in prop::collection::vec(any::<u8>(), 0..200), nested in 0..3000_usize) {
            let _ = Request::parse(&line);
            let deep = format!(r#"{{"version":1,"do":"list","more":{}"#, "[".repeat(nested));
            prop_assert!(Request::parse(deep.as_bytes()).is_err());
        }
    }
}
