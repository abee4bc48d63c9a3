//! The service under the settings of its unit, on a systemd that runs.

use std::net::{SocketAddr, TcpListener};

use crate::{
    kit::{Machine, Root, free_port, released, repository},
    support::{eventually, get, request},
};

const UNIT: &str = "nvidia-smi-web-agent";
const ENV: &str = "/etc/nvidia-smi-web-agent/agent.env";
const DROP_INS: &str = "/etc/systemd/system/nvidia-smi-web-agent.service.d";

/// A Debian with the package on it, whose service will start when it boots.
fn installed(settings: &str) -> Root {
    let root = Root::unpack().with_driver("[[gpu]]\nname = 'NVIDIA H200'\n");
    root.bring(&released(".deb"), "/agent.deb");
    root.run("dpkg --install /agent.deb");
    root.write(ENV, settings);
    root.write(&format!("{DROP_INS}/driver.conf"), "[Service]\nEnvironment=FAKE_NVML_SCENARIO=/etc/scenario.toml\n");
    root
}

/// The settings of one that this host can reach, and its address.
fn settings(more: &str) -> (String, SocketAddr) {
    let port = free_port();
    (format!("PORT={port}\nNVSMI_BIND=127.0.0.1\nTOKEN=a-token-of-these-tests\n{more}"), ([127, 0, 0, 1], port).into())
}

#[test]
fn service_names_other_users_process_unprivileged() {
    // A container's processes are not in the host's namespace, of which the agent would know nothing else.
    let (settings, address) = settings("NVSMI_RESOLVE_PIDS=true\n");
    let root = installed(&settings);
    root.write(
        "/etc/systemd/system/train.service",
        "[Service]\nUser=games\nEnvironment=STAND_IN_KEEP=1\nExecStart=/usr/local/bin/stand-in train.py --rank=0\n",
    );
    let machine = Machine::boot(root);
    machine.run("systemctl start train");
    let pid = machine.property("train", "MainPID");
    machine.root().play(&format!(
        "[[gpu]]\nname = 'NVIDIA H200'\n[[gpu.process]]\npid = {pid}\ntype = 'C'\nmemory_bytes = 1000000\n"
    ));
    // The name of an account that was not seen before comes a moment after its number.
    let row = eventually("its row, with the name of its owner", || {
        let answer = request(address, "/status", &[("Authorization", "a-token-of-these-tests")]);
        let row = answer.json()["data"]["processes"].get(0)?.clone();
        (row["username"] == "games").then_some(row)
    });
    assert_eq!(row["command"], "/usr/local/bin/stand-in train.py --rank=0", "{row}");
    assert_ne!(row["running_time"], "", "{row}");

    let agent = machine.property(UNIT, "MainPID");
    let status = machine.run(&format!("cat /proc/{agent}/status"));
    let line = |name: &str| {
        let found = status.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
        found.unwrap_or_else(|| panic!("no {name} in {status}")).trim().to_owned()
    };
    assert_ne!(line("Uid").split_whitespace().next(), Some("0"));
    for none in ["CapEff", "CapPrm", "CapBnd", "CapAmb"] {
        assert_eq!(line(none), "0000000000000000", "{none}");
    }
    assert_eq!([line("NoNewPrivs"), line("Seccomp")], ["1", "2"]);
    // Nothing that it wanted was refused it.
    let log = machine.log(UNIT);
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
    assert!(log.contains("reading"), "{log}");
    assert_eq!(machine.property(UNIT, "NRestarts"), "0");
    assert!(machine.property(UNIT, "StatusText").contains("ok, GPUs: 1"));
}

#[test]
fn service_keeps_history_obeys_root_and_stops_when_hung() {
    let (settings, address) = settings("");
    let machine = Machine::boot(installed(&settings));
    let told = machine.run(&format!("{UNIT} release --for 10m"));
    assert!(told.contains("released"), "{told}");
    eventually("the state", || get(address, "/readyz").text().contains("released").then_some(()));
    machine.run(&format!("{UNIT} resume"));
    eventually("the GPUs", || (get(address, "/readyz").status == 200).then_some(()));
    machine.root().play("[[gpu]]\nname = 'NVIDIA H200'\n[[fault]]\nfunction = '*'\nhang = true\n");
    eventually("a hung driver", || (get(address, "/readyz").status == 503).then_some(()));
    machine.run(&format!("timeout 14 systemctl stop {UNIT}"));
    assert_eq!(machine.property(UNIT, "Result"), "success");
    let kept = machine.run("ls /var/lib/private/nvidia-smi-web-agent");
    assert!(!kept.trim().is_empty(), "the history outlives it");
}

