//! The life of the .deb on a Debian that runs: install, change, upgrade, remove, purge.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::{
    kit::{Machine, Root, both, free_port, released, said, shell},
    support::{eventually, get, request},
};

const ENV: &str = "/etc/nvidia-smi-web-agent/agent.env";
const TWO_GPUS: &str = "[[gpu]]\nname = 'NVIDIA H200'\n[[gpu]]\nname = 'NVIDIA H200'\n";

/// A later version of the package, whose settings differ as well.
fn later(root: &Root) {
    root.bring(&released(".deb"), "/agent.deb");
    root.run(
        "cd /tmp && dpkg-deb --raw-extract /agent.deb later && sed -i 's/^Version: .*/Version: 99.0-1/' later/DEBIAN/control
        echo '# of a later version' >>later/etc/nvidia-smi-web-agent/agent.env
        dpkg-deb --build later /later.deb >/dev/null",
    );
}

/// The token in the settings.
fn token(root: &Root) -> String {
    let settings = root.read(ENV);
    settings.lines().find_map(|line| line.strip_prefix("TOKEN=")).unwrap().to_owned()
}

#[test]
fn deb_install_upgrade_remove_purge() {
    let root = Root::unpack().with_driver(TWO_GPUS);
    later(&root);
    // The port is not free on every machine that runs this test.
    let port = free_port();
    let folder = "/etc/systemd/system/nvidia-smi-web-agent.service.d";
    root.write(
        &format!("{folder}/test.conf"),
        &format!("[Service]\nEnvironment=PORT={port} NVSMI_BIND=127.0.0.1 FAKE_NVML_SCENARIO=/etc/scenario.toml\n"),
    );
    let machine = Machine::boot(root);
    let address = ([127, 0, 0, 1], port).into();

    let told = machine.run("dpkg --install /agent.deb 2>&1");
    assert!(told.contains("clients must send the token") && told.contains(ENV), "{told}");
    let token = token(machine.root());
    assert!(token.len() == 40 && token.bytes().all(|sign| sign.is_ascii_hexdigit()), "{token:?}");
    assert!(!told.contains(&token), "{told}");
    assert_eq!(machine.run(&format!("stat --format='%a %U %G' {ENV}")).trim(), "640 root root");
    // It serves at once, closed to those who do not have the token.
    assert_eq!(machine.property("nvidia-smi-web-agent", "ActiveState"), "active");
    assert_eq!(get(address, "/count").status, 401);
    let count = || request(address, "/count", &[("Authorization", &token)]);
    eventually("both GPUs", || (count().text() == r#"{"code":0,"data":2}"#).then_some(()));
    // Root's question finds the service's token by itself.
    let port_alone = format!("PORT={port} nvidia-smi-web-agent health --gpus");
    assert_eq!(machine.run(&port_alone).lines().count(), 2);
    assert_eq!(machine.run("systemctl is-enabled nvidia-smi-web-agent").trim(), "enabled");
    assert_eq!(machine.run("systemctl is-enabled nvidia-smi-web-hub || true").trim(), "disabled");
    assert_eq!(machine.property("nvidia-smi-web-hub", "ActiveState"), "inactive");

    machine.run(&format!("echo URL_PREFIX=/mine >>{ENV}"));
    let told = machine.run("dpkg --install --force-confdef --force-confold /later.deb 2>&1");
    assert!(!told.contains("clients must send"), "a token is there: {told}");
    let settings = machine.root().read(ENV);
    assert!(settings.contains(&format!("TOKEN={token}\n")) && settings.contains("URL_PREFIX=/mine"), "{settings}");
    assert!(
        !settings.contains("a later version") && machine.root().read(&format!("{ENV}.dpkg-dist")).contains("a later")
    );
    // The upgrade has restarted it, with the changed settings.
    let count = || request(address, "/mine/count", &[("Authorization", &token)]);
    eventually("both GPUs again", || (count().text() == r#"{"code":0,"data":2}"#).then_some(()));

    machine.run("dpkg --remove nvidia-smi-web-agent");
    assert_eq!(machine.property("nvidia-smi-web-agent", "ActiveState"), "inactive");
    assert!(machine.root().file(ENV).exists(), "the settings stay");
    machine.run("dpkg --purge nvidia-smi-web-agent");
    let left = machine.run("find /etc /var/lib /usr /run -path '*nvidia-smi-web-agent*' -not -path '*.service.d*'");
    assert_eq!(left.trim(), "", "purged");
}

#[test]
fn deb_upgrade_and_removal_leave_stopped_services_alone() {
    let root = Root::unpack().with_driver(TWO_GPUS);
    later(&root);
    let [agent, hub] = [free_port(), free_port()];
    for (service, port) in [("agent", agent), ("hub", hub)] {
        root.write(
            &format!("/etc/systemd/system/nvidia-smi-web-{service}.service.d/test.conf"),
            &format!("[Service]\nEnvironment=PORT={port} NVSMI_BIND=127.0.0.1 FAKE_NVML_SCENARIO=/etc/scenario.toml\n"),
        );
    }
    let machine = Machine::boot(root);
    machine.run("dpkg --install /agent.deb");
    machine.root().write("/etc/nvidia-smi-web-agent/hosts.json", "[]");
    machine.run("chmod 644 /etc/nvidia-smi-web-agent/hosts.json");
    // A machine with a hub alone.
    machine.run("systemctl disable --now nvidia-smi-web-agent && systemctl enable --now nvidia-smi-web-hub");
    let settings = machine.root().read("/etc/nvidia-smi-web-agent/hub.env");
    assert!(settings.lines().any(|line| line.len() == "TOKEN=".len() + 40 && line.starts_with("TOKEN=")), "{settings}");
    assert_eq!(get(([127, 0, 0, 1], hub).into(), "/api/v1/fleet").status, 401);
    let states = || {
        ["agent", "hub"].map(|name| {
            let unit = format!("nvidia-smi-web-{name}");
            let enabled = machine.run(&format!("systemctl is-enabled {unit} || true"));
            format!("{} {}", enabled.trim(), machine.property(&unit, "ActiveState"))
        })
    };
    let pid = || machine.property("nvidia-smi-web-hub", "MainPID");
    let before = pid();
    machine.run("systemctl reload nvidia-smi-web-hub");
    assert_eq!(pid(), before);
    machine.run("dpkg --install --force-confdef --force-confold /later.deb");
    assert_eq!(states(), ["disabled inactive", "enabled active"]);
    assert_ne!(pid(), before, "the upgrade has restarted it");
    // A machine with an agent alone.
    machine.run("systemctl disable --now nvidia-smi-web-hub && systemctl enable --now nvidia-smi-web-agent");
    machine.run("dpkg --install --force-confdef --force-confold --force-downgrade /agent.deb");
    assert_eq!(states(), ["enabled active", "disabled inactive"]);
    machine.run("systemctl enable --now nvidia-smi-web-hub && dpkg --purge nvidia-smi-web-agent");
    assert_eq!(states().map(|state| state.ends_with(" inactive")), [true, true]);
    let left = machine.run("find /etc /var/lib /usr /run -path '*nvidia-smi-web-*' -not -path '*.service.d*'");
    assert_eq!(left.trim(), "", "purged");
}

#[test]
fn deb_reports_unit_of_original() {
    let root = Root::unpack();
    root.bring(&released(".deb"), "/agent.deb");
    root.write("/etc/systemd/system/nvidia-smi-web-agent.service", "[Service]\nExecStart=/bin/true\n");
    let told = root.run("dpkg --install /agent.deb 2>&1");
    assert!(told.contains("takes precedence") && told.contains("original.conf"), "{told}");
}

#[test]
fn deb_keeps_existing_token() {
    let root = Root::unpack();
    root.bring(&released(".deb"), "/agent.deb");
    root.write(ENV, "TOKEN=mine\n");
    root.run("dpkg --install --force-confold /agent.deb");
    assert_eq!(root.read(ENV), "TOKEN=mine\n");
    said(&mut shell("! deploy/packages/first-token /nonexistent"));
}

#[test]
fn deb_fails_without_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("agent.env");
    fs::write(&file, "TOKEN=\n").unwrap();
    // A program that gives nothing, as where there is none.
    fs::write(folder.path().join("od"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(folder.path().join("od"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut script = shell(r#"PATH="$FOLDER:$PATH" deploy/packages/first-token "$FOLDER/agent.env""#);
    let output = script.env("FOLDER", folder.path()).output().unwrap();
    let told = both(&output);
    assert!(!output.status.success() && told.contains("cannot create a random token"), "{told}");
    assert_eq!(fs::read_to_string(file).unwrap(), "TOKEN=\n");
}
