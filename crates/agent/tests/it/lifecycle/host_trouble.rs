//! Trouble of the host: a deleted runtime directory, signals sent by mistake, files that are none.

use std::fs;

use nix::{
    sys::{
        signal::{Signal, kill},
        stat::Mode,
    },
    unistd::mkfifo,
};

use crate::support::{Agent, Driver, Start, eventually, nix_pid};

const ONE_GPU: &str = "[[gpu]]\nname = 'NVIDIA H200'\n";
const TOKEN: &str = "alice read 0123456789abcdef\n";
const OTHER: &str = "bob read fedcba9876543210\n";

fn count(agent: &Agent, token: &str) -> u16 {
    agent.request("/count", &[("Authorization", token)]).status
}

fn kill_collector(agent: &Agent) {
    let pid = eventually("a collector", || agent.collectors().first().copied());
    kill(nix_pid(pid), Signal::SIGKILL).unwrap();
    eventually("another", || agent.collectors().first().is_some_and(|other| *other != pid).then_some(()));
}

#[test]
fn runtime_directory_deleted_does_not_stop_collection() {
    let driver = Driver::new(ONE_GPU);
    let runtime = driver.folder().join("run");
    fs::create_dir(&runtime).unwrap();
    let agent = Start::on(&driver).variable("RUNTIME_DIRECTORY", runtime.to_str().unwrap()).serve().ready();
    fs::remove_dir_all(&runtime).unwrap();
    kill_collector(&agent);
    agent.reads_again();
    eventually("a note", || {
        agent.get("/api/v1/snapshot").text().contains("was deleted while the agent runs").then_some(())
    });
}

#[test]
fn runtime_directory_missing_at_start_is_noted() {
    let driver = Driver::new(ONE_GPU);
    let runtime = driver.folder().join("nowhere");
    let agent = Start::on(&driver).variable("RUNTIME_DIRECTORY", runtime.to_str().unwrap()).serve().ready();
    assert!(agent.get("/api/v1/snapshot").text().contains("there is no lock against the collector of another agent"));
}

#[test]
fn helper_of_library_does_not_keep_lock() {
    let driver = Driver::absent();
    driver.play(ONE_GPU);
    driver.install_with(
        "int fork(void); int pause(void); unsigned alarm(unsigned); void (*signal(int, void (*)(int)))(int);\n\
         __attribute__((constructor)) static void help(void) {\n\
         if (fork() == 0) { signal(14, 0); alarm(60); for (;;) pause(); } }\n",
    );
    let runtime = driver.folder().to_str().unwrap();
    let agent = Start::on(&driver).variable("RUNTIME_DIRECTORY", runtime).serve().ready();
    kill_collector(&agent);
    agent.reads_again();
    // Nor does it keep a new parent's collector out.
    let second = Start::on(&driver).variable("RUNTIME_DIRECTORY", runtime);
    agent.signal(Signal::SIGKILL);
    second.serve().ready();
}

#[test]
fn signals_reload_files_or_are_ignored() {
    let driver = Driver::new(ONE_GPU);
    let start = Start::on(&driver).file("tokens", TOKEN).argument("--token-file=tokens");
    let file = start.work().join("tokens");
    let agent = start.serve().ready();
    let ignored = [
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGALRM,
        Signal::SIGVTALRM,
        Signal::SIGPROF,
        Signal::SIGIO,
        Signal::SIGPWR,
        Signal::SIGXFSZ,
    ];
    ignored.into_iter().for_each(|signal| agent.signal(signal));
    // The file has not changed, so only the signal reloads it.
    agent.signal(Signal::SIGHUP);
    agent.logged("reloading tokens and certificates");
    agent.logged("reloaded the token file");
    fs::write(&file, OTHER).unwrap();
    agent.signal(Signal::SIGHUP);
    eventually("the new token", || (count(&agent, "fedcba9876543210") == 200).then_some(()));
    assert_eq!(count(&agent, "0123456789abcdef"), 401);
}