#[test]
fn service_not_restarted_on_invalid_settings() {
    let (settings, _) = settings("");
    let root = installed(&settings.replace("PORT=", "PORT=x"));
    let machine = Machine::boot(root);
    eventually("its end", || (machine.property(UNIT, "ActiveState") == "failed").then_some(()));
    assert_eq!(machine.property(UNIT, "ExecMainStatus"), "2");
    assert_eq!(machine.property(UNIT, "NRestarts"), "0");
    assert!(machine.log(UNIT).contains("PORT"), "{}", machine.log(UNIT));
    machine.run(&format!("rm {ENV}; systemctl reset-failed {UNIT}"));
    assert_ne!(machine.status(&format!("systemctl start {UNIT}")).0, 0, "without its settings it does not start");
    assert_eq!(machine.property(UNIT, "ActiveState"), "inactive", "and is not tried again and again");
}

#[test]
fn service_waits_for_port_in_use() {
    let (settings, address) = settings("");
    let taken = TcpListener::bind(address).unwrap();
    let machine = Machine::boot(installed(&settings));
    // While it tries it has no status.
    eventually("another try in vain", || {
        let tried = machine.property(UNIT, "NRestarts") != "0" && machine.property(UNIT, "ExecMainStatus") == "1";
        tried.then_some(())
    });
    drop(taken);
    eventually("the agent", || (machine.property(UNIT, "ActiveState") == "active").then_some(()));
    assert_eq!(get(address, "/healthz").status, 200);
}

#[test]
fn service_reads_tokens_from_credential() {
    // The service is closed by the file of tokens alone, as the drop-in says how.
    let (settings, address) = settings("");
    let root = installed(&settings.replace("TOKEN=a-token-of-these-tests\n", ""));
    root.bring(&repository().join("deploy/systemd/drop-ins/credential.conf"), &format!("{DROP_INS}/credential.conf"));
    root.write("/etc/nvidia-smi-web-agent/tokens", "alice read of-a-credential-of-systemd\n");
    root.run("chmod 600 /etc/nvidia-smi-web-agent/tokens");
    let machine = Machine::boot(root);
    eventually("the agent", || (machine.property(UNIT, "ActiveState") == "active").then_some(()));
    let count = |token| request(address, "/count", &[("Authorization", token)]);
    eventually("its GPU", || (count("of-a-credential-of-systemd").text() == r#"{"code":0,"data":1}"#).then_some(()));
    assert_eq!([count("wrong").status, count("").status, get(address, "/count").status], [401; 3]);
    let agent = machine.property(UNIT, "MainPID");
    let seen = machine.run(&format!("cat /proc/{agent}/environ"));
    assert!(!seen.contains("of-a-credential"), "{seen}");
    let log = machine.log(UNIT);
    assert!(!log.contains("every account of this host can read") && !log.contains("open to public access"), "{log}");
    // A credential that is not there is no open API.
    machine.run("rm /etc/nvidia-smi-web-agent/tokens");
    assert_ne!(machine.status(&format!("systemctl restart {UNIT}")).0, 0);
}

#[test]
fn service_with_wrong_settings_path_is_not_open() {
    let root = installed("TOKEN=new\n");
    root.bring(&repository().join("deploy/systemd/drop-ins/original.conf"), &format!("{DROP_INS}/original.conf"));
    let machine = Machine::boot(root);
    assert_ne!(machine.status(&format!("systemctl start {UNIT}")).0, 0);
    assert_eq!(machine.property(UNIT, "ActiveState"), "inactive");
}

#[test]
fn service_accepts_original_settings() {
    let port = free_port();
    let root = installed("TOKEN=new\n");
    root.bring(&repository().join("deploy/systemd/drop-ins/original.conf"), &format!("{DROP_INS}/original.conf"));
    // What the original's unit has, copied to its end as it says, and a file .env that only root may read.
    let lines = "Environment=\"URL_PREFIX=server2\"\nEnvironment=\"TOKEN=old\"\n";
    let file = format!("{DROP_INS}/original.conf");
    root.write(&file, &format!("{}{lines}", root.read(&file)));
    root.write("/opt/nvidia-smi-web-agent/.env", &format!("PORT={port}\n"));
    root.run("chmod 600 /opt/nvidia-smi-web-agent/.env");
    let machine = Machine::boot(root);
    let address = ([127, 0, 0, 1], port).into();
    let count = |token| request(address, "/server2/count", &[("Authorization", token)]);
    eventually("the agent", || (machine.property(UNIT, "ActiveState") == "active").then_some(()));
    eventually("its GPU", || (count("old").text() == r#"{"code":0,"data":1}"#).then_some(()));
    assert_eq!(count("new").status, 401);
}
