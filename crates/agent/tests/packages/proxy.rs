//! Many hosts behind one proxy, as the files in `deploy/` have it, and the original's dashboard as a client of it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    contract::{DEVICE, PROCESS},
    kit::{both, free_port, repository, said, shell},
    support::{Agent, Driver, PATIENCE, Response, StandIn, Start, eventually, request},
};

/// Delay of a wrong token once its address has used up its burst.
const WAIT: Duration = Duration::from_secs(1);

/// Two agents with names, prefixes and tokens of their own.
struct Hosts {
    drivers: [Driver; 2],
    agents: [Agent; 2],
    _train: StandIn,
}

impl Hosts {
    fn start(interval: &str) -> Self {
        let train = StandIn::start(&["python", "train.py"]);
        let of = |name: &str| {
            format!(
                "[[gpu]]\nname = '{name}'\n[[gpu]]\nname = '{name}'\n[[gpu.process]]\npid = {}\ntype = 'C'\n",
                train.pid()
            )
        };
        let drivers = [Driver::new(&of("NVIDIA H200")), Driver::new(&of("NVIDIA L4"))];
        let agent = |number: usize| {
            let driver = &drivers[number];
            let start = Start::bare().argument("--nvml-library").argument(driver.library().to_str().unwrap());
            let start = start.variable("FAKE_NVML_SCENARIO", driver.scenario().to_str().unwrap());
            let start = start.argument("--resolve-pids").argument("--interval").argument(interval);
            let start = start.variable("URL_PREFIX", &format!("/server{}", number + 1));
            let agent = start.variable("TOKEN", &format!("token{}", number + 1)).serve();
            let ready = format!("/server{}/readyz", number + 1);
            eventually("an agent", || (agent.get(&ready).status == 200).then_some(()));
            agent
        };
        let agents = [agent(0), agent(1)];
        Self { drivers, agents, _train: train }
    }

    /// Puts these hosts where a configuration names others.
    fn named_in(&self, configuration: &str) -> String {
        let [first, second] = self.agents.each_ref().map(Agent::address);
        let text = configuration.replace("gpu01:8000", &first.to_string());
        let text = text.replace("gpu02:8000", &second.to_string());
        assert!(text.contains(&first.to_string()) && text.contains(&second.to_string()));
        text
    }
}

/// A proxy with a file of `deploy/`; it ends when dropped.
struct Proxy {
    process: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Proxy {
    fn nginx(hosts: &Hosts) -> Self {
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let file = fs::read_to_string(repository().join("deploy/nginx/nginx.conf")).unwrap();
        let listen = format!("listen 127.0.0.1:{port};");
        let file = hosts.named_in(&file.replacen("listen 80;", &listen, 1));
        assert!(file.contains(&listen));
        let work = folder.path().display();
        let whole = format!(
            "daemon off; pid {work}/pid; error_log {work}/error.log; user root;\nevents {{}}\nhttp {{ access_log off;
            client_body_temp_path {work}/1; proxy_temp_path {work}/2; fastcgi_temp_path {work}/3; uwsgi_temp_path {work}/4;
            scgi_temp_path {work}/5;\n{file}\n}}\n"
        );
        fs::write(folder.path().join("nginx.conf"), whole).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-e").arg(folder.path().join("error.log")).arg("-c").arg(folder.path().join("nginx.conf"));
        Self::start(command, folder, port)
    }

    fn caddy(hosts: &Hosts) -> Self {
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let file = fs::read_to_string(repository().join("deploy/caddy/Caddyfile")).unwrap();
        // No authority gives out certificates here, and this host has not that name.
        let site = file.replace("gpus.example.org {", &format!("http://:{port} {{\n\tbind 127.0.0.1"));
        assert_ne!(site, file);
        let whole = format!("{{\n\tadmin off\n}}\n{}", hosts.named_in(&site));
        fs::write(folder.path().join("Caddyfile"), whole).unwrap();
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(folder.path().join("Caddyfile"));
        command.env("HOME", folder.path());
        Self::start(command, folder, port)
    }

    fn start(mut command: Command, folder: TempDir, port: u16) -> Self {
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = process.unwrap_or_else(|error| panic!("{command:?}: {error}: run `make test-packages`"));
        let proxy = Self { process, address: ([127, 0, 0, 1], port).into(), _folder: folder };
        eventually("the proxy", || TcpStream::connect(proxy.address).ok());
        proxy
    }

    /// With the name that the proxy goes by, or the address.
    fn get(&self, path: &str, token: &str) -> Response {
        request(self.address, path, &[("Authorization", token)])
    }

    /// The first snapshot of a stream.
    fn streamed(&self, path: &str, token: &str) -> Value {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("GET {path} HTTP/1.0\r\nHost: {}\r\nAuthorization: {token}\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).unwrap();
        let mut lines = BufReader::new(stream).lines().map(|line| line.expect("the proxy passes it on at once"));
        let snapshot = lines.find_map(|line| {
            let said: Value = serde_json::from_str(line.strip_prefix("data: ")?).unwrap();
            said["gpus"].is_array().then_some(said)
        });
        snapshot.expect("a stream does not end")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx's first process ends the others when it is asked to, and only then.
        let pid = crate::support::nix_pid(self.process.id());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.process.wait();
    }
}

