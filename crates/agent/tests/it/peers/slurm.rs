//! Slurm: a controller and two slurmd on this host, which run the health check that the packages install.

use std::{fs, process::Command};

use nix::unistd::{User, geteuid, gethostname};

use serde_json::Value;

use super::{Room, SICK};
use crate::support::{Driver, Start, built, eventually, free_port, repository};

const REASON: &str = "GPU 1: row remap failed (nvidia-smi-web-agent)";
const WELL: &str = "[[gpu]]\nname = 'NVIDIA H200'\nuuid = 'GPU-A'\npower_mw = 1000\n[[gpu]]\nname = 'NVIDIA L4'\n\
    uuid = 'GPU-B'\npower_mw = 2000\n";

/// Slurm, with the nodes n1 and n2.
struct Cluster(Room);

impl Cluster {
    /// Node n1 has the agent at one port, and n2 that at the other.
    fn start(ports: [u16; 2]) -> Self {
        let mut room = Room::new("slurm");
        for folder in ["run", "state", "n1", "n2"] {
            room.folder(folder);
        }
        let key: String = "k".repeat(128);
        room.write("key", &key, 0o400);
        let mut munged = room.command("usr/sbin/munged");
        for (option, file) in
            [("key-file", "key"), ("socket", "run/munge"), ("pid-file", "run/pid"), ("seed-file", "run/seed")]
        {
            munged.arg(format!("--{option}={}", room.path(file).display()));
        }
        room.start(munged.args(["--force", "--foreground"]), "munged.log");
        let check = Self::health_check(&room, ports);
        let conf = Self::conf(&room).replace("CHECK", &check);
        let conf = room.write("slurm.conf", &conf, 0o644);
        eventually("munge", || room.path("run/munge").exists().then_some(()));
        let mut controller = room.command("usr/sbin/slurmctld-wlm");
        room.start(controller.arg("-D").env("SLURM_CONF", &conf), "slurmctld.log");
        for node in ["n1", "n2"] {
            let mut slurmd = room.command("usr/sbin/slurmd-wlm");
            let step = room.root.join("usr/sbin/slurmstepd-wlm");
            slurmd.args(["-D", "-N", node, "-d"]).arg(step).env("SLURM_CONF", &conf);
            room.start(&mut slurmd, &format!("slurmd-{node}.log"));
        }
        Self(room)
    }

    /// Runs the script of the packages. slurmd passes neither the libraries nor the port, so an agent of this name sets them.
    fn health_check(room: &Room, [first, second]: [u16; 2]) -> String {
        let script = repository("deploy/slurm/health-check").canonicalize().unwrap();
        let libraries = room.root.join("usr/lib/x86_64-linux-gnu");
        let agent = format!(
            "#!/bin/sh\nexport LD_LIBRARY_PATH={0}:{0}/slurm-wlm NVSMI_SERVICE_FILE=/nonexistent\n\
             echo >>FOLDER/checks-$SLURMD_NODENAME\n\
             case $SLURMD_NODENAME in n1) PORT={first} ;; *) PORT={second} ;; esac\nexport PORT\nexec {1} \"$@\"\n",
            libraries.display(),
            room.agent().display(),
        );
        let agent = room.write("agent", &agent, 0o755);
        let options = format!(
            "# Options of this host.\n--resume --scontrol {}\n--slurm-conf FOLDER/slurm.conf --drained FOLDER/drained\n",
            room.root.join("usr/bin/scontrol").display()
        );
        let options = room.write("options", &options, 0o644);
        let check = format!("#!/bin/sh\nexec {} {} {}\n", script.display(), options.display(), agent.display());
        room.write("check", &check, 0o755).display().to_string()
    }

    fn conf(room: &Room) -> String {
        let user = User::from_uid(geteuid()).unwrap().unwrap().name;
        let host = gethostname().unwrap().to_string_lossy().split('.').next().unwrap().to_owned();
        let plugins = room.root.join("usr/lib/x86_64-linux-gnu/slurm-wlm");
        let [controller, first, second] = [free_port(), free_port(), free_port()];
        format!(
            "ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={controller}\nSlurmUser={user}\nSlurmdUser={user}\n\
             AuthType=auth/munge\nAuthInfo=socket=FOLDER/run/munge\nPluginDir={}\nStateSaveLocation=FOLDER/state\n\
             SlurmdSpoolDir=FOLDER/%n\nSlurmdPidFile=FOLDER/run/%n.pid\nSlurmctldPidFile=FOLDER/run/slurmctld.pid\n\
             ProctrackType=proctrack/pgid\nTaskPlugin=task/none\nSelectType=select/linear\nReturnToService=2\n\
             MpiDefault=none\nHealthCheckProgram=CHECK\nHealthCheckInterval=1\nHealthCheckNodeState=ANY\n\
             NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={first} CPUs=1\n\
             NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={second} CPUs=1\n\
             PartitionName=all Nodes=n1,n2 Default=YES\n",
            plugins.display()
        )
    }

