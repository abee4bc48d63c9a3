//! The agent, started as a user would start it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use tempfile::TempDir;

use crate::support::{Driver, Response, agent_program, eventually, get, request};

/// Start options of an agent.
pub(crate) struct Start {
    command: Command,
    work: TempDir,
}

/// A running agent; killed when dropped.
pub(crate) struct Agent {
    process: Child,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
    _work: TempDir,
}

impl Start {
    /// With nothing but its name: in an empty working directory and a nearly empty environment.
    pub(crate) fn bare() -> Self {
        let work = TempDir::new().expect("a temporary folder");
        let mut command = Command::new(agent_program());
        command.current_dir(work.path()).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        // Nor does it know of an agent that is installed where the tests run.
        command.env("NVSMI_SERVICE_FILE", "/nonexistent").env("NVSMI_SERVICE_FOLDER", "/nonexistent");
        Self { command, work }
    }

    /// On a host with this driver, reading ten times a second.
    pub(crate) fn on(driver: &Driver) -> Self {
        Self::seldom(driver).argument("--interval=100ms")
    }

    /// The same, reading once a second: for hosts with many GPUs.
    pub(crate) fn seldom(driver: &Driver) -> Self {
        Self::bare()
            .argument("--nvml-library")
            .argument(driver.library().to_str().expect("a path in UTF-8"))
            .argument("--resolve-pids")
            .variable("FAKE_NVML_SCENARIO", driver.scenario().to_str().expect("a path in UTF-8"))
            .variable("FAKE_NVML_CALLS", driver.counts().to_str().expect("a path in UTF-8"))
    }

    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Puts a file into its working directory.
    pub(crate) fn file(self, name: &str, content: &str) -> Self {
        fs::write(self.work.path().join(name), content).expect("the file is written");
        self
    }

    /// Starts it by another program, which gives way to it.
    pub(crate) fn through(mut self, program: &[&str]) -> Self {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).arg(self.command.get_program()).args(self.command.get_args());
        command.env_clear().envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(self.work.path()).stdin(Stdio::null());
        self.command = command;
        self
    }

    /// Takes a copy of the program, which another account may read.
    pub(crate) fn instead_of_the_agent(mut self, program: &Path) -> Self {
        let mut command = Command::new(program);
        command.args(self.command.get_args()).current_dir(self.work.path()).stdin(Stdio::null());
        command.env_clear().envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.command = command;
        self
    }

    /// Its working directory.
    pub(crate) fn work(&self) -> PathBuf {
        self.work.path().into()
    }

    /// Starts it on a free port of the loopback and waits until it listens.
    pub(crate) fn serve(self) -> Agent {
        self.serve_on(free_port())
    }

    /// Starts it on a port that is taken to be free.
    pub(crate) fn serve_on(mut self, port: u16) -> Agent {
        self.command.env("PORT", port.to_string()).env("NVSMI_BIND", "127.0.0.1");
        self.command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = self.command.spawn().expect("the agent starts");
        let log = follow(&mut process);
        let agent = Agent { process, address: ([127, 0, 0, 1], port).into(), log, _work: self.work };
        eventually("the agent to serve", || agent.log().contains("serving").then_some(()));
        agent
    }

    /// Starts it with a standard error that the test does not read, and waits until it answers.
    pub(crate) fn serve_unheard(mut self, error: impl Into<Stdio>) -> Agent {
        let port = free_port();
        self.command.env("PORT", port.to_string()).env("NVSMI_BIND", "127.0.0.1");
        self.command.stdout(Stdio::null()).stderr(error);
        let process = self.command.spawn().expect("the agent starts");
        let address = ([127, 0, 0, 1], port).into();
        let agent = Agent { process, address, log: Arc::default(), _work: self.work };
        eventually("the agent to answer", || TcpStream::connect(address).ok());
        agent
    }

    /// Runs it to its end: status, standard output, standard error.
    pub(crate) fn finish(mut self) -> (ExitStatus, String, String) {
        let output = self.command.output().expect("the agent runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (output.status, text(output.stdout), text(output.stderr))
    }
}

impl Agent {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        get(self.address, path)
    }

    pub(crate) fn request(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        request(self.address, path, headers)
    }

    /// Log so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("the log is whole").clone()
    }

    /// Waits for a line with this text in the log, which a thread of the agent writes.
    pub(crate) fn logged(&self, text: &str) {
        eventually(text, || self.log().contains(text).then_some(()));
    }

    /// The PIDs of its collectors that live, zombies apart.
    pub(crate) fn collectors(&self) -> Vec<u32> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.pid())).expect("the agent's threads").flatten();
        let children = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
        let pids: Vec<u32> = children
            .flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .flat_map(|pid| pid.parse())
            .collect();
        let lives =
            |pid: &u32| fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        pids.into_iter().filter(lives).collect()
    }

    /// Waits until GPUs are served.
    pub(crate) fn ready(self) -> Self {
        eventually("the agent to be ready", || (self.get("/readyz").status == 200).then_some(()));
        self
    }

    /// The `data` of `/status`, which must be there.
    pub(crate) fn status(&self) -> serde_json::Value {
        let response = self.get("/status");
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()["data"].clone()
    }

    /// Asks `/status` until its data is as wished.
    pub(crate) fn until(&self, what: &str, wish: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        eventually(what, || Some(self.status()).filter(|data| wish(data)))
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix_pid(self.pid()), signal).expect("the agent is there");
    }

    /// Stops it in order, and waits for its end.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        self.ended()
    }

    /// Waits until its first GPU is read again.
    pub(crate) fn reads_again(&self) {
        let ts = |data: &serde_json::Value| data["devices"][0]["ts"].clone();
        let before = ts(&self.status());
        self.until("new readings", |data| ts(data) != before);
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        eventually("the agent to end", || self.process.try_wait().expect("the agent is ours"))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            eprintln!("--- the agent's log ---\n{}", self.log());
        }
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port()
}

/// A PID as nix has it.
pub(crate) fn nix_pid(pid: u32) -> nix::unistd::Pid {
    nix::unistd::Pid::from_raw(pid.try_into().expect("a PID that fits"))
}

/// Reads standard error as it comes.
fn follow(process: &mut Child) -> Arc<Mutex<String>> {
    let log: Arc<Mutex<String>> = Arc::default();
    let errors = process.stderr.take().expect("standard error is piped");
    let shared = Arc::clone(&log);
    thread::spawn(move || {
        let mut reader = BufReader::new(errors);
        let mut line = Vec::new();
        while reader.by_ref().take(1 << 20).read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            shared.lock().expect("the log is whole").push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    });
    log
}
