//! Parameters of `/api/v1`. Repeated lists are joined, as Prometheus and forms send them; any other parameter has one
//! value, so that no part of a question is dropped silently. Unknown ones are ignored.

use hyper::StatusCode;
use telemetry::snapshot::{Gpu, Process, ProcessKind, Snapshot};

use super::sections::user;
use http_server::query::values;

/// Pattern of a time in `since`.
pub(crate) const SINCE: &str = "^([0-9]{1,15}|-[0-9]{1,15}[smhd])$";

/// Pattern of a duration in `step`.
pub(crate) const STEP: &str = "^(?!0+[smhd])[0-9]{1,15}[smhd]$";

/// Maximum number of GPUs in a request, as in `/status`.
const MAX_GPUS: usize = 256;

/// Pattern of a number in `limit`.
pub(crate) const LIMIT: &str = "^[0-9]{1,15}$";

/// An invalid parameter.
pub(crate) struct InvalidParameter {
    /// 400 for an invalid value, 404 for an unknown GPU.
    pub(crate) status: StatusCode,
    /// The parameter, and the fix.
    pub(crate) detail: String,
}

impl InvalidParameter {
    /// An invalid value.
    pub(super) fn wrong(detail: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, detail }
    }
}

/// The requested processes.
pub(crate) struct ProcessFilter {
    gpus: Option<Vec<u32>>,
    user: Option<String>,
    kind: Option<Kind>,
}

#[derive(Clone, Copy)]
enum Kind {
    Computes,
    Draws,
    Both,
}

impl ProcessFilter {
    /// Parses a query about the GPUs of a snapshot.
    pub(crate) fn read(query: &str, snapshot: &Snapshot) -> Result<Self, InvalidParameter> {
        let gpus = given_list(query, "gpu")?
            .map(|list| names(&list)?.into_iter().map(|name| index(name, snapshot)).collect::<Result<Vec<_>, _>>());
        let kind = match given(query, "type")?.as_deref() {
            None => None,
            Some("C") => Some(Kind::Computes),
            Some("G") => Some(Kind::Draws),
            // A plus sign in a query is a space.
            Some("C+G" | "C G") => Some(Kind::Both),
            Some(other) => {
                return Err(InvalidParameter::wrong(format!(
                    "The parameter type={other:?} is not a type of process; choose C (compute), G (graphics) or C%2BG (both)."
                )));
            }
        };
        Ok(Self { gpus: gpus.transpose()?, user: given(query, "user")?, kind })
    }

    /// True if one user is requested.
    pub(crate) const fn names_user(&self) -> bool {
        self.user.is_some()
    }

    /// True if all processes are requested.
    pub(crate) const fn is_all(&self) -> bool {
        self.gpus.is_none() && self.user.is_none() && self.kind.is_none()
    }

    /// True if this process is requested.
    pub(crate) fn has(&self, gpu: &Gpu, process: &Process) -> bool {
        let on = self.gpus.as_ref().is_none_or(|gpus| gpus.contains(&gpu.index));
        let kind = match self.kind {
            None => true,
            Some(Kind::Computes) => process.kind.computes(),
            Some(Kind::Draws) => process.kind.draws(),
            Some(Kind::Both) => process.kind == ProcessKind::Both,
        };
        let of = self.user.as_ref().is_none_or(|wanted| {
            user(process).is_ok_and(|user| user == *wanted)
                || process.uid.is_ok_and(|uid| uid.to_string() == *wanted)
                || process.container_label().as_ref() == Some(wanted)
        });
        on && kind && of
    }
}

/// The index of the GPU with this index or UUID.
fn index(name: &str, snapshot: &Snapshot) -> Result<u32, InvalidParameter> {
    let gpu = position(name, snapshot).and_then(|position| snapshot.gpus.get(position));
    gpu.map(|gpu| gpu.index).ok_or_else(|| no_such_gpu(name))
}

/// Splits the list of `gpu`: no empty entry, and a limited number, because each is compared with all GPUs and processes.
pub(super) fn names(list: &str) -> Result<Vec<&str>, InvalidParameter> {
    let names: Vec<&str> = list.split(',').take(MAX_GPUS + 1).collect();
    if names.len() > MAX_GPUS {
        let detail = format!("The parameter gpu names more than {MAX_GPUS} GPUs; leave it out to ask for all.");
        return Err(InvalidParameter::wrong(detail));
    }
    if names.contains(&"") {
        let detail = "The parameter gpu has an empty entry; give indices or UUIDs.";
        return Err(InvalidParameter::wrong(detail.into()));
    }
    Ok(names)
}

/// The error for an unknown GPU.
pub(super) fn no_such_gpu(name: &str) -> InvalidParameter {
    InvalidParameter {
        status: StatusCode::NOT_FOUND,
        detail: format!(
            "The parameter gpu={name:?} is not a GPU of this host; give an index or a UUID from /api/v1/gpus, or several separated by commas."
        ),
    }
}

