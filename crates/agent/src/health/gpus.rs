//! `health --gpus`: the health of every GPU, from the summary and the GPUs' own reasons.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::{
    client::Client,
    health::{Verdict, report},
};

/// State of a collector that reads the GPUs.
const OK: &str = "ok";

/// Fields of `/api/v1/summary`.
#[derive(Debug, Deserialize)]
struct Summary {
    collector_state: String,
    gpus: Vec<GpuSummary>,
    /// Earlier versions have none.
    #[serde(default)]
    missing: Vec<MissingSummary>,
}

/// A GPU that the driver does not list.
#[derive(Debug, Deserialize)]
struct MissingSummary {
    #[serde(default)]
    id: String,
    name: String,
    text: String,
    action: String,
}

#[derive(Debug, Deserialize)]
struct GpuSummary {
    index: u32,
    #[serde(default)]
    uuid: Option<String>,
    name: Option<String>,
    state: String,
    health: String,
}

/// Fields of one GPU in `/api/v1/gpus`. An agent of another version may lack some.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct GpuDetails {
    index: u32,
    state_detail: Option<String>,
    recovery_action: Option<String>,
    /// Reason of each absent value, by its path.
    absent: BTreeMap<String, String>,
    health: HealthReasons,
    pub(super) temperature: Temperature,
    pub(super) utilization: Utilization,
    pub(super) memory: Memory,
    pub(super) power: Power,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HealthReasons {
    reasons: Vec<Reason>,
}

