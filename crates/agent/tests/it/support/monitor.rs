//! Monitoring systems as people run them: Prometheus and VictoriaMetrics, each on a port of its own, scraping agents, and
//! Alertmanager.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    Agent,
    agent::{free_port, nix_pid},
    clients::{client, repository},
    eventually, get, raw,
};

/// An agent to be scraped, and how.
pub(crate) struct Target<'a> {
    pub(crate) job: &'a str,
    pub(crate) agent: &'a Agent,
    /// Further lines of the job's configuration.
    pub(crate) options: &'a [&'a str],
}

impl<'a> Target<'a> {
    pub(crate) fn new(job: &'a str, agent: &'a Agent) -> Self {
        Self { job, agent, options: &[] }
    }

    pub(crate) fn with(self, options: &'a [&'a str]) -> Self {
        Self { options, ..self }
    }
}

/// A running Prometheus or VictoriaMetrics, which answer Prometheus's questions, or Alertmanager; killed when dropped.
pub(crate) struct Monitor {
    process: Child,
    address: SocketAddr,
    folder: TempDir,
    /// A program that belongs to it.
    helper: Option<Box<Self>>,
}

impl Monitor {
    /// Prometheus, which loads these rules.
    pub(crate) fn prometheus(targets: &[Target<'_>], rules: &[&Path]) -> Self {
        Self::prometheus_with(targets, rules, "")
    }

    /// Prometheus, which sends the alerts of these rules to an Alertmanager.
    pub(crate) fn alerting(targets: &[Target<'_>], rules: &[&Path], alertmanager: &Self) -> Self {
        let address = alertmanager.address;
        let alerting = format!("alerting:\n  alertmanagers:\n    - static_configs: [{{targets: ['{address}']}}]\n");
        Self::prometheus_with(targets, rules, &alerting)
    }

    fn prometheus_with(targets: &[Target<'_>], rules: &[&Path], alerting: &str) -> Self {
        let rules: String = rules.iter().map(|path| format!("  - {}\n", path.display())).collect();
        let rules = if rules.is_empty() { rules } else { format!("rule_files:\n{rules}") };
        let config = format!(
            "global:\n  scrape_interval: 200ms\n  scrape_timeout: 200ms\n  evaluation_interval: 200ms\n{alerting}{rules}{}",
            scrapes(targets)
        );
        Self::prometheus_at(&config).that_reaches(targets)
    }

    /// Prometheus, which finds its targets by this line of a job's configuration.
    pub(crate) fn discovering(line: &str) -> Self {
        let global = "global:\n  scrape_interval: 200ms\n  scrape_timeout: 200ms\n";
        Self::prometheus_at(&format!("{global}scrape_configs:\n  - job_name: hosts\n    {line}\n"))
    }

    fn prometheus_at(config: &str) -> Self {
        Self::start("prometheus", config, |command, folder, address| {
            command
                .arg(format!("--config.file={}", folder.join("config.yml").display()))
                .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
                .arg(format!("--web.listen-address={address}"))
                .arg("--log.level=warn");
        })
    }

    /// Alertmanager, alone.
    pub(crate) fn alertmanager(config: &str) -> Self {
        Self::start("prometheus-alertmanager", config, |command, folder, address| {
            command
                .arg(format!("--config.file={}", folder.join("config.yml").display()))
                .arg(format!("--storage.path={}", folder.join("data").display()))
                .arg(format!("--web.listen-address={address}"))
                .arg("--cluster.listen-address=")
                .arg("--log.level=warn");
            // See scripts/clients.
            let templates = repository("target/clients/prometheus-alertmanager/root/usr/share/prometheus/alertmanager");
            if templates.is_dir() {
                command.current_dir(templates);
            }
        })
    }

    /// VictoriaMetrics.
    pub(crate) fn victoria(targets: &[Target<'_>]) -> Self {
        let config = format!("global:\n  scrape_interval: 200ms\n{}", scrapes(targets));
        Self::start("victoria-metrics", &config, |command, folder, address| {
            command
                .arg(format!("-promscrape.config={}", folder.join("config.yml").display()))
                .arg(format!("-storageDataPath={}", folder.join("data").display()))
                .arg(format!("-httpListenAddr={address}"))
                // What was scraped can be asked for at once.
                .arg("-search.latencyOffset=0s")
                .arg("-search.disableCache")
                .arg("-loggerLevel=ERROR");
        })
        .that_reaches(targets)
    }

    /// The same with vmalert, which evaluates these rules.
    pub(crate) fn with_rules(mut self, rules: &Path) -> Self {
        let url = self.url();
        let vmalert = client("victoria-metrics").canonicalize().expect("the program").with_file_name("vmalert");
        let rules = Self::start_at(&vmalert, "", |command, _, address| {
            command
                .arg(format!("-rule={}", rules.display()))
                .arg(format!("-datasource.url={url}/?nocache=1"))
                .args(["remoteWrite.url", "remoteRead.url"].map(|name| format!("-{name}={url}")))
                .args(["-evaluationInterval=200ms", "-remoteWrite.flushInterval=100ms", "-loggerLevel=ERROR"])
                .arg(format!("-httpListenAddr={address}"));
        });
        self.helper = Some(Box::new(rules));
        self
    }

    /// URL of its API.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn start(program: &str, config: &str, arguments: impl FnOnce(&mut Command, &Path, SocketAddr)) -> Self {
        Self::start_at(&client(program), config, arguments)
    }

    fn start_at(program: &Path, config: &str, arguments: impl FnOnce(&mut Command, &Path, SocketAddr)) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        fs::write(folder.path().join("config.yml"), config).expect("the configuration is written");
        let address = ([127, 0, 0, 1], free_port()).into();
        let log = fs::File::create(folder.path().join("log")).expect("a log");
        let mut command = Command::new(program);
        let program = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        arguments(&mut command, folder.path(), address);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
        let mut monitor = Self { process, address, folder, helper: None };
        eventually("the monitoring system to listen", || {
            let ended = monitor.process.try_wait().expect("it is ours");
            assert!(ended.is_none(), "{program} has ended: {}", monitor.log());
            std::net::TcpStream::connect(address).ok()
        });
        eventually("the monitoring system to answer", || {
            let path = if program.starts_with("prometheus") { "/-/ready" } else { "/health" };
            (get(address, path).status == 200).then_some(())
        });
        monitor
    }

    /// Waits until every target was scraped.
    fn that_reaches(self, targets: &[Target<'_>]) -> Self {
        for target in targets {
            let up = format!("up{{job=\"{}\"}}", target.job);
            eventually(&up, || (self.values(&up) == [1.0]).then_some(()));
        }
        self
    }

    /// Answer under a path of its API.
    pub(crate) fn ask(&self, path: &str) -> Value {
        let response = get(self.address, path);
        let value = response.json();
        assert!(response.status == 200 && value["status"] == "success", "{path}: {value}");
        value["data"].clone()
    }

    /// Answer of Alertmanager under a path.
    pub(crate) fn get(&self, path: &str) -> Value {
        get(self.address, path).json()
    }

    /// Posts JSON to Alertmanager.
    pub(crate) fn post(&self, path: &str, body: &Value) {
        let (body, host) = (body.to_string(), self.address);
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let response = raw(host, (head + &body).as_bytes()).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(response.status, 200, "{path}: {}", response.text());
    }

    /// The series that an expression gives at this moment.
    pub(crate) fn query(&self, expression: &str) -> Vec<Value> {
        let data = self.ask(&format!("/api/v1/query?query={}", escaped(expression)));
        data["result"].as_array().unwrap_or_else(|| panic!("{expression}: {data}")).clone()
    }

    /// The same at another moment, in Unix milliseconds.
    pub(crate) fn query_at(&self, expression: &str, unix_ms: u64) -> Vec<Value> {
        let time = format!("{}.{:03}", unix_ms / 1000, unix_ms % 1000);
        let data = self.ask(&format!("/api/v1/query?query={}&time={time}&nocache=1", escaped(expression)));
        data["result"].as_array().unwrap_or_else(|| panic!("{expression}: {data}")).clone()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix_pid(self.process.id()), signal).expect("it is there");
    }

    /// The values of those series.
    pub(crate) fn values(&self, expression: &str) -> Vec<f64> {
        let value = |series: &Value| series["value"][1].as_str().and_then(|text| text.parse().ok());
        self.query(expression).iter().map(|series| value(series).expect("a number")).collect()
    }

    /// The one value of an expression, which is awaited.
    pub(crate) fn value(&self, expression: &str) -> f64 {
        eventually(expression, || match self.values(expression).as_slice() {
            [one] => Some(*one),
            _ => None,
        })
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            eprintln!("--- the monitoring system's log ---\n{}", self.log());
        }
    }
}

fn scrapes(targets: &[Target<'_>]) -> String {
    let mut text = String::from("scrape_configs:\n");
    for target in targets {
        text.push_str(&format!("  - job_name: '{}'\n", target.job));
        for option in target.options {
            text.push_str(&format!("    {option}\n"));
        }
        text.push_str(&format!("    static_configs:\n      - targets: ['{}']\n", target.agent.address()));
    }
    text
}

/// The text, percent-encoded.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}
