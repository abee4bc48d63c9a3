//! Everything that runs: the simulator, agents, lists, a name server, an engine, and three hubs.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    super::{programs::Agents, serve::now_ms},
    dns::{self, NameServer},
    faults::{Fault, Faults},
    judge::Judge,
    lists::{FileFault, Lists, ServerFault},
    plan::{Group, HOSTS, Plan},
    programs::{Program, RealAgent, hub},
};
use crate::{
    Outcome, get,
    places::{free_port, repository},
};

/// Time after its start from which on a hub is judged, after it was stopped, and that of one that reads an engine.
const SETTLE: Duration = Duration::from_secs(20);
const SETTLE_ENGINE: Duration = Duration::from_secs(75);
const DNS_NAME: &str = "agents.chaos.test";
pub(super) const NODE_NAME: &str = "node.chaos.test";
/// Addresses of the real agents.
const BY_DNS: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 9, 0, 1), Ipv4Addr::new(127, 9, 0, 2)];
const BY_NAME: Ipv4Addr = Ipv4Addr::new(127, 9, 0, 11);
const PORT: u16 = 8000;

/// A hub, and since when it is judged.
pub(super) struct Hub {
    pub(super) name: &'static str,
    pub(super) is_engine: bool,
    pub(super) program: Program,
    pub(super) judged_from: Instant,
}

/// The run's programs.
pub(super) struct Room {
    folder: TempDir,
    simulator: Agents,
    pub(super) agents: Vec<RealAgent>,
    lists: Lists,
    names: Option<NameServer>,
    engine: Option<Program>,
    /// One that is never disturbed, one that is killed, and one that reads the engine.
    pub(super) hubs: Vec<Hub>,
}

impl Room {
    pub(super) fn start(plan: &Plan, has_names: bool) -> Outcome<Self> {
        let folder = TempDir::new()?;
        let simulator = Agents::start(HOSTS, &plan.arguments)?;
        let known = vec![(DNS_NAME, BY_DNS.to_vec()), (NODE_NAME, vec![BY_NAME])];
        let names = if has_names { Some(NameServer::start(known)?) } else { None };
        let (agents, others) = real_agents(&folder, has_names)?;
        let lists = Lists::start(folder.path(), plan, &simulator.list(), &others)?;
        let mut room = Self { folder, simulator, agents, lists, names, engine: None, hubs: Vec::new() };
        room.start_engine(plan)?;
        room.start_hubs()?;
        Ok(room)
    }

    pub(super) const fn has_names(&self) -> bool {
        self.names.is_some()
    }

    pub(super) const fn has_engine(&self) -> bool {
        self.engine.is_some()
    }

    pub(super) const fn simulator(&self) -> SocketAddr {
        self.simulator.program.address
    }

    /// Keeps the logs of the programs, and returns their folder.
    pub(super) fn keep_logs(&self) -> Outcome<PathBuf> {
        let to = repository("target/chaos-logs");
        fs::create_dir_all(&to)?;
        for file in fs::read_dir(self.folder.path())?.flatten() {
            if file.path().extension().is_some_and(|extension| extension == "log") {
                fs::copy(file.path(), to.join(file.file_name()))?;
            }
        }
        Ok(to)
    }

    /// Prometheus, which scrapes the simulated hosts, with the rules for a hub.
    fn start_engine(&mut self, plan: &Plan) -> Outcome {
        let path = repository("target/clients/bin/prometheus");
        if !path.exists() {
            return Ok(());
        }
        let targets = self.folder.path().join("engine.json");
        let odd: Vec<String> =
            [plan.names(&[Group::Hostile]), self.agents.iter().map(|a| a.name.clone()).collect()].concat();
        fs::write(&targets, self.lists.without(&odd))?;
        let rules = self.folder.path().join("rules.yml");
        fs::copy(repository("deploy/prometheus/fleet.yml"), &rules)?;
        let config = format!(
            "global:\n  scrape_interval: 5s\n  evaluation_interval: 5s\nrule_files: [{}]\nscrape_configs:\n  \
             - job_name: nvidia-smi-web-agent\n    params: {{set: [fleet]}}\n    file_sd_configs:\n      - files: [{}]\n",
            rules.display(),
            targets.display()
        );
        let file = self.folder.path().join("prometheus.yml");
        fs::write(&file, config)?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let arguments = vec![
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", self.folder.path().join("data").display()),
            format!("--web.listen-address={address}"),
            "--log.level=warn".into(),
        ];
        let mut engine = Program::new(path, self.folder.path().join("prometheus.log"), address, arguments);
        engine.start(|_| {})?;
        get::until(address, "/-/ready", |answer| answer.status == 200)?;
        self.engine = Some(engine);
        Ok(())
    }

