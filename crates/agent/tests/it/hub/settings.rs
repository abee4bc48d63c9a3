//! Settings of a hub, and `hub --check`.

use std::{fs, os::unix::fs::PermissionsExt as _};

use nix::{sys::stat::Mode, unistd::mkfifo};
use tempfile::TempDir;

use super::hub;
use crate::support::{Start, free_port};

/// Status and standard error of a hub that does not start.
fn refused(start: Start) -> (Option<i32>, String) {
    let (status, _, error) = start.finish();
    assert_eq!(error.lines().count(), 1, "{error}");
    (status.code(), error)
}

#[test]
fn agent_tokens_need_tokens_of_viewers() {
    let folder = TempDir::new().unwrap();
    let tokens = folder.path().join("tokens");
    fs::write(&tokens, "of-all-agents\n").unwrap();
    let with_tokens = || hub("static:127.0.0.1:1").argument("--agent-token-file").argument(tokens.to_str().unwrap());
    let (status, error) = refused(with_tokens());
    assert_eq!(status, Some(2), "{error}");
    assert!(error.contains("--anonymous") && error.contains("TOKEN") && !error.contains("of-all-agents"), "{error}");
    for (name, value) in [("NVSMI_ANONYMOUS", "read"), ("NVSMI_ANONYMOUS", "summary"), ("TOKEN", "of-viewers")] {
        let hub = with_tokens().variable(name, value).serve();
        assert_eq!(hub.get("/healthz").status, 200, "{name}={value}");
    }
}

#[test]
fn invalid_settings_end_with_status_2() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "a b c\n").unwrap();
    let fifo = folder.path().join("fifo");
    mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    let file = file.to_str().unwrap();
    let bare = || Start::bare().argument("hub");
    for (start, parts) in [
        (bare(), &["--hosts", "NVSMI_HUB_HOSTS"][..]),
        (bare().variable("NVSMI_HUB_HOSTS", ""), &["--hosts"]),
        (hub("gpu01:8000"), &["static:HOST:PORT"]),
        (hub("static:a:1").argument("--interval=1s"), &["--interval"]),
        (hub("static:a:1").argument("--sys-root=/x"), &["--sys-root"]),
        (hub("static:a:1").argument("--agent-token-file=/nonexistent"), &["agent token file /nonexistent"]),
        (hub("static:a:1").argument("--agent-token-file").argument(file), &["line 1", "3 words"]),
        (hub("static:a:1").argument("--agent-ca").argument(file), &["--agent-ca", "expected certificates"]),
        (
            hub("static:a:1").argument("--agent-ca").argument(folder.path().to_str().unwrap()),
            &["--agent-ca", "a directory"],
        ),
        (hub("static:a:1").argument("--agent-ca").argument(fifo.to_str().unwrap()), &["--agent-ca", "a FIFO"]),
        (hub("static:a:1").argument("--agent-ca=/nonexistent"), &["--agent-ca", "No such file", "name a file"]),
        (hub("static:a:1").argument("--anonymous=none"), &["requires a token"]),
    ] {
        let (status, error) = refused(start);
        assert_eq!(status, Some(2), "{error}");
        for part in parts {
            assert!(error.contains(part), "{error:?} lacks {part:?}");
        }
    }
}

#[test]
fn secrets_of_a_url_shown_nowhere() {
    let url = "http://127.0.0.1:1/targets?key=hidden";
    let (_, out, error) = hub(url).argument("--check").finish();
    let broken = "http://name:hidden@127.0.0.1:1/targets http://127.0.0.1:0/targets?key=hidden";
    let (_, refused) = refused(hub(broken));
    let running = hub(url).serve();
    running.logged("cannot read the list of hosts");
    let fleet = running.get("/api/v1/fleet").text().to_owned();
    let shown = "http://127.0.0.1:1/targets?…";
    for text in [&out, &fleet] {
        assert!(text.contains(shown), "{text}");
    }
    for text in [out, error, refused, fleet, running.log()] {
        assert!(!text.contains("hidden"), "{text}");
    }
}

#[test]
fn variables_about_gpus_are_ignored() {
    // Those of an agent on the same host, one of which no hub could read.
    let start =
        || hub("static:127.0.0.1:1").variable("NVSMI_INTERVAL", "2s").variable("NVSMI_PEERS", "of a later release");
    let hub = start().serve();
    for name in ["NVSMI_INTERVAL is ignored", "NVSMI_PEERS is ignored"] {
        hub.logged(name);
    }
    drop(hub);
    let (status, out, error) =
        start().argument("--check").argument("--port").argument(&free_port().to_string()).finish();
    assert!(status.success() && out.contains("NVSMI_PEERS is ignored"), "{out}{error}");
}

#[test]
fn check_prints_hosts_and_problems() {
    let folder = TempDir::new().unwrap();
    let (path, tokens) = (folder.path().join("hosts.json"), folder.path().join("tokens"));
    fs::write(&path, r#"[{"targets": ["gpu01:8000", "gpu02:8000", "http://gpu03:8000"], "labels": {"name": "a"}}]"#)
        .unwrap();
    fs::write(&tokens, "gpu01 s3cret-of-gpu01\nof-all-agents\n").unwrap();
    fs::set_permissions(&tokens, fs::Permissions::from_mode(0o644)).unwrap();
    let port = free_port().to_string();
    let checked = |hosts: &str| {
        let hub = hub(hosts).argument("--check").argument("--agent-token-file").argument(tokens.to_str().unwrap());
        hub.argument("--anonymous=read").argument("--bind=127.0.0.1").argument("--port").argument(&port).finish()
    };
    let (status, out, error) = checked(path.to_str().unwrap());
    assert!(status.success(), "{out}{error}");
    for part in [
        "hosts                  2",
        "host                   a at http://gpu01:8000, with a token",
        "gpu02:8000: it is called by its address: a is another host",
        "the target \"http://gpu03:8000\" is left out",
        "every account of this host can read the agent token file",
        "agent tokens           2 in",
        "anonymous              read                         flag",
    ] {
        assert!(out.contains(part), "{part:?} is not in {out}");
    }
    assert!(!out.contains("s3cret") && !out.contains("of-all-agents") && !out.contains("on its way"), "{out}");
    let empty = folder.path().join("empty.json");
    fs::write(&empty, "[]").unwrap();
    let (status, out, _) = checked(empty.to_str().unwrap());
    assert!(status.success() && out.contains("got empty lists"), "{out}");
    let (status, out, _) = checked("/nonexistent.json http://127.0.0.1:1/targets");
    assert_eq!(status.code(), Some(1), "{out}");
    assert!(out.contains("problem                /nonexistent.json: there is no such file yet; create it"), "{out}");
    for part in ["problem", "there is no such file yet", "on its way gets it"] {
        assert!(out.contains(part), "{part:?} is not in {out}");
    }
}