fn each_host_is_found_below_its_path(proxy: &Proxy) {
    for (path, token, name) in [("/server1", "token1", "NVIDIA H200"), ("/server2", "Bearer token2", "NVIDIA L4")] {
        let status = proxy.get(&format!("{path}/status"), token).json();
        assert_eq!(status["data"]["devices"][1]["name"], name);
        assert_eq!(proxy.get(&format!("{path}/api/v1/gpus"), token).json()[0]["name"], name);
        let page = proxy.get(&format!("{path}/"), "");
        assert!(page.status == 200 && page.header("content-type").unwrap().starts_with("text/html"), "{path}");
        assert_eq!(proxy.get(&format!("{path}/healthz"), "").status, 200);
        // Without its slash it leads to the page.
        let moved = proxy.get(path, "");
        assert!(matches!(moved.status, 301 | 307), "{path}: {}", moved.status);
        assert!(moved.header("location").unwrap().ends_with(&format!("{path}/")), "{moved:?}");
        // Nothing more comes for a minute, so that it must be passed on as it is made, and not when a buffer is full.
        let snapshot = proxy.streamed(&format!("{path}/api/v1/stream"), token);
        assert_eq!(snapshot["gpus"][0]["name"], name);
    }
    // The host's name alone leads to the first of them.
    let root = proxy.get("/", "");
    assert!(root.status == 302 && root.header("location").unwrap().ends_with("/server1/"), "{root:?}");
    for (path, token) in [("/server1", "token2"), ("/server2", "token1"), ("/server1", "")] {
        let refused = proxy.get(&format!("{path}/count"), token);
        assert_eq!((refused.status, &refused.json()["code"]), (401, &json!(401)), "{path} {token:?}");
    }
}

#[test]
fn nginx_proxies_each_host_and_streams() {
    let hosts = Hosts::start("60s");
    let proxy = Proxy::nginx(&hosts);
    each_host_is_found_below_its_path(&proxy);
    assert_eq!(proxy.get("/server3/count", "token1").status, 404);
}

#[test]
fn nginx_passes_valid_token_while_invalid_ones_wait() {
    let hosts = Hosts::start("60s");
    let proxy = Proxy::nginx(&hosts);
    // More than one address has to spare; nginx's is that of all.
    let guesses: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut guess = TcpStream::connect(proxy.address).unwrap();
            guess.write_all(b"GET /server1/count HTTP/1.0\r\nHost: localhost\r\nAuthorization: wrong\r\n\r\n").unwrap();
            guess
        })
        .collect();
    let took = |token: &str| {
        let begun = Instant::now();
        let status = proxy.get("/server1/count", token).status;
        (status, begun.elapsed())
    };
    let right: Vec<_> = (0..20).map(|_| took("token1")).collect();
    assert!(right.iter().all(|(status, _)| *status == 200), "{right:?}");
    assert!(right.iter().any(|(_, time)| *time < WAIT), "{right:?}");
    assert_eq!(proxy.get("/server2/count", "token2").status, 200, "the other agent knows nothing of it");
    for guess in guesses {
        guess.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut line = String::new();
        BufReader::new(guess).read_line(&mut line).unwrap();
        assert!(line.contains(" 401 "), "{line:?}");
    }
    // While places to wait were taken, some were refused at once.
    assert!((0..100).any(|_| took("wrong").1 >= WAIT), "no wrong token waited");
}

