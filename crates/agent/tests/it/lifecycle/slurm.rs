//! `health --drain` with an scontrol of our own. A test of the peers has a real one.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::support::{Agent, Driver, Start, eventually};

const A: &str = "[[gpu]]\nname = 'NVIDIA H200'\nuuid = 'GPU-A'\npower_mw = 1000\n";
const B: &str = "[[gpu]]\nname = 'NVIDIA L4'\nuuid = 'GPU-B'\npower_mw = 1000\n";
const FAILED: &str =
    "remapped_correctable = 1\nremapped_uncorrectable = 0\nremapped_pending = false\nremapped_failed = true\n";

/// Keeps the state and the reason of node n1 in files, and notes its calls.
const SCONTROL: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 9
printf '%s\n' "$*" >>calls
[ "$SLURM_CONF" = /etc/here/slurm.conf ] || { echo 'no slurm.conf' >&2; exit 1; }
case $1 in
-o) printf 'NodeName=%s Arch=x State=%s Port=1  ' "$4" "$(cat state)"
    [ ! -s reason ] || printf 'Reason=%s [root@2026-01-31T12:00:00]' "$(cat reason)"
    echo ;;
update)
    for change in "$@"; do
        case $change in
        state=drain) echo IDLE+DRAIN >state ;;
        state=resume) echo IDLE >state; : >reason ;;
        reason=*) printf %s "${change#reason=}" >reason ;;
        esac
    done ;;
esac
"#;

/// A node of a cluster.
struct Cluster(TempDir);

impl Cluster {
    fn new() -> Self {
        let cluster = Self(TempDir::new().unwrap());
        cluster.install(SCONTROL);
        cluster.set("IDLE", "");
        cluster
    }

