//! Notes about restrictions of the collector, with the remedy: logged once, and shown while they apply.

use telemetry::{Absence, sample::ProcessFacts};

use crate::process::ProcFs;

/// Notes that apply.
pub(crate) struct Notes {
    always: Vec<String>,
    hidepid: Option<Restriction>,
    user_namespace: Option<Restriction>,
}

/// Restriction that is noted while it has an effect.
struct Restriction {
    note: String,
    has_effect: bool,
    is_logged: bool,
}

impl Restriction {
    const fn new(note: String) -> Self {
        Self { note, has_effect: false, is_logged: false }
    }

    fn set(&mut self, has_effect: bool) {
        self.has_effect = has_effect;
        if has_effect && !std::mem::replace(&mut self.is_logged, true) {
            tracing::warn!("{}", self.note);
        }
    }
}

impl Notes {
    /// Logs the notes that are known from the start. With `resolve`, PIDs are looked up.
    pub(crate) fn begin(proc: &ProcFs, resolve: bool) -> Self {
        let always: Vec<String> = [other_namespace(resolve), only_processes(proc)].into_iter().flatten().collect();
        for note in &always {
            tracing::warn!("{note}");
        }
        Self {
            always,
            hidepid: hidepid(proc).filter(|_| resolve).map(Restriction::new),
            user_namespace: proc.lacks_users().then(|| Restriction::new(USER_NAMESPACE.into())),
        }
    }

    /// Checks whether anything is hidden. That depends on the account and its capabilities, so both are detected by
    /// their effects.
    pub(crate) fn look(&mut self, facts: &[ProcessFacts]) {
        if let Some(hidepid) = &mut self.hidepid {
            hidepid.set(facts.iter().any(|facts| facts.started == Err(Absence::Denied)));
        }
        if let Some(user_namespace) = &mut self.user_namespace {
            user_namespace.set(facts.iter().any(|facts| facts.started.is_ok() && facts.uid == Err(Absence::Denied)));
        }
    }

    pub(crate) fn list(&self) -> Vec<String> {
        let restrictions = self.hidepid.iter().chain(&self.user_namespace);
        let effective = restrictions.filter(|restriction| restriction.has_effect).map(|restriction| &restriction.note);
        self.always.iter().chain(effective).cloned().collect()
    }
}

const USER_NAMESPACE: &str = "in a user namespace that does not have every user: processes of users that it lacks are \
                              listed without user. Run in the host's (not in a rootless container; docker run \
                              --userns=host; hostUsers: true in Kubernetes)";

fn other_namespace(resolve: bool) -> Option<String> {
    let note = "not in the host's PID namespace: processes are listed without user and command. Run with the host's \
                (docker run --pid=host; hostPID: true in Kubernetes), or with --resolve-pids if the PIDs match all \
                the same";
    (!resolve).then(|| note.to_owned())
}

fn only_processes(proc: &ProcFs) -> Option<String> {
    let root = proc.root().display();
    proc.option("subset").map(|subset| {
        format!(
            "{root} is mounted with subset={subset}: the host's load, processor time, memory and name cannot be read. \
             Mount it whole (in a systemd unit: ProcSubset=all)"
        )
    })
}

fn hidepid(proc: &ProcFs) -> Option<String> {
    let (root, how) = (proc.root().display(), proc.hidepid()?);
    let group = proc.option("gid").map(|gid| format!(", or in the group {gid}")).unwrap_or_default();
    Some(format!(
        "{root} is mounted with hidepid={how}: other users' processes are listed without user and command. Run with the \
         capability CAP_SYS_PTRACE{group}, or mount it without (mount -o remount,hidepid=0 {root}; in a systemd unit: \
         ProtectProc=default)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn notes(options: &str, resolve: bool) -> Notes {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("self")).unwrap();
        let line = format!("proc {} proc {options} 0 0\n", root.path().display());
        fs::write(root.path().join("self/mounts"), line).unwrap();
        Notes::begin(&ProcFs::new(root.path().into()), resolve)
    }

    fn process(why: Absence) -> [ProcessFacts; 1] {
        [ProcessFacts::unread(7, why)]
    }

    #[test]
    fn notes_empty_if_nothing_hidden() {
        let mut notes = notes("rw,relatime", true);
        notes.look(&process(Absence::Denied));
        assert!(notes.list().is_empty());
    }

    #[test]
    fn notes_name_remedy() {
        let [namespace, subset] = notes("rw,subset=pid", false).list().try_into().unwrap();
        assert!(namespace.contains("--pid=host"), "{namespace}");
        assert!(subset.contains("ProcSubset=all"), "{subset}");
    }

    #[test]
    fn hidepid_ignored_without_lookups() {
        let mut notes = notes("rw,hidepid=invisible", false);
        notes.look(&process(Absence::Denied));
        assert_eq!(notes.list().len(), 1, "the namespace alone: {:?}", notes.list());
    }

    #[test]
    fn hidepid_noted_while_effective() {
        let mut notes = notes("rw,gid=5,hidepid=invisible", true);
        assert!(notes.list().is_empty(), "it may not concern this account");
        notes.look(&process(Absence::Denied));
        let [note] = notes.list().try_into().unwrap();
        assert!(note.contains("hidepid=invisible") && note.contains("group 5"), "{note}");
        notes.look(&process(Absence::Timeout));
        assert!(notes.list().is_empty());
    }

    #[test]
    fn user_namespace_noted_while_effective() {
        let mut notes = notes("rw", true);
        let owned = |uid| {
            [ProcessFacts { started: Ok(telemetry::BootTime(1)), uid, ..ProcessFacts::unread(7, Absence::Timeout) }]
        };
        notes.look(&owned(Err(Absence::Denied)));
        assert!(notes.list().is_empty(), "the namespace has all users");
        notes.user_namespace = Some(Restriction::new(USER_NAMESPACE.into()));
        notes.look(&owned(Ok(0)));
        assert!(notes.list().is_empty(), "it concerns no process");
        notes.look(&owned(Err(Absence::Denied)));
        let [note] = notes.list().try_into().unwrap();
        assert!(note.contains("user namespace"), "{note}");
    }
}