    fn start_hubs(&mut self) -> Outcome {
        let mut sources = format!("{} http://{}/list", self.lists.file.display(), self.lists.server);
        if self.has_names() {
            sources += &format!(" dns+a://{DNS_NAME}:{PORT}");
        }
        let by_agents = vec![format!("--hosts={sources}")];
        let mut wanted = vec![("hub", by_agents.clone()), ("hub-restarted", by_agents)];
        if let Some(engine) = &self.engine {
            let targets = self.folder.path().join("engine.json").display().to_string();
            let url = format!("--prometheus=http://{}", engine.address);
            wanted.push(("hub-engine", vec![format!("--hosts={targets}"), url, "--live-from=prometheus".into()]));
        }
        for (name, arguments) in wanted {
            let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
            let mut program = hub(self.folder.path(), name, address, &arguments)?;
            program.start(|_| {})?;
            let is_engine = name == "hub-engine";
            let settle = if is_engine { SETTLE_ENGINE } else { SETTLE };
            self.hubs.push(Hub { name, is_engine, program, judged_from: Instant::now() + settle });
        }
        Ok(())
    }

    fn control(&self, name: &str, fault: &str) -> Outcome {
        get::get(self.simulator(), &format!("/control/{name}/{fault}"), "identity").map(drop)
    }

    /// Begins a fault that ends then.
    pub(super) fn begin(&mut self, fault: &Fault, ends: Instant, judge: &mut Judge<'_>) -> Outcome {
        let now = Instant::now();
        match fault {
            Fault::Agent(name, word) => {
                judge.excuse(name, ends);
                self.control(name, word)?;
            }
            Fault::Flapping(name) => judge.excuse(name, ends),
            Fault::Killed(number) | Fault::Stopped(number) => {
                let Some(agent) = self.agents.get_mut(*number) else { return Ok(()) };
                judge.excuse(&agent.name, ends);
                match fault {
                    Fault::Killed(_) => agent.program.kill(),
                    _ => agent.program.stop(true)?,
                }
            }
            Fault::File(fault) => self.lists.set_file(*fault)?,
            Fault::Dropped(name) => {
                self.lists.drop_host(name, true)?;
                judge.dropped(name, true, now);
            }
            Fault::Server(fault) => {
                self.lists.set_server(*fault);
                self.serve_none(*fault == ServerFault::EmptyList, judge);
            }
            Fault::Dns(fault) => {
                if let Some(names) = &self.names {
                    names.set(*fault);
                }
            }
            Fault::HubKilled => self.of_restarted(Program::kill),
            Fault::HubStopped => self.stop_hub(true)?,
            Fault::EngineKilled => self.of_engine(Program::kill),
            Fault::EngineStopped => self.stop_engine(true)?,
        }
        Ok(())
    }

    /// Ends a fault.
    pub(super) fn end(&mut self, fault: &Fault, judge: &mut Judge<'_>) -> Outcome {
        match fault {
            Fault::Agent(name, _) | Fault::Flapping(name) => self.control(name, "none")?,
            Fault::Killed(number) => {
                if let Some(agent) = self.agents.get_mut(*number) {
                    agent.start()?;
                }
            }
            Fault::Stopped(number) => {
                if let Some(agent) = self.agents.get_mut(*number) {
                    agent.program.stop(false)?;
                }
            }
            Fault::File(_) => self.lists.set_file(FileFault::None)?,
            Fault::Dropped(name) => {
                self.lists.drop_host(name, false)?;
                judge.dropped(name, false, Instant::now());
            }
            Fault::Server(fault) => {
                self.lists.set_server(ServerFault::None);
                if *fault == ServerFault::EmptyList {
                    self.serve_none(false, judge);
                }
            }
            Fault::Dns(_) => {
                if let Some(names) = &self.names {
                    names.set(dns::DnsFault::None);
                }
            }
            Fault::HubKilled => {
                if let Some(hub) = self.hubs.get_mut(1) {
                    hub.program.start(|_| {})?;
                }
            }
            Fault::HubStopped => self.stop_hub(false)?,
            Fault::EngineKilled => {
                if let Some(engine) = &mut self.engine {
                    engine.start(|_| {})?;
                }
            }
            Fault::EngineStopped => self.stop_engine(false)?,
        }
        Ok(())
    }