    fn install(&self, script: &str) {
        fs::write(self.scontrol(), script).unwrap();
        fs::set_permissions(self.scontrol(), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn scontrol(&self) -> PathBuf {
        self.0.path().join("scontrol")
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.path().join(file)).unwrap_or_default().trim().into()
    }

    fn set(&self, state: &str, reason: &str) {
        fs::write(self.0.path().join("state"), state).unwrap();
        fs::write(self.0.path().join("reason"), reason).unwrap();
    }

    /// State and reason of the node.
    fn node(&self) -> (String, String) {
        (self.read("state"), self.read("reason"))
    }

    /// Calls since the last time.
    fn calls(&self) -> Vec<String> {
        let calls = self.read("calls");
        let _ = fs::remove_file(self.0.path().join("calls"));
        calls.lines().map(|call| call.split(' ').next().unwrap().to_owned()).collect()
    }

    fn start(&self, port: u16, words: &[&str]) -> Start {
        let start = Start::bare().argument("health").argument("--drain").variable("PORT", &port.to_string());
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let start = start.argument("--scontrol").argument(&path(&self.scontrol()));
        let start = start.argument("--slurm-conf").argument("/etc/here/slurm.conf");
        let start = start.argument("--drained").argument(&path(&self.0.path().join("drained")));
        words.iter().fold(start, |start, word| start.argument(word))
    }

    /// The status of a check of node n1, and what it said of Slurm.
    fn check(&self, port: u16, words: &[&str]) -> (i32, String) {
        let (status, out, error) = self.start(port, words).variable("SLURMD_NODENAME", "n1").finish();
        assert_eq!(error, "", "{out}");
        let line = out.lines().find_map(|line| line.strip_prefix("Slurm: ")).unwrap_or_else(|| panic!("{out}"));
        (status.code().unwrap(), line.into())
    }
}

fn host(scenario: &str) -> (Driver, Agent) {
    let driver = Driver::new(scenario);
    let agent = Start::on(&driver).serve().ready();
    (driver, agent)
}

/// Waits until `health --gpus` has this verdict line.
fn until(agent: &Agent, verdict: &str) {
    let start = || Start::bare().argument("health").argument("--gpus");
    let port = agent.address().port().to_string();
    eventually(verdict, || start().variable("PORT", &port).finish().1.starts_with(verdict).then_some(()));
}

const FIRST: &str = "GPU 1: row remap failed (nvidia-smi-web-agent)";
const BOTH: &str = "GPU 0: lost; 1: row remap failed (nvidia-smi-web-agent)";

fn owned((state, reason): (&str, &str)) -> (String, String) {
    (state.into(), reason.into())
}

#[test]
fn node_drained_once_per_problem_and_left_to_administrators() {
    let (cluster, (driver, agent)) = (Cluster::new(), host(&format!("{A}{B}")));
    let port = agent.address().port();
    let lost = format!("{A}{B}{FAILED}[[fault]]\nfunction = '*'\ngpu = 0\ncode = 15\n");
    until(&agent, "GPU OK");
    assert_eq!(cluster.check(port, &[]), (0, "node n1: nothing to do".into()));
    assert_eq!(cluster.calls(), [""; 0], "a healthy node costs the controller nothing");
    driver.play(&format!("{A}{B}{FAILED}"));
    until(&agent, "GPU CRITICAL - 1: row");
    assert_eq!(cluster.check(port, &[]), (2, format!("node n1: drained: {FIRST}")));
    assert_eq!((cluster.node(), cluster.calls().len()), (owned(("IDLE+DRAIN", FIRST)), 2));
    assert_eq!(cluster.check(port, &["--resume"]), (2, format!("node n1: drained already: {FIRST}")));
    assert_eq!(cluster.calls(), ["-o"], "the reason is not written again");
    // Resumed to look into it.
    cluster.set("IDLE", "");
    for _ in 0..2 {
        assert!(cluster.check(port, &[]).1.contains("left in service, because it was resumed"));
        assert_eq!(cluster.node(), owned(("IDLE", "")));
    }
    driver.play(&lost);
    until(&agent, "GPU CRITICAL - 0: lost");
    assert_eq!(cluster.check(port, &[]), (2, format!("node n1: drained: {BOTH}")));
    // One of ours that is out of date, beside a state that is not.
    cluster.set("MIXED+DRAIN", FIRST);
    assert_eq!(cluster.check(port, &[]).1, format!("node n1: drained already, now for the reason {BOTH}"));
    assert_eq!(cluster.node(), owned(("MIXED+DRAIN", BOTH)));
    for (state, reason) in
        [("IDLE+DRAIN", "admin: ticket 42"), ("DOWN*", "Not responding"), ("IDLE+DRAIN", ""), ("FAIL", "x")]
    {
        cluster.set(state, reason);
        assert!(cluster.check(port, &["--resume"]).1.contains("left as it is"), "{state} {reason}");
        assert_eq!(cluster.node(), owned((state, reason)));
    }
}

#[test]
fn node_resumed_if_reason_is_ours_and_no_gpu_is_critical() {
    let (cluster, (driver, agent)) = (Cluster::new(), host(&format!("{A}{B}{FAILED}")));
    let port = agent.address().port();
    until(&agent, "GPU CRITICAL - 1: row");
    cluster.check(port, &["--resume"]);
    driver.play(&format!("{A}{B}[[fault]]\nfunction = 'nvmlDeviceGetPowerUsage'\ngpu = 0\nhang = true\n"));
    until(&agent, "GPU UNKNOWN");
    let (status, line) = cluster.check(port, &["--resume"]);
    assert!(status == 3 && line.contains("not known"), "{line}");
    driver.play(&format!("{A}{B}"));
    until(&agent, "GPU OK");
    // After the hang, a busy machine may read the GPU slowly for a while, which is a warning.
    let nothing = (0, "node n1: nothing to do".to_owned());
    eventually("nothing to do unless asked", || (cluster.check(port, &[]) == nothing).then_some(()));
    assert_eq!(cluster.node(), owned(("IDLE+DRAIN", FIRST)));
    for (state, reason) in [
        ("IDLE+DRAIN", format!("{FIRST} ticket 42")),
        ("IDLE+DRAIN", "GPU 1: lost".into()),
        ("DOWN+DRAIN", FIRST.into()),
    ] {
        cluster.set(state, &reason);
        assert_eq!(cluster.check(port, &["--resume"]), (0, "node n1: nothing to do".into()));
        assert_eq!(cluster.node(), (state.into(), reason));
    }
    cluster.set("IDLE+DRAIN", FIRST);
    let (status, line) = cluster.check(port, &["--resume"]);
    assert!(status == 0 && line.starts_with("node n1: resumed"), "{line}");
    assert_eq!(cluster.node(), owned(("IDLE", "")));
    // The same problem another time is a new one.
    driver.play(&format!("{A}{B}{FAILED}"));
    until(&agent, "GPU CRITICAL - 1: row");
    assert_eq!(cluster.check(port, &[]).1, format!("node n1: drained: {FIRST}"));
}

#[test]
fn slurm_that_fails_is_reported_in_time() {
    let (cluster, (_driver, agent)) = (Cluster::new(), host(&format!("{A}{B}{FAILED}")));
    let port = agent.address().port();
    until(&agent, "GPU CRITICAL - 1: row");
    for (script, words, parts) in [
        ("#!/bin/sh\nsleep 600", &["--scontrol-timeout", "100ms"][..], &["failed: ", "no answer within 100ms"][..]),
        ("#!/bin/sh\necho slurm_update error; exit 1", &[], &["failed: ", "ended with status 1: slurm_update error"]),
        ("#!/bin/sh\necho NodeName=n2 State=IDLE", &[], &["failed: expected the state of node n1"]),
        (SCONTROL, &["--slurm-conf", "/elsewhere"], &["cannot be used multiple times"]),
        (SCONTROL, &["--node", "n[1-9]"], &["failed: expected the name of one Slurm node", "--node"]),
    ] {
        cluster.install(script);
        let (status, out, _) = cluster.start(port, words).variable("SLURMD_NODENAME", "n1").finish();
        assert!(matches!(status.code(), Some(2 | 3)), "{out}");
        for part in parts {
            assert!(out.contains(part), "{out:?} lacks {part:?}");
        }
    }
    assert_eq!(cluster.node(), owned(("IDLE", "")));
    // A check by hand, without slurmd.
    cluster.install(SCONTROL);
    let (_, out, _) = cluster.start(port, &[]).finish();
    assert!(out.contains("(the host's name, because SLURMD_NODENAME is not set): drained"), "{out}");
    // Without an answer of the agent nothing is done.
    cluster.set("IDLE", "");
    cluster.calls();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (status, out, _) = cluster.start(free, &["--resume"]).finish();
    assert!(status.code() == Some(3) && out.starts_with("GPU UNKNOWN - no agent listens"), "{out}");
    assert_eq!(cluster.calls(), [""; 0]);
}
