//! Containers of LXC, systemd-nspawn and Podman, from Debian's packages, without being installed. They need root.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use super::Room;
use crate::support::{Driver, Start, built, eventually};

/// Puts a stand-in and its libraries into a root for a container.
fn fill(root: &Path) {
    for folder in ["proc", "sys", "dev", "tmp", "etc", "run", "usr/lib"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::write(root.join("usr/lib/os-release"), "ID=test\n").unwrap();
    let program = built("stand-in");
    fs::copy(&program, root.join("stand-in")).unwrap();
    let listed = Command::new("ldd").arg(&program).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    for library in listed.split_whitespace().filter(|word| word.starts_with('/')) {
        let inside = root.join(&library[1..]);
        fs::create_dir_all(inside.parent().unwrap()).unwrap();
        fs::copy(library, inside).unwrap();
    }
}

/// Row of the stand-in with this command line, which systemd-nspawn has as well.
fn row(all: &Value, command: &str) -> Option<Value> {
    let mut rows = all.as_array()?.iter();
    let line = format!("/stand-in {command}");
    rows.find(|row| row["command"] == line.as_str()).cloned()
}

#[test]
fn system_containers_of_lxc_and_nspawn_counted() {
    let mut room = Room::new("containers");
    let name = format!("nvsmi-{}", std::process::id());
    room.folder("lxc");
    room.folder("mount");
    fill(&room.path("root"));
    fs::create_dir(room.path("lxc").join(&name)).unwrap();
    let config = format!(
        "lxc.uts.name = {name}\nlxc.rootfs.path = dir:FOLDER/root\nlxc.rootfs.mount = FOLDER/mount\n\
         lxc.init.cmd = /stand-in python {name}-lxc.py\nlxc.environment = STAND_IN_KEEP=1\nlxc.net.0.type = none\n\
         lxc.autodev = 0\nlxc.mount.auto =\nlxc.tty.max = 0\nlxc.apparmor.profile = unconfined\n"
    );
    room.write(&format!("lxc/{name}/config"), &config, 0o644);
    let lxc = |room: &Room, program: &str| {
        let mut command = room.command(program);
        command.arg("-P").arg(room.path("lxc")).args(["-n", &name]);
        command
    };
    let mut start = lxc(&room, "usr/bin/lxc-start");
    room.start(start.arg("-F"), "lxc.log");
    // Its unit is the test's own, so that its cgroup has no name.
    let mut nspawn = room.command("usr/bin/systemd-nspawn");
    nspawn.args(["--quiet", "--register=no", "--keep-unit", "--pipe", "--as-pid2", "--setenv=STAND_IN_KEEP=1"]);
    nspawn.arg(format!("--machine={name}-nspawn")).arg("--directory").arg(room.path("root"));
    room.start(nspawn.args(["/stand-in", "python", &format!("{name}-nspawn.py")]), "nspawn.log");
    let process =
        |kind: &str| format!("[[gpu.process]]\ncommand = 'python {name}-{kind}.py'\nmemory_bytes = 1073741824\n");
    let driver = Driver::new(&format!("[[gpu]]\nname = 'A'\n{}{}", process("lxc"), process("nspawn")));
    let agent = Start::on(&driver).serve().ready();
    let rows = eventually("both processes", || {
        let all = agent.get("/api/v1/processes").json();
        let found = ["lxc", "nspawn"].map(|kind| row(&all, &format!("python {name}-{kind}.py")));
        let [lxc, nspawn] = found;
        let (lxc, nspawn) = (lxc?, nspawn?);
        [&lxc, &nspawn].iter().all(|row| !row["container"].is_null()).then_some([lxc, nspawn])
    });
    let _ = lxc(&room, "usr/bin/lxc-stop").arg("-k").output();
    for (row, container, runtime) in
        [(&rows[0], name.clone(), "lxc"), (&rows[1], format!("{name}-nspawn"), "systemd-nspawn")]
    {
        assert_eq!((&row["uid"], &row["user"]), (&json!(0), &Value::Null), "its root is not this host's: {row}");
        for key in ["owner", "owner_container", "container", "container_name", "system_container"] {
            assert_eq!(row[key], json!(container), "{key} of {row}");
        }
        assert_eq!(row["container_runtime"], runtime);
    }
}

#[test]
fn podman_container_and_account_shown_together() {
    let mut room = Room::new("containers");
    fill(&room.path("root"));
    let name = format!("nvsmi-{}-podman", std::process::id());
    let program = |name: &str| room.root.join(name).display().to_string();
    let mut podman = room.command("usr/bin/podman");
    podman
        .args(["--cgroup-manager=cgroupfs", "--events-backend=none", "--storage-driver=vfs", "--root"])
        .arg(room.path("store"));
    podman.arg("--runroot").arg(room.path("run")).arg(format!("--runtime={}", program("usr/sbin/runc")));
    podman.arg(format!("--conmon={}", program("usr/bin/conmon"))).args([
        "run",
        "--rm",
        "--network=none",
        "--ipc=host",
        "--user=1",
    ]);
    // Not every machine lets it raise limits or has its file for seccomp.
    podman.args(["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024", "--security-opt=seccomp=unconfined"]);
    podman.args(["--env=STAND_IN_KEEP=1", "--rootfs"]).arg(room.path("root"));
    room.start(podman.args(["/stand-in", "python", &format!("{name}.py")]), "podman.log");
    let process = format!("[[gpu.process]]\ncommand = 'python {name}.py'\nmemory_bytes = 1073741824\n");
    let driver = Driver::new(&format!("[[gpu]]\nname = 'A'\n{process}"));
    let agent = Start::on(&driver).serve().ready();
    let row = eventually("the process", || {
        let all = agent.get("/api/v1/processes").json();
        row(&all, &format!("python {name}.py")).filter(|row| !row["container"].is_null() && row["user"] == "daemon")
    });
    // The container ends with its first process; with the host's IPC it leaves no mount.
    let pid = i32::try_from(row["pid"].as_i64().unwrap()).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    assert_eq!((&row["uid"], &row["owner"], &row["owner_container"]), (&json!(1), &json!("daemon"), &Value::Null));
    assert_eq!(row["container_runtime"], "podman");
    assert_eq!(row["container"].as_str().map(str::len), Some(64), "{row}");
}