#[test]
fn caddy_proxies_each_host_and_streams() {
    let hosts = Hosts::start("60s");
    let proxy = Proxy::caddy(&hosts);
    each_host_is_found_below_its_path(&proxy);
    assert_eq!(proxy.get("/server3/count", "token1").status, 404);
    let file = "deploy/caddy/Caddyfile";
    said(Command::new("caddy").args(["fmt", "--diff", file]).current_dir(repository()));
}

/// The request of the dashboard's server with its configured address and token, by its own `fetch`: no other header, no
/// check of the status, and an answer that must be JSON.
const DASHBOARD: &str = "const [url, token] = process.argv.slice(1);
fetch(url, { headers: token ? { Authorization: token } : {} })
  .then((response) => response.json())
  .then((data) => console.log(JSON.stringify(data)));";

fn dashboard(url: &str, token: &str) -> Value {
    let mut node = Command::new("node");
    let text = said(node.args(["-e", DASHBOARD, "--", url, token]));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}"))
}

#[test]
fn original_dashboard_works() {
    let mut hosts = Hosts::start("100ms");
    let proxy = Proxy::nginx(&hosts);
    let url = format!("http://{}/server1/status?process=C", proxy.address);
    let whole = |answer: &Value| {
        assert_eq!(answer["code"], 0, "{answer}");
        for (rows, keys) in [("devices", &DEVICE[..]), ("processes", &PROCESS)] {
            for row in answer["data"][rows].as_array().unwrap() {
                assert!(keys.iter().all(|key| !row[key].is_null()), "each row has every key: {row}");
            }
        }
        let devices = answer["data"]["devices"].as_array().unwrap();
        let mut numbers: Vec<i64> = devices.iter().map(|device| device["idx"].as_i64().unwrap()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), devices.len(), "a number is a GPU's own");
    };
    let answer = dashboard(&url, "token1");
    whole(&answer);
    assert_eq!(answer["data"]["devices"].as_array().unwrap().len(), 2);
    assert_eq!(answer["data"]["processes"][0]["command"], "python train.py");
    // It goes by `code`, and what it cannot show must be JSON as well.
    assert_eq!(dashboard(&url, "wrong"), json!({ "code": 401, "data": null, "error": "Unauthorized" }));
    // A GPU that is lost and processes that have ended keep their rows whole.
    hosts.drivers[0].play("[[gpu]]\nname = 'NVIDIA H200'\n[[gpu]]\nname = 'NVIDIA H200'\n[[gpu.process]]\npid = 4000000\ntype = 'C'\n[[fault]]\nfunction = '*'\ngpu = 0\ncode = 15\n");
    // Each GPU is read by itself, so that one's news may come before the other's.
    eventually("a lost GPU, and a process that has ended on the other", || {
        let answer = dashboard(&url, "token1");
        whole(&answer);
        let data = &answer["data"];
        let is_lost = data["devices"][0]["memory_utilization"] == "N/A";
        (is_lost && data["processes"][0]["command"] == "N/A").then_some(())
    });
    hosts.drivers[0].play("init = 9");
    let collector = crate::support::nix_pid(hosts.agents[0].collectors()[0]);
    nix::sys::signal::kill(collector, nix::sys::signal::Signal::SIGKILL).unwrap();
    eventually("no driver", || {
        let answer = dashboard(&url, "token1");
        (answer == json!({ "code": 2, "data": null, "error": "Driver Not Loaded" })).then_some(())
    });
    hosts.agents[0].signal(nix::sys::signal::Signal::SIGTERM);
    hosts.agents[0].ended();
    // The proxy answers for a host that is down; its neighbour does not notice.
    assert_eq!(proxy.get("/server1/count", "token1").status, 502);
    assert_eq!(dashboard(&url.replace("server1", "server2"), "token2")["code"], 0);
    let version = both(&shell("node --version").output().unwrap());
    assert!(version.starts_with('v'), "{version}");
}