#[derive(Debug, Deserialize)]
struct Reason {
    #[serde(default)]
    severity: String,
    #[serde(default)]
    code: String,
    text: String,
    action: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Temperature {
    pub(super) gpu_celsius: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Utilization {
    pub(super) gpu_percent: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    pub(super) used_bytes: Option<u64>,
    pub(super) total_bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Power {
    pub(super) draw_watts: Option<f64>,
}

/// Health of one GPU.
#[derive(Debug)]
pub(super) struct GpuHealth {
    /// Index; none for a GPU that the driver does not list.
    pub(super) index: Option<u32>,
    /// UUID, PCI bus id or index: the identity of the GPU over time.
    pub(super) id: String,
    /// Product name.
    pub(super) name: String,
    pub(super) verdict: Verdict,
    /// Problems that make the verdict, in a few words each; none if the verdict is ok.
    pub(super) problems: BTreeSet<String>,
    /// Reasons and remedies, the worst first.
    pub(super) reasons: Vec<String>,
    pub(super) details: Option<GpuDetails>,
}

/// Fields of `/api/v1/snapshot`.
#[derive(Debug, Deserialize)]
struct Snapshot {
    collector: CollectorDetails,
}

#[derive(Debug, Deserialize)]
struct CollectorDetails {
    detail: Option<String>,
}

/// Health of all GPUs.
#[derive(Debug, Default)]
pub(super) struct HostHealth {
    /// State of a collector that does not read the GPUs, and the reason with a hint.
    pub(super) not_read: Option<(String, Option<String>)>,
    pub(super) gpus: Vec<GpuHealth>,
}

impl HostHealth {
    /// Asks the agent.
    ///
    /// # Errors
    /// The agent does not answer, or refuses the token.
    pub(super) fn ask(agent: &Client) -> Result<Self, String> {
        let summary = read(agent.get("/api/v1/summary")?)?;
        let why = if summary.collector_state == OK { None } else { why_not_read(agent) };
        Ok(Self { not_read: not_read(&summary, why), ..Self::of(summary, details(agent)) })
    }

    fn of(summary: Summary, mut details: Vec<GpuDetails>) -> Self {
        let not_read = not_read(&summary, None);
        let listed = summary.gpus.into_iter().map(|gpu| {
            let of_it = details.iter().position(|one| one.index == gpu.index).map(|at| details.swap_remove(at));
            listed(gpu, of_it)
        });
        let mut gpus: Vec<GpuHealth> = listed.collect();
        gpus.extend(summary.missing.into_iter().map(missing));
        Self { not_read, gpus }
    }

    /// Verdict of the worst GPU.
    pub(super) fn verdict(&self) -> Verdict {
        let unread = self.not_read.is_some() || self.gpus.is_empty();
        let base = if unread { Verdict::Unknown } else { Verdict::Ok };
        self.gpus.iter().map(|gpu| gpu.verdict).max().unwrap_or(base).max(base)
    }

    /// True if an administrator has taken the driver from the agent.
    pub(super) fn is_released(&self) -> bool {
        self.not_read.as_ref().is_some_and(|(state, _)| state == "released")
    }

    /// True if the health of no GPU is unknown.
    pub(super) fn is_known(&self) -> bool {
        let unknown = |gpu: &GpuHealth| gpu.verdict == Verdict::Unknown;
        self.not_read.is_none() && !self.gpus.is_empty() && !self.gpus.iter().any(unknown)
    }
}

/// Details of all GPUs. The verdicts are reported without them if they cannot be read.
fn details(agent: &Client) -> Vec<GpuDetails> {
    let body = agent.get("/api/v1/gpus").ok();
    body.and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default()
}

/// Detail of the collector's state, if it can be read.
fn why_not_read(agent: &Client) -> Option<String> {
    let snapshot: Snapshot = serde_json::from_slice(&agent.get("/api/v1/snapshot").ok()?).ok()?;
    snapshot.collector.detail
}

fn not_read(summary: &Summary, why: Option<String>) -> Option<(String, Option<String>)> {
    (summary.collector_state != OK).then(|| (summary.collector_state.clone(), why))
}

fn read(body: Vec<u8>) -> Result<Summary, String> {
    serde_json::from_slice(&body).map_err(|error| format!("expected the summary of an agent: {error}"))
}

/// Readings on which health depends and that are read after the first answers, in the ticks after the start.
const READ_LATER: [&str; 3] = ["recovery_action", "ecc.volatile_uncorrected", "remapped_rows.failed"];

fn listed(gpu: GpuSummary, details: Option<GpuDetails>) -> GpuHealth {
    let verdict = match verdict(&gpu) {
        // Nothing bad is known of it yet.
        Verdict::Ok if details.as_ref().is_some_and(is_unread) => Verdict::Unknown,
        verdict => verdict,
    };
    let known = details.iter().filter(|_| verdict != Verdict::Ok).flat_map(|details| &details.health.reasons);
    let known: Vec<&Reason> = known.collect();
    let mut problems = BTreeSet::new();
    if verdict == Verdict::Unknown {
        problems.insert(if matches!(gpu.state.as_str(), "ok" | "asleep") {
            "health unknown".into()
        } else {
            report::label(&gpu.state)
        });
    } else {
        // The worst is first. An agent of another version may not give the severity of each.
        let of_verdict = |(place, reason): &(usize, &&Reason)| {
            Verdict::parse(&reason.severity) == verdict || *place == 0 && reason.severity.is_empty()
        };
        problems.extend(
            known.iter().enumerate().filter(of_verdict).map(|(_, reason)| problem(&reason.code, details.as_ref())),
        );
    }
    if problems.is_empty() && verdict != Verdict::Ok {
        problems.insert(if gpu.state == "ok" { "no reason read".into() } else { report::label(&gpu.state) });
    }
    let detail = details.as_ref().and_then(|details| details.state_detail.as_deref());
    let state = match (gpu.state.as_str(), detail) {
        ("ok" | "asleep", _) => None,
        (state, Some(detail)) => Some(format!("state {state} ({})", report::limited(detail))),
        (state, None) => Some(format!("state {state}")),
    };
    let reasons = state.into_iter().chain(known.iter().map(|reason| remedied(&reason.text, &reason.action))).collect();
    GpuHealth {
        index: Some(gpu.index),
        id: gpu.uuid.unwrap_or_else(|| format!("index {}", gpu.index)),
        name: gpu.name.unwrap_or_else(|| "(no name)".into()),
        verdict,
        problems,
        reasons,
        details,
    }
}

fn missing(MissingSummary { id, name, text, action }: MissingSummary) -> GpuHealth {
    GpuHealth {
        index: None,
        id: if id.is_empty() { name.clone() } else { id },
        name,
        verdict: Verdict::Critical,
        problems: BTreeSet::from(["missing".into()]),
        reasons: vec![remedied(&text, &action)],
        details: None,
    }
}

fn remedied(text: &str, action: &str) -> String {
    let (text, action) = (report::limited(text), report::limited(action.trim_end_matches('.')));
    if action.is_empty() { text } else { format!("{text} ({action})") }
}

/// True before all that health depends on was read once.
fn is_unread(details: &GpuDetails) -> bool {
    READ_LATER.iter().any(|path| details.absent.get(*path).is_some_and(|why| why == "timeout"))
}

/// A problem in a few words. The driver's action is named: a reset is not a reboot.
fn problem(code: &str, details: Option<&GpuDetails>) -> String {
    match details.and_then(|details| details.recovery_action.as_deref()) {
        Some(action) if code == "recovery_action" => {
            report::label(&format!("{}_required", action.trim_start_matches("gpu_")))
        }
        _ => report::label(code),
    }
}

/// Verdict on a GPU; at least unknown if it does not answer.
fn verdict(gpu: &GpuSummary) -> Verdict {
    let health = Verdict::parse(&gpu.health);
    // A suspended GPU stays suspended.
    if matches!(gpu.state.as_str(), "ok" | "asleep") { health } else { health.max(Verdict::Unknown) }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// A GPU as `(state, health, reasons)`, each reason as `(severity, code)`.
    pub(in crate::health) type Told<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

    pub(in crate::health) fn host(collector: &str, gpus: &[Told<'_>]) -> HostHealth {
        let summary = gpus.iter().enumerate().map(|(index, (state, health, _))| {
            json!({"index": index, "uuid": format!("GPU-{index}"), "name": "H200", "state": state, "health": health,
                   "more": [1]})
        });
        let summary = json!({"collector_state": collector, "gpus": summary.collect::<Vec<_>>(), "more": null});
        let details = gpus.iter().enumerate().map(|(index, (.., reasons))| {
            let reasons = reasons.iter().map(|(severity, code)| {
                json!({"severity": severity, "code": code, "text": format!("{code} on it"), "action": "Reset it."})
            });
            json!({"index": index, "health": {"reasons": reasons.collect::<Vec<_>>()}})
        });
        let details = serde_json::from_value(details.collect()).unwrap();
        HostHealth::of(read(summary.to_string().into()).unwrap(), details)
    }

    #[test]
    fn status_is_that_of_worst_gpu() {
        use Verdict::{Critical, Ok, Unknown, Warning};
        for (gpus, worst) in [
            (&[("ok", "ok"), ("asleep", "ok")][..], Ok),
            (&[("ok", "warning"), ("ok", "ok")], Warning),
            (&[("ok", "warning"), ("stale", "ok")], Unknown),
            (&[("stale", "critical"), ("denied", "ok")], Critical),
            (&[("lost", "critical")], Critical),
            (&[("ok", "splendid")], Unknown),
            (&[], Unknown),
        ] {
            let gpus: Vec<Told<'_>> = gpus.iter().map(|(state, health)| (*state, *health, &[][..])).collect();
            assert_eq!(host("ok", &gpus).verdict(), worst, "{gpus:?}");
        }
        assert_eq!(host("stalled", &[("ok", "ok", &[])]).verdict(), Unknown);
        assert_eq!(host("stalled", &[("ok", "critical", &[])]).verdict(), Critical);
    }

    #[test]
    fn problems_are_those_of_the_verdict() {
        let both = &[("critical", "reset_required"), ("critical", "xid_79"), ("warning", "pcie_link")][..];
        let host = host(
            "ok",
            &[
                ("ok", "critical", both),
                ("stale", "warning", &[("warning", "not_answering")]),
                ("lost", "critical", &[]),
                ("ok", "ok", &[]),
                ("ok", "splendid", &[]),
            ],
        );
        let problems: Vec<Vec<&str>> =
            host.gpus.iter().map(|gpu| gpu.problems.iter().map(String::as_str).collect()).collect();
        assert_eq!(
            problems,
            [&["Xid 79", "reset required"][..], &["stale"], &["lost"], &[], &["health unknown"]],
            "{host:?}"
        );
        assert_eq!(host.gpus[1].reasons, ["state stale", "not_answering on it (Reset it)"]);
        assert!(!host.is_known());
    }

    #[test]
    fn gpu_read_in_part_is_unknown_and_action_is_named() {
        let summary = json!({"collector_state": "ok", "gpus": [
            {"index": 0, "uuid": null, "name": null, "state": "ok", "health": "ok"},
            {"index": 1, "uuid": null, "name": null, "state": "ok", "health": "critical"},
            {"index": 2, "uuid": null, "name": null, "state": "ok", "health": "ok"},
        ]});
        let reason = json!({"severity": "critical", "code": "recovery_action", "text": "x", "action": "y"});
        let details = json!([
            {"index": 0, "absent": {"recovery_action": "timeout"}},
            {"index": 1, "absent": {"ecc.volatile_uncorrected": "timeout"}, "recovery_action": "gpu_reset",
             "health": {"reasons": [reason]}},
            {"index": 2, "absent": {"recovery_action": "not_supported", "fans": "timeout"}},
        ]);
        let host = HostHealth::of(read(summary.to_string().into()).unwrap(), serde_json::from_value(details).unwrap());
        let found: Vec<(Verdict, Vec<&str>)> =
            host.gpus.iter().map(|gpu| (gpu.verdict, gpu.problems.iter().map(String::as_str).collect())).collect();
        let expected = [
            (Verdict::Unknown, vec!["health unknown"]),
            (Verdict::Critical, vec!["reset required"]),
            (Verdict::Ok, vec![]),
        ];
        assert_eq!(found, expected);
        assert!(!host.is_known());
    }

    #[test]
    fn summary_invalid_is_reported() {
        assert!(read(b"{}".to_vec()).unwrap_err().contains("expected the summary"));
    }
}