/// The position of the GPU with this index or UUID.
pub(crate) fn position(name: &str, snapshot: &Snapshot) -> Option<usize> {
    snapshot.gpus.iter().position(|gpu| {
        let uuid = gpu.identity.uuid.as_deref().unwrap_or_default();
        (!uuid.is_empty() && uuid == name) || gpu.index.to_string() == name
    })
}

/// The time in `since`, in Unix milliseconds: absolute, or relative to now.
pub(crate) fn since(query: &str, now: u64) -> Result<Option<u64>, InvalidParameter> {
    let Some(text) = given(query, "since")? else { return Ok(None) };
    let read = match text.strip_prefix('-') {
        Some(ago) => milliseconds(ago).map(|ago| now.saturating_sub(ago)),
        None => digits(&text),
    };
    read.map(Some).ok_or_else(|| {
        InvalidParameter::wrong(format!(
            "The parameter since={text:?} is not a time; give Unix time in milliseconds, or the time before now, such as -15m (s, m, h or d)."
        ))
    })
}

/// The maximum number of events requested.
pub(crate) fn limit(query: &str) -> Result<Option<usize>, InvalidParameter> {
    let Some(text) = given(query, "limit")? else { return Ok(None) };
    let read = digits(&text).and_then(|number| usize::try_from(number).ok());
    read.map(Some).ok_or_else(|| {
        InvalidParameter::wrong(format!(
            "The parameter limit={text:?} is not a number; give the maximum number of events."
        ))
    })
}

/// A duration such as `10s`, in milliseconds.
pub(super) fn milliseconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    // A duration beyond `u64` means before everything.
    Some(digits(number)?.saturating_mul(unit))
}

/// Parses digits, at most as many as in [`SINCE`].
fn digits(text: &str) -> Option<u64> {
    let plain = (1..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// The decoded value of a parameter. An empty one is an error: it is usually a variable that was not set, and a response
/// with everything, or nothing, would hide that. So are two different ones, of which one would be ignored.
pub(super) fn given(query: &str, name: &str) -> Result<Option<String>, InvalidParameter> {
    let mut all = values(query, name);
    let first = all.next();
    if first.as_deref() == Some("") {
        return Err(InvalidParameter::wrong(format!(
            "The parameter {name} is empty; give it a value, or leave it out."
        )));
    }
    if all.any(|other| Some(other) != first) {
        return Err(InvalidParameter::wrong(format!("The parameter {name} has several values; give it one.")));
    }
    Ok(first)
}

/// The entries of a list separated by commas, which can be repeated.
pub(super) fn given_list(query: &str, name: &str) -> Result<Option<String>, InvalidParameter> {
    let all: Vec<String> = values(query, name).collect();
    if all == [""] {
        return given(query, name);
    }
    Ok(if all.is_empty() { None } else { Some(all.join(",")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_parameter_is_list_or_refused() {
        for (query, list) in [("gpu=0", Some("0")), ("gpu=0,1&gpu=2", Some("0,1,2")), ("x=1", None)] {
            assert_eq!(given_list(query, "gpu").ok().flatten().as_deref(), list, "{query}");
        }
        assert!(given_list("gpu=", "gpu").is_err() && given("user=", "user").is_err());
        assert_eq!(given("user=a&user=a", "user").ok().flatten().as_deref(), Some("a"));
        for query in ["user=a&user=b", "user=a&x=1&user=", "user=&user=a"] {
            assert!(given(query, "user").is_err(), "{query}");
        }
    }

    #[test]
    fn query_times_parsed() {
        let read = |query: &str| since(query, 10_000_000).ok();
        assert_eq!(read(""), Some(None));
        assert_eq!(read("since=5"), Some(Some(5)));
        assert_eq!(read("since=-15m"), Some(Some(9_100_000)));
        assert_eq!([read("since=-9d"), read("since=-999999999999999d")], [Some(Some(0)); 2]);
        for bad in ["", "-", "-m", "-1w", "-+1m", "-é", "x", "1.5", "%2B5", "1000000000000000", "-1000000000000000s"] {
            assert_eq!(read(&format!("since={bad}")), None, "{bad}");
        }
    }

    #[test]
    fn query_gpus_limited() {
        let list = |count: usize| vec!["0"; count].join(",");
        assert_eq!(names(&list(256)).ok().map(|names| names.len()), Some(256));
        for list in [list(257), list(32_000), ",".repeat(32_000)] {
            let refused = names(&list).err().unwrap();
            assert!(refused.status == StatusCode::BAD_REQUEST && refused.detail.contains("more than 256"));
        }
        assert!(names("0,,1").err().unwrap().detail.contains("empty entry"));
    }
}
