//! `health --drain`: drains the Slurm node of a critical GPU, for Slurm's `HealthCheckProgram`.
//!
//! Slurm itself ignores the exit status of that program. The reason of a node belongs to whoever wrote it first: it is
//! replaced only if it is one of ours.

mod node;
mod record;
mod scontrol;

use std::collections::BTreeSet;

use crate::{
    cli::SlurmArgs,
    health::{
        Verdict,
        gpus::{GpuHealth, HostHealth},
        report,
    },
};
use node::{Node, NodeName};
use record::Record;
use scontrol::Scontrol;

/// Beginning and end of our reasons. `sinfo -R` shows the first 20 characters, so the GPUs are there; text that an
/// administrator adds on either side makes it a reason of theirs.
const BEGINNING: &str = "GPU ";
const END: &str = " (nvidia-smi-web-agent)";

/// Drains or resumes the node, and describes what was done.
///
/// # Errors
/// Slurm cannot be asked, or refuses.
pub(super) fn run(host: &HostHealth, arguments: &SlurmArgs) -> Result<String, String> {
    let name = NodeName::find(arguments.node.as_deref())?;
    let record = Record::of(&arguments.drained, &name);
    let slurm = Scontrol::find(arguments);
    let drain = Drain { host, name: &name, record: &record, slurm: &slurm, resumes: arguments.resume };
    let done = if drain.critical().is_empty() { drain.well() } else { drain.unwell() }?;
    Ok(format!("node {}{}: {done}", name.as_str(), name.origin()))
}

struct Drain<'a> {
    host: &'a HostHealth,
    name: &'a NodeName,
    record: &'a Record,
    slurm: &'a Result<Scontrol, String>,
    resumes: bool,
}

impl Drain<'_> {
    /// Problems of critical GPUs, as they are remembered.
    fn critical(&self) -> BTreeSet<String> {
        let critical = self.host.gpus.iter().filter(|gpu| gpu.verdict == Verdict::Critical);
        critical.flat_map(|gpu| gpu.problems.iter().map(|problem| remembered(gpu, problem))).collect()
    }

    /// No GPU is critical.
    fn well(&self) -> Result<String, String> {
        if !self.host.is_known() {
            return Ok("left as it is, because the health is not known".into());
        }
        if self.resumes {
            let node = self.node()?;
            if node.is_only_drained() && is_ours(&node.reason) {
                self.slurm()?.update(self.name, &["state=resume"])?;
                let done = format!("resumed; it was drained with the reason {:?}", node.reason);
                return self.remember(&BTreeSet::new(), done);
            }
        }
        self.remember(&BTreeSet::new(), "nothing to do".into())
    }

    /// A GPU is critical.
    fn unwell(&self) -> Result<String, String> {
        // Its problems are those of before the release, which is often for their repair.
        if self.host.is_released() {
            return Ok("left as it is, because the agent has released the driver".into());
        }
        // Without a record the node is drained: that it was resumed is not known.
        let (critical, known) = (self.critical(), self.record.read().unwrap_or_default());
        // A GPU whose health is not known may have its problem still.
        let kept: BTreeSet<String> =
            known.iter().filter(|one| critical.contains(*one) || !self.host.is_known()).cloned().collect();
        let all: BTreeSet<String> = kept.union(&critical).cloned().collect();
        let reason = reason(self.host);
        let node = self.node()?;
        if node.is_out() {
            if node.reason == reason {
                return self.remember(&all, format!("drained already: {reason}"));
            }
            if !is_ours(&node.reason) {
                let done = format!("left as it is: {} for another reason, {:?}", node.state, node.reason);
                return self.remember(&kept, done);
            }
            // Not the state: somebody may have resumed it since it was read.
            self.slurm()?.update(self.name, &[&format!("reason={reason}")])?;
            return self.remember(&all, format!("drained already, now for the reason {reason}"));
        }
        if critical.is_subset(&kept) {
            let done = format!("left in service, because it was resumed after it was drained for this: {reason}");
            return self.remember(&kept, done);
        }
        self.slurm()?.update(self.name, &["state=drain", &format!("reason={reason}")])?;
        self.remember(&all, format!("drained: {reason}"))
    }

    /// Saves the problems, and passes on what was done.
    fn remember(&self, problems: &BTreeSet<String>, done: String) -> Result<String, String> {
        self.record.write(problems).map_err(|error| format!("{done}, but {error}"))?;
        Ok(done)
    }

    fn slurm(&self) -> Result<&Scontrol, String> {
        self.slurm.as_ref().map_err(Clone::clone)
    }

    fn node(&self) -> Result<Node, String> {
        Node::parse(&self.slurm()?.show(self.name)?, self.name)
    }
}