#[test]
fn token_file_emptied_keeps_tokens_until_corrected() {
    let driver = Driver::new(ONE_GPU);
    let start = Start::on(&driver).file("tokens", TOKEN).argument("--token-file=tokens");
    let file = start.work().join("tokens");
    let agent = start.serve().ready();
    let noted = || {
        let snapshot = agent.request("/api/v1/snapshot", &[("Authorization", "0123456789abcdef")]);
        assert_eq!(snapshot.status, 200, "the token stays valid");
        snapshot.text().contains("the previous tokens stay valid")
    };
    for content in ["", " \n\t\n"] {
        fs::write(&file, content).unwrap();
        eventually("a note", || noted().then_some(()));
        agent.logged("since it is empty");
        fs::write(&file, TOKEN).unwrap();
        eventually("no note", || (!noted()).then_some(()));
    }
    // A FIFO in its place does not stop later reloads.
    fs::remove_file(&file).unwrap();
    mkfifo(&file, Mode::S_IRWXU).unwrap();
    eventually("a note", || noted().then_some(()));
    fs::remove_file(&file).unwrap();
    fs::write(&file, "# nobody\n").unwrap();
    eventually("all tokens to be revoked", || (count(&agent, "0123456789abcdef") == 401).then_some(()));
}

#[test]
fn special_files_are_refused_at_start() {
    for (option, parts) in [
        ("--token-file=fifo", ["token file fifo", "got a FIFO"]),
        ("--dcgm-counters=fifo", ["--dcgm-counters fifo", "got a FIFO"]),
        ("--token-file=/dev/zero", ["/dev/zero", "got a device"]),
        ("--token-file=.", ["token file .", "got a directory"]),
    ] {
        let start = Start::bare().argument(option);
        mkfifo(&start.work().join("fifo"), Mode::S_IRWXU).unwrap();
        let (status, _, error) = start.finish();
        assert_eq!(status.code(), Some(2), "{option}: {error}");
        for part in parts {
            assert!(error.contains(part), "{option}: {error:?} lacks {part:?}");
        }
    }
    let start = Start::bare();
    mkfifo(&start.work().join(".env"), Mode::S_IRWXU).unwrap();
    let (status, _, error) = start.finish();
    assert!(status.code() == Some(2) && error.contains(".env") && error.contains("got a FIFO"), "{error}");
}

#[test]
fn state_file_that_is_a_fifo_is_replaced() {
    let driver = Driver::new(ONE_GPU);
    let state = driver.folder().join("state");
    fs::create_dir(&state).unwrap();
    mkfifo(&state.join("history"), Mode::S_IRWXU).unwrap();
    let agent = Start::on(&driver).variable("STATE_DIRECTORY", state.to_str().unwrap()).serve().ready();
    agent.logged("got a FIFO");
    assert!(agent.stop().success());
    assert!(fs::metadata(state.join("history")).unwrap().is_file());
}

#[test]
fn too_few_descriptors_are_an_error_in_one_line() {
    let driver = Driver::new(ONE_GPU);
    let (status, _, error) = Start::on(&driver).through(&["sh", "-c", "ulimit -n 10; exec \"$@\"", "sh"]).finish();
    assert_eq!(status.code(), Some(1), "{error}");
    assert!(error.contains("file descriptors, got 10") && error.lines().count() == 1, "{error}");
}

#[test]
fn first_process_of_container_reaps_orphans() {
    let driver = Driver::absent();
    driver.play(ONE_GPU);
    // The helper's parent ends at once.
    driver.install_with(
        "int fork(void); int usleep(unsigned); void _exit(int);\n\
         __attribute__((constructor)) static void help(void) {\n\
         if (fork() == 0) { if (fork() == 0) usleep(300000); _exit(0); } }\n",
    );
    let start = Start::on(&driver).argument("--log=debug").through(&["unshare", "--pid", "--fork", "--kill-child"]);
    let agent = start.serve().ready();
    eventually("the orphan to be reaped", || agent.log().contains("reaped an orphan").then_some(()));
    assert_eq!(agent.get("/readyz").status, 200);
}