    fn scontrol(&self, words: &[&str]) -> String {
        let mut command: Command = self.0.command("usr/bin/scontrol");
        let output = command.args(words).env("SLURM_CONF", self.0.path("slurm.conf")).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Drains, resumes or describes a node.
    fn update(&self, node: &str, changes: &[&str]) {
        let node = format!("nodename={node}");
        self.scontrol(&[&["update", &node][..], changes].concat());
    }

    /// State and reason of a node.
    fn node(&self, node: &str) -> (String, String) {
        let text = self.scontrol(&["-o", "show", "node", node]);
        let after = |mark: &str| text.split_once(mark).map(|(_, rest)| rest.trim_end().to_owned()).unwrap_or_default();
        let reason = after(" Reason=");
        (after(" State=").split(' ').next().unwrap().into(), reason.split(" [").next().unwrap().into())
    }

    fn until(&self, node: &str, state: &str, reason: &str) {
        eventually(&format!("{node}: {state} {reason}"), || {
            let (now, why) = self.node(node);
            (now.starts_with(state) && !now.contains("UNKNOWN") && why == reason).then_some(())
        });
    }

    /// Waits until slurmd has checked a node again.
    fn checked(&self, node: &str) {
        let checks = || self.0.read(&format!("checks-{node}")).lines().count();
        let before = checks();
        // One may have begun before, and the second ends before the third.
        eventually(&format!("three checks of {node}"), || (checks() >= before + 3).then_some(()));
    }

    /// Checks a node as slurmd does, which a controller that has just resumed it does not ask for at once.
    fn check(&self, node: &str) -> String {
        let mut command = Command::new(self.0.path("check"));
        let output = command.env_clear().env("SLURMD_NODENAME", node).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn slurm_node_of_critical_gpu_drained_and_resumed() {
    let (first, second) = (Driver::new(SICK), Driver::new(WELL));
    let agents = [&first, &second].map(|driver| Start::on(driver).serve().ready());
    let cluster = Cluster::start([agents[0].address().port(), agents[1].address().port()]);
    // Both nodes are on one host, whose name is neither's.
    cluster.until("n1", "IDLE+DRAIN", REASON);
    cluster.checked("n2");
    assert!(!cluster.node("n2").0.contains("DRAIN"), "{:?}", cluster.node("n2"));
    second.play(SICK);
    cluster.until("n2", "IDLE+DRAIN", REASON);
    // An administrator's reason stays, and so does a resumed node.
    cluster.update("n1", &["state=drain", "reason=admin: RAM swap ticket 42"]);
    cluster.update("n2", &["state=resume"]);
    cluster.checked("n1");
    assert_eq!(cluster.node("n1"), ("IDLE+DRAIN".into(), "admin: RAM swap ticket 42".into()));
    assert!(cluster.check("n2").contains("Slurm: node n2: left in service"), "{}", cluster.check("n2"));
    let (state, reason) = cluster.node("n2");
    assert!(!state.contains("DRAIN") && reason.is_empty(), "{state} {reason}");
    // What it drained is resumed when the GPU is well, and nothing else.
    cluster.update("n2", &["state=drain", &format!("reason={REASON}")]);
    first.play(WELL);
    second.play(WELL);
    eventually("n2 to be resumed", || {
        cluster.check("n2");
        (!cluster.node("n2").0.contains("DRAIN")).then_some(())
    });
    cluster.checked("n1");
    assert_eq!(cluster.node("n1"), ("IDLE+DRAIN".into(), "admin: RAM swap ticket 42".into()));
    assert_eq!(fs::read_dir(cluster.0.path("drained")).unwrap().count(), 0, "the problems are over");
}

#[test]
fn slurm_job_without_cgroup_shown_as_squeue_does() {
    let program = built("stand-in");
    let script = format!("slurm-{}.py", std::process::id());
    let process = format!("[[gpu.process]]\ncommand = 'stand-in {script}'\nmemory_bytes = 1073741824\n");
    let driver = Driver::new(&format!("{WELL}{process}"));
    let agent = Start::on(&driver).serve().ready();
    let port = agent.address().port();
    let cluster = Cluster::start([port, port]);
    for node in ["n1", "n2"] {
        cluster.until(node, "IDLE", "");
    }
    let mut sbatch = cluster.0.command("usr/bin/sbatch");
    let wrap = format!("--wrap={} {script}", program.display());
    sbatch.args(["--parsable", "--array=3-4", "--chdir=/", "--output=/dev/null", &wrap]);
    let output = sbatch.env("SLURM_CONF", cluster.0.path("slurm.conf")).output().unwrap();
    let array = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    assert!(!array.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    // proctrack/pgid makes no cgroup, so the jobs are those of the processes' ancestors.
    let jobs = eventually("both tasks of the array", || {
        let all = agent.get("/api/v1/processes").json();
        let row = |row: &Value| ["job_display", "job_step"].map(|key| row[key].as_str().map(str::to_owned));
        let mut jobs: Vec<_> = all.as_array()?.iter().map(row).collect();
        jobs.sort();
        (jobs.len() == 2 && jobs.iter().all(|job| job[0].is_some())).then_some(jobs)
    });
    let task = |number: u32| [Some(format!("{array}_{number}")), Some("batch".to_owned())];
    assert_eq!(jobs, [task(3), task(4)]);
    let raw = agent.get("/api/v1/processes").json();
    let mut raw: Vec<&str> = raw.as_array().unwrap().iter().filter_map(|row| row["job"].as_str()).collect();
    raw.sort_unstable();
    let first: u32 = array.parse().unwrap();
    assert_eq!(raw, [first.to_string(), (first + 1).to_string()], "the last task keeps the array's number");
    let mut cancel = cluster.0.command("usr/bin/scancel");
    let _ = cancel.arg(&array).env("SLURM_CONF", cluster.0.path("slurm.conf")).output();
    eventually("the end of both", || {
        agent.get("/api/v1/processes").json().as_array().is_some_and(Vec::is_empty).then_some(())
    });
}
