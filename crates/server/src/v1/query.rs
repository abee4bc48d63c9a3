//! Parameters of `/api/v1`. Repeated lists are joined, as Prometheus and forms send them; any other parameter has one
//! value, so that no part of a question is dropped silently. The router refuses unknown ones.

use hyper::StatusCode;
use jiff::tz::TimeZone;
use telemetry::snapshot::{Gpu, Process, ProcessKind, Snapshot};

use super::time;
use http_server::query::values;

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
            // In a system container the uid is another account's.
            let account = process.account();
            account.as_ref().is_ok_and(|account| account == wanted)
                || account.is_ok() && process.uid.is_ok_and(|uid| uid.to_string() == *wanted)
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

/// A period of time: from `since` until before `until`, in Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) since: Option<u64>,
    pub(crate) until: Option<u64>,
}

impl Period {
    /// Parses `since` and `until`. Both are absolute, or relative to now.
    pub(crate) fn read(query: &str, now: u64) -> Result<Self, InvalidParameter> {
        let time = |name| time(query, name, now, None);
        let period = Self { since: time("since")?, until: time("until")? };
        if let (Some(since), Some(until)) = (period.since, period.until) {
            check_order(since, until)?;
        }
        Ok(period)
    }

    /// True for a time in this period.
    pub(crate) fn has(self, unix_ms: u64) -> bool {
        self.since.is_none_or(|since| since <= unix_ms) && self.until.is_none_or(|until| unix_ms < until)
    }
}

/// Checks that a period is not empty.
pub(crate) fn check_order(since: u64, until: u64) -> Result<(), InvalidParameter> {
    if since < until {
        return Ok(());
    }
    let [since, until] = [since, until].map(|time| {
        let mut text = String::new();
        time::format(&mut text, time);
        text
    });
    Err(InvalidParameter::wrong(format!(
        "The period is empty: it begins with since ({since}) and ends before until ({until}); give an earlier since or a \
         later until."
    )))
}

/// A time, in this zone if it has none of its own.
pub(super) fn time(
    query: &str,
    name: &str,
    now: u64,
    zone: Option<&TimeZone>,
) -> Result<Option<u64>, InvalidParameter> {
    let Some(text) = given(query, name)? else { return Ok(None) };
    time::parse(&text, now, zone).map(Some).map_err(|hint| {
        let forms = if zone.is_some() { time::LOCAL_FORMS } else { time::FORMS };
        let gap = if hint.is_empty() { "" } else { " " };
        InvalidParameter::wrong(format!("The parameter {name}={text:?} is not a time; give {forms}.{gap}{hint}"))
    })
}

/// The maximum number of events requested.
pub(crate) fn limit(query: &str) -> Result<Option<usize>, InvalidParameter> {
    let Some(text) = given(query, "limit")? else { return Ok(None) };
    let read = time::digits(&text).and_then(|number| usize::try_from(number).ok());
    read.map(Some).ok_or_else(|| {
        InvalidParameter::wrong(format!(
            "The parameter limit={text:?} is not a number; give the maximum number of events."
        ))
    })
}

/// Part of each snapshot that a stream sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamView {
    /// The whole.
    Snapshot,
    /// The summary, if it has news.
    Summary,
}

/// The parameter `view` of the stream.
///
/// # Errors
/// Its value is no view.
pub(crate) fn stream_view(query: &str) -> Result<StreamView, String> {
    match given(query, "view").map_err(|InvalidParameter { detail, .. }| detail)?.as_deref() {
        None | Some("snapshot") => Ok(StreamView::Snapshot),
        Some("summary") => Ok(StreamView::Summary),
        Some(other) => Err(format!("The parameter view={other:?} is not a view; choose snapshot or summary.")),
    }
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
    fn period_ends_before_until() {
        let read = |query: &str| Period::read(query, 10_000_000).map_err(|refused| refused.detail);
        let period = |since, until| Ok(Period { since, until });
        assert_eq!(read(""), period(None, None));
        assert_eq!(read("since=-15m&until=now"), period(Some(9_100_000), Some(10_000_000)));
        assert_eq!(read("until=5"), period(None, Some(5)));
        assert_eq!(read("since=now"), period(Some(10_000_000), None), "a client may ask for what comes next");
        for empty in ["since=-1h&until=-2h", "since=5&until=5", "since=now&until=now"] {
            assert!(read(empty).unwrap_err().contains("period is empty"), "{empty}");
        }
        for (query, parts) in [
            ("since=", ["since is empty", "value"]),
            ("until=x", ["until=\"x\"", "-15m"]),
            ("until=2026-11-30T10:00:00", ["until=\"2026-11-30T10:00:00\"", "append Z"]),
            ("since=1&since=2", ["since", "several values"]),
        ] {
            let refused = read(query).unwrap_err();
            assert!(parts.iter().all(|part| refused.contains(part)), "{query}: {refused}");
        }
        let period = Period { since: Some(5), until: Some(7) };
        assert_eq!([4, 5, 6, 7].map(|time| period.has(time)), [false, true, true, false]);
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
