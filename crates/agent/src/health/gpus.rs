//! `health --gpus`: a line per GPU, from the summary, with what is wrong where something is.

use std::fmt::Write as _;

use serde::Deserialize;

use crate::health::{Verdict, ask::Agent};

/// What is looked at of `/api/v1/summary`.
#[derive(Debug, Deserialize)]
struct Summary {
    collector_state: String,
    gpus: Vec<Gpu>,
}

#[derive(Debug, Deserialize)]
struct Gpu {
    index: u32,
    name: Option<String>,
    state: String,
    health: String,
}

/// What is looked at of `/api/v1/gpus/{index}`.
#[derive(Debug, Deserialize)]
struct Details {
    health: Health,
}

#[derive(Debug, Deserialize)]
struct Health {
    reasons: Vec<Reason>,
}

#[derive(Debug, Deserialize)]
struct Reason {
    text: String,
    action: String,
}

/// The worst verdict, and a line per GPU.
pub(super) fn ask(agent: &Agent) -> Result<(Verdict, String), String> {
    let summary = read(agent.get("/api/v1/summary")?)?;
    Ok(tell(&summary, |gpu| reasons(agent, gpu)))
}

/// Why a GPU is not well, the worst first. What cannot be read does not keep the verdict back.
fn reasons(agent: &Agent, gpu: u32) -> Option<String> {
    let details: Details = serde_json::from_slice(&agent.get(&format!("/api/v1/gpus/{gpu}")).ok()?).ok()?;
    let told = |Reason { text, action }: &Reason| format!("{text} ({})", action.trim_end_matches('.'));
    Some(details.health.reasons.iter().map(told).collect::<Vec<_>>().join("; "))
}

fn read(body: Vec<u8>) -> Result<Summary, String> {
    serde_json::from_slice(&body).map_err(|error| format!("the answer is not a summary of an agent: {error}"))
}

fn tell(summary: &Summary, reasons: impl Fn(u32) -> Option<String>) -> (Verdict, String) {
    let mut text = String::new();
    let mut worst = Verdict::Ok;
    // Writing to a string does not fail.
    if summary.collector_state != "ok" {
        worst = Verdict::Unknown;
        let _ = writeln!(text, "the GPUs are not being read: the collector's state is {}", summary.collector_state);
    }
    if summary.gpus.is_empty() {
        worst = Verdict::Unknown;
        text.push_str("no GPU is known\n");
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
        let line = format!("{:>3}  {:<8}  {name:<28}  {}", gpu.index, verdict.as_str(), why.join("; "));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    (worst, text)
}

/// The verdict on its health; of a GPU that does not answer only what is worse than not knowing.
fn verdict(gpu: &Gpu) -> Verdict {
    let health = Verdict::of(&gpu.health);
    // One that sleeps is let sleep.
    if matches!(gpu.state.as_str(), "ok" | "asleep") { health } else { health.max(Verdict::Unknown) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(collector: &str, gpus: &[(&str, &str)]) -> (Verdict, String) {
        let gpus = gpus.iter().enumerate().map(|(index, (state, health))| {
            format!(r#"{{"index":{index},"name":"H200","state":"{state}","health":"{health}","more":[1]}}"#)
        });
        let gpus = gpus.collect::<Vec<_>>().join(",");
        let body = format!(r#"{{"collector_state":"{collector}","gpus":[{gpus}],"more":null}}"#);
        tell(&read(body.into()).unwrap(), |gpu| (gpu < 2).then(|| format!("reason {gpu}")))
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
            assert_eq!(told("ok", gpus).0, worst, "{gpus:?}");
        }
        assert_eq!(told("stalled", &[("ok", "ok")]).0, Unknown);
        assert_eq!(told("stalled", &[("ok", "critical")]).0, Critical);
    }

    #[test]
    fn line_names_problem() {
        let (_, text) = told("stalled", &[("ok", "warning"), ("lost", "critical"), ("ok", "ok"), ("ok", "critical")]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert!(lines[0].contains("stalled"), "{text}");
        assert!(lines[1].contains("warning") && lines[1].ends_with("reason 0"), "{text}");
        assert!(lines[2].ends_with("state lost; reason 1"), "{text}");
        assert!(lines[3].ends_with("H200"), "{text}");
        assert!(lines[4].contains("critical") && lines[4].ends_with("H200"), "{text}");
    }

    #[test]
    fn summary_invalid_is_reported() {
        assert!(read(b"{}".to_vec()).unwrap_err().contains("not a summary"));
    }
}