/// Reason for the node: all critical GPUs, in at most [`report::MAX_REASON`] characters.
fn reason(host: &HostHealth) -> String {
    let safe = |character: char| match character {
        ' ' | '-' | '_' | ':' | ',' | '.' | ';' | '(' | ')' => character,
        word if word.is_ascii_alphanumeric() => word,
        _ => '_',
    };
    let problems = report::problems(host, Verdict::Critical);
    let problems = report::joined(&problems, report::MAX_REASON - BEGINNING.len() - END.len());
    format!("{BEGINNING}{}{END}", problems.chars().map(safe).collect::<String>())
}

fn is_ours(reason: &str) -> bool {
    reason.starts_with(BEGINNING) && reason.ends_with(END)
}

fn remembered(gpu: &GpuHealth, problem: &str) -> String {
    format!("{} {problem}", gpu.id).replace(char::is_control, "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::gpus::tests::{Told, host};

    #[test]
    fn reason_names_all_critical_gpus() {
        const LOST: Told<'_> = ("lost", "critical", &[("critical", "lost")]);
        const RESET: Told<'_> = ("ok", "critical", &[("critical", "reset_required")]);
        let worn: Told<'_> = ("ok", "warning", &[("warning", "row_remap_pending")]);
        let found = reason(&host("ok", &[worn, LOST, worn, RESET]));
        assert_eq!(found, "GPU 1: lost; 3: reset required (nvidia-smi-web-agent)");
        assert!(is_ours(&found));
        for other in ["admin: ticket 42", "GPU 1: lost", "", &format!("{found} ticket 42"), &format!("x {found}")] {
            assert!(!is_ours(other), "{other}");
        }
        let codes: Vec<String> = (0..64).map(|number| format!("fault_{number}_of_many")).collect();
        let reasons: Vec<(&str, &str)> = codes.iter().map(|code| ("critical", code.as_str())).collect();
        let gpus: Vec<Told<'_>> = reasons.iter().map(|one| ("ok", "critical", std::slice::from_ref(one))).collect();
        let long = reason(&host("ok", &gpus));
        assert!(long.len() <= report::MAX_REASON && is_ours(&long) && long.contains(" more "), "{long}");
    }

    #[test]
    fn released_driver_drains_nothing() {
        const LOST: Told<'_> = ("lost", "critical", &[("critical", "lost")]);
        let (folder, name) = (tempfile::tempdir().unwrap(), NodeName::find(Some("n1")).unwrap());
        let record = Record::of(folder.path(), &name);
        let slurm = Err("nobody may ask Slurm".to_owned());
        let drained = |state: &str| {
            let host = host(state, &[LOST]);
            Drain { host: &host, name: &name, record: &record, slurm: &slurm, resumes: true }.unwell()
        };
        assert!(drained("released").unwrap().contains("released the driver"));
        assert!(drained("ok").is_err());
    }

    #[test]
    fn reason_has_no_character_of_others() {
        let mut host = host("ok", &[("ok", "critical", &[])]);
        host.gpus[0].problems = ["a\nb|c\u{e9}\"'`$=".into()].into();
        let found = reason(&host);
        assert!(found.is_ascii() && !found.contains(['\n', '|', '"', '\'', '`', '$', '=']), "{found}");
    }
}
