//! `health --gpus`: one line per GPU from the summary, with the reasons of problems.

use std::fmt::Write as _;

use serde::Deserialize;
use telemetry::terminal::printable;

use crate::health::{Verdict, client::Client};

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
    name: String,
    text: String,
    action: String,
}

#[derive(Debug, Deserialize)]
struct GpuSummary {
    index: u32,
    name: Option<String>,
    state: String,
    health: String,
}

/// Fields of `/api/v1/gpus/{index}`.
#[derive(Debug, Deserialize)]
struct GpuDetails {
    health: HealthReasons,
}

#[derive(Debug, Deserialize)]
struct HealthReasons {
    reasons: Vec<Reason>,
}

#[derive(Debug, Deserialize)]
struct Reason {
    text: String,
    action: String,
}

/// Returns the worst verdict, and a line per GPU.
pub(super) fn check(agent: &Client) -> Result<(Verdict, String), String> {
    let summary = read(agent.get("/api/v1/summary")?)?;
    Ok(report(&summary, |gpu| reasons(agent, gpu)))
}

/// Reasons of a GPU's verdict, the worst first. The verdict is reported without them if they cannot be read.
fn reasons(agent: &Client, gpu: u32) -> Option<String> {
    let details: GpuDetails = serde_json::from_slice(&agent.get(&format!("/api/v1/gpus/{gpu}")).ok()?).ok()?;
    let line = |Reason { text, action }: &Reason| format!("{text} ({})", action.trim_end_matches('.'));
    Some(details.health.reasons.iter().map(line).collect::<Vec<_>>().join("; "))
}

fn read(body: Vec<u8>) -> Result<Summary, String> {
    serde_json::from_slice(&body).map_err(|error| format!("expected the summary of an agent: {error}"))
}

fn report(summary: &Summary, reasons: impl Fn(u32) -> Option<String>) -> (Verdict, String) {
    let mut text = String::new();
    let mut worst = Verdict::Ok;
    // Writing to a string does not fail.
    if summary.collector_state != "ok" {
        worst = Verdict::Unknown;
        let _ = writeln!(text, "the GPUs are not being read: the collector's state is {}", summary.collector_state);
    }
    if summary.gpus.is_empty() {
        worst = Verdict::Unknown;
        text.push_str("no GPU found\n");
    }
    for gpu in &summary.gpus {
        let verdict = verdict(gpu);
        worst = worst.max(verdict);
        let name = gpu.name.as_deref().unwrap_or("(no name)");
        let mut why = vec![format!("state {}", gpu.state)];
        why.retain(|_| gpu.state != "ok");
        if matches!(verdict, Verdict::Warning | Verdict::Critical) {
            why.extend(reasons(gpu.index).filter(|reasons| !reasons.is_empty()));
        }
        text.push_str(&line(&gpu.index.to_string(), verdict, name, &why.join("; ")));
    }
    for MissingSummary { name, text: what, action } in &summary.missing {
        worst = Verdict::Critical;
        text.push_str(&line("-", Verdict::Critical, name, &format!("{what} ({})", action.trim_end_matches('.'))));
    }
    (worst, text)
}

fn line(index: &str, verdict: Verdict, name: &str, why: &str) -> String {
    let line = format!("{index:>3}  {:<8}  {:<28}  {}", verdict.as_str(), printable(name), printable(why));
    format!("{}\n", line.trim_end())
}

/// Verdict on a GPU; at least unknown if it does not answer.
fn verdict(gpu: &GpuSummary) -> Verdict {
    let health = Verdict::parse(&gpu.health);
    // A suspended GPU stays suspended.
    if matches!(gpu.state.as_str(), "ok" | "asleep") { health } else { health.max(Verdict::Unknown) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(collector: &str, gpus: &[(&str, &str)]) -> (Verdict, String) {
        let gpus = gpus.iter().enumerate().map(|(index, (state, health))| {
            format!(r#"{{"index":{index},"name":"H200","state":"{state}","health":"{health}","more":[1]}}"#)
        });
        let gpus = gpus.collect::<Vec<_>>().join(",");
        let body = format!(r#"{{"collector_state":"{collector}","gpus":[{gpus}],"more":null}}"#);
        report(&read(body.into()).unwrap(), |gpu| (gpu < 2).then(|| format!("reason {gpu}")))
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
            assert_eq!(reported("ok", gpus).0, worst, "{gpus:?}");
        }
        assert_eq!(reported("stalled", &[("ok", "ok")]).0, Unknown);
        assert_eq!(reported("stalled", &[("ok", "critical")]).0, Critical);
    }

    #[test]
    fn line_names_problem() {
        let (_, text) =
            reported("stalled", &[("ok", "warning"), ("lost", "critical"), ("ok", "ok"), ("ok", "critical")]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert!(lines[0].contains("stalled"), "{text}");
        assert!(lines[1].contains("warning") && lines[1].ends_with("reason 0"), "{text}");
        assert!(lines[2].ends_with("state lost; reason 1"), "{text}");
        assert!(lines[3].ends_with("H200"), "{text}");
        assert!(lines[4].contains("critical") && lines[4].ends_with("H200"), "{text}");
    }

    #[test]
    fn names_cannot_control_terminal() {
        let body = "{\"collector_state\":\"ok\",\"gpus\":[{\"index\":0,\"name\":\"A\\u001b[2J\\n 1  ok\\u202e\",\
                    \"state\":\"ok\",\"health\":\"warning\"}]}";
        let (_, text) = report(&read(body.into()).unwrap(), |_| Some("reason\u{7}".into()));
        assert_eq!(text, "  0  warning   A\\x1b[2J\\n 1  ok\\u{202e}      reason\\x07\n");
    }

    #[test]
    fn summary_invalid_is_reported() {
        assert!(read(b"{}".to_vec()).unwrap_err().contains("expected the summary"));
    }
}