    fn serve_none(&self, is_empty: bool, judge: &mut Judge<'_>) {
        for name in judge.plan.names(&[Group::Served]) {
            judge.dropped(&name, is_empty, Instant::now());
        }
    }

    fn of_restarted(&mut self, act: fn(&mut Program)) {
        if let Some(hub) = self.hubs.get_mut(1) {
            act(&mut hub.program);
        }
    }

    fn stop_hub(&mut self, is_stopped: bool) -> Outcome {
        self.hubs.get_mut(1).map_or(Ok(()), |hub| hub.program.stop(is_stopped))
    }

    fn of_engine(&mut self, act: fn(&mut Program)) {
        if let Some(engine) = &mut self.engine {
            act(engine);
        }
    }

    fn stop_engine(&mut self, is_stopped: bool) -> Outcome {
        self.engine.as_mut().map_or(Ok(()), |engine| engine.stop(is_stopped))
    }

    /// Changes hosts that come and go, uses of real agents, and which hubs are judged, each second.
    pub(super) fn tick(&mut self, second: u64, faults: &Faults, judge: &mut Judge<'_>) -> Outcome {
        for name in faults.flapping() {
            let word = if judge.plan.drawn(10, second).is_multiple_of(2) { "dead" } else { "none" };
            self.control(&name, word)?;
        }
        for (number, agent) in self.agents.iter_mut().enumerate() {
            let draw = judge.plan.drawn(11 + number as u64, second);
            if draw.is_multiple_of(9) {
                agent.play(number, [draw & 16 > 0, draw & 32 > 0], now_ms())?;
            }
        }
        let now = Instant::now();
        let is_engine_faulty = faults.is_running(|fault| matches!(fault, Fault::EngineKilled | Fault::EngineStopped));
        let is_dns_faulty = faults.is_running(|fault| matches!(fault, Fault::Dns(_)));
        for hub in &mut self.hubs {
            let is_new = hub.program.started.elapsed() < SETTLE;
            if hub.is_engine && is_engine_faulty {
                hub.judged_from = now + SETTLE_ENGINE;
            }
            // A hub whose list never was whole does not know its hosts.
            if !hub.program.is_running() || is_new && !is_ready(hub.program.address) {
                hub.judged_from = hub.judged_from.max(now + SETTLE);
            }
            // It has no address of before.
            if is_new && is_dns_faulty {
                judge.excuse(REAL_BY_NAME, now);
            }
            if hub.program.has_ended() {
                let log = fs::read_to_string(self.folder.path().join(format!("{}.log", hub.name))).unwrap_or_default();
                return Err(format!("{} has ended by itself; its log:\n{log}", hub.name).into());
            }
        }
        Ok(())
    }
}

fn is_ready(hub: SocketAddr) -> bool {
    get::within(hub, "/readyz", Duration::from_secs(1)).is_ok_and(|answer| answer.status == 200)
}

const REAL_BY_NAME: &str = "real-by-name";

/// Name and entry in the file of an agent.
type Entry = (String, Value);

/// Agents of this build, with their entries in the file. Two are found by DNS, and one has a name for an address.
fn real_agents(folder: &TempDir, has_names: bool) -> Outcome<(Vec<RealAgent>, Vec<Entry>)> {
    let mut agents = Vec::new();
    let mut add = |name: &str, address: SocketAddr| {
        let number = agents.len();
        agents.push(RealAgent::new(folder.path(), name, address, number, now_ms())?);
        Outcome::Ok(())
    };
    let entry = |name: &str, target: String| (name.to_owned(), json!({"targets": [target], "labels": {"name": name}}));
    let mut entries = Vec::new();
    if has_names {
        for address in BY_DNS {
            add(&format!("{address}:{PORT}"), (address, PORT).into())?;
        }
        add(REAL_BY_NAME, (BY_NAME, PORT).into())?;
        entries.push(entry(REAL_BY_NAME, format!("{NODE_NAME}:{PORT}")));
    }
    for name in ["real-1", "real-2"] {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        add(name, address)?;
        entries.push(entry(name, address.to_string()));
    }
    Ok((agents, entries))
}
