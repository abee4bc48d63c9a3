//! Commands in README, `docs/install.md` and the demo: those that can run here do, and each other block says why not.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use nix::sys::signal::{Signal, kill};
use tempfile::TempDir;

use crate::support::{Driver, Start, built, eventually, nix_pid};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(document: &str) -> String {
    fs::read_to_string(root().join(document)).unwrap()
}

/// Blocks of commands that run here. Each block has a comment before it, `run` or `not run` with the reason.
fn blocks(document: &str) -> Vec<String> {
    let (mut found, mut before, mut inside) = (Vec::new(), String::new(), None);
    for (number, line) in text(document).lines().enumerate() {
        match (&mut inside, line) {
            (None, "```sh") => {
                let reason = before.strip_prefix("<!-- not run: ").and_then(|rest| rest.strip_suffix(" -->"));
                let runs = before == "<!-- run -->";
                assert!(
                    runs || reason.is_some_and(|reason| reason.len() > 10),
                    "{document}:{}: expected `<!-- run -->` or `<!-- not run: REASON -->` before this block",
                    number + 1
                );
                inside = Some((runs, String::new()));
            }
            (Some((runs, block)), "```") => {
                if *runs {
                    found.push(block.clone());
                }
                inside = None;
            }
            (Some((_, block)), line) => block.push_str(&format!("{line}\n")),
            (None, line) => before = line.to_owned(),
        }
    }
    found
}

/// Programs that stand before those of the machine: `curl` talks to this port under any name, `sudo` needs no password, and
/// `make demo` has run.
fn programs(port: u16) -> TempDir {
    let folder = TempDir::new().unwrap();
    let curl = format!("exec /usr/bin/curl --connect-to ::127.0.0.1:{port} --show-error \"$@\"");
    for (name, line) in [("curl", curl.as_str()), ("sudo", "exec \"$@\""), ("make", "exit 0")] {
        let path = folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{line}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

/// Runs commands in a shell and returns what they print.
fn run(commands: &str, port: u16) -> String {
    let (programs, work) = (programs(port), TempDir::new().unwrap());
    let output = Command::new("bash")
        .args(["-euc", commands])
        .current_dir(work.path())
        .env("PATH", format!("{}:/usr/bin:/bin", programs.path().display()))
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{commands}\n{printed}{}", String::from_utf8_lossy(&output.stderr));
    printed
}

#[test]
fn install_commands_run() {
    let driver = Driver::new("[[gpu]]\nname = 'A'\n[[gpu]]\nname = 'B'\n");
    let settings = TempDir::new().unwrap();
    let file = settings.path().join("agent.env");
    fs::write(&file, "# a comment\nPORT=8000\nTOKEN=s3cret\n").unwrap();
    let agent = Start::on(&driver).variable("TOKEN", "s3cret").serve();
    eventually("the GPUs", || (agent.get("/readyz").status == 200).then_some(()));
    let all = blocks("docs/install.md").concat();
    let printed =
        run(&all.replace("/etc/nvidia-smi-web-agent/agent.env", file.to_str().unwrap()), agent.address().port());
    let count = r#"{"code":0,"data":2}"#;
    let first = printed.split(count).next().unwrap();
    assert!(first.contains(r#""idx":0"#) && !first.contains(r#""idx":1"#), "the first GPU alone: {printed}");
    assert_eq!(printed.matches(count).count(), 2, "before and after: {printed}");
    assert!(printed.ends_with("401\n"), "{printed}");
}

/// The demo, which ends with the test.
struct Demo {
    process: Child,
    banner: String,
}

impl Demo {
    fn start(port: u16) -> Self {
        let binaries = built("stand-in").parent().unwrap().to_owned();
        let mut process = Command::new(root().join("scripts/demo"))
            .env("CARGO_TARGET_DIR", binaries.parent().unwrap())
            .env("BUILD", binaries.file_name().unwrap())
            .env("PORT", port.to_string())
            .env("NVSMI_BIND", "127.0.0.1")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut banner = String::new();
        for line in lines {
            banner.push_str(&format!("{line}\n"));
            if line.contains("Ctrl-C") {
                break;
            }
        }
        Self { process, banner }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = kill(nix_pid(self.process.id()), Signal::SIGTERM);
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn demo_commands_show_users() {
    let port = free_port();
    let demo = Demo::start(port);
    let names = if demo.banner.contains("alice") { ["alice", "bob", "carol"] } else { ["1001", "1002", "1003"] };
    let users = format!("/usr/bin/curl --silent localhost:{port}/api/v1/users || true");
    eventually("the users", || {
        names.iter().all(|name| run(&users, port).contains(&format!("\"{name}\""))).then_some(())
    });
    // What the banner offers, without the explanations.
    let commands: Vec<&str> = demo
        .banner
        .lines()
        .filter_map(|line| line.trim().split("  ").next().filter(|line| line.starts_with("curl")))
        .collect();
    let answers: BTreeMap<&str, String> = commands.iter().map(|command| (*command, run(command, port))).collect();
    let answer = |part: &str| answers.iter().find(|(command, _)| command.contains(part)).unwrap().1;
    assert!(answer("/status").contains("train.py --local-rank=0"), "{}", answer("/status"));
    assert!(answer("/users").contains(&format!("\"{}\"", names[0])));
    assert!(!answer("/summary.txt").contains(names[0]), "the summary has no names");
    assert!(answer("/summary.txt").contains("free"), "{}", answer("/summary.txt"));
    let readme = run(&blocks("README.md").concat(), port);
    assert!(readme.contains("serve.py") && readme.contains(&format!("\"{}\"", names[1])), "{readme}");
}

/// The default shell of macOS takes `?`, `*` and `[` outside quotes for file names, and every shell `&` for the end.
#[test]
fn addresses_with_special_characters_are_quoted() {
    let documents = ["docs", "."].into_iter().flat_map(|folder| fs::read_dir(root().join(folder)).unwrap());
    let mut files: Vec<PathBuf> = documents
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension().is_some_and(|kind| kind == "md"))
        .collect();
    files.push(root().join("scripts/demo"));
    assert!(files.len() > 10);
    let unquoted = |line: &str| {
        let outside: String = line.split(['\'', '"']).step_by(2).collect::<Vec<_>>().join("''");
        outside.split_whitespace().any(|word| {
            let is_address = word.contains("://") || word.contains("localhost");
            is_address && word.contains(['?', '*', '[', '&'])
        })
    };
    assert!(unquoted("curl localhost:8000/status?idx=4") && !unquoted("curl 'localhost:8000/status?idx=4'"));
    for file in files {
        for line in fs::read_to_string(&file).unwrap().lines().filter(|line| line.trim_start().starts_with("curl ")) {
            assert!(!unquoted(line), "{}: quote the address: {line}", file.display());
        }
    }
}
