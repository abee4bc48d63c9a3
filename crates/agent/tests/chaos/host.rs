//! The host under test: a driver, the processes on its GPUs, and the agent.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Uid, User},
};
use serde_json::Value;

use crate::{
    contract::{self, Answer},
    effect::{Effect, GPUS, Gpus},
    ledger::unix_ms,
    rows::{self, Moment, Resident},
    scenario::Scenario,
    support::{Agent, Driver, StandIn, Start, nix_pid},
};

/// Polling interval for changes that have no event to wait for, such as another process's state.
const LOOK: Duration = Duration::from_millis(10);
/// GPU, process and type of each row.
const WHERE: [(usize, usize, &str); 5] = [(0, 0, "C"), (1, 0, "C"), (1, 1, "G"), (2, 2, "C+G"), (2, 3, "C")];

/// The host. The agent is the first to go.
pub(crate) struct Host {
    pub(crate) agent: Agent,
    pub(crate) driver: Driver,
    pub(crate) residents: Vec<Resident>,
    _stand_ins: Vec<StandIn>,
}

impl Host {
    /// Starts one, and waits until it is healthy.
    pub(crate) fn start() -> Result<Self, String> {
        let stand_ins: Vec<StandIn> =
            (0..4).map(|number| StandIn::start(&["python", "train.py", &format!("--rank={number}")])).collect();
        let user = User::from_uid(Uid::current()).ok().flatten().map(|user| user.name);
        let user = user.unwrap_or_else(|| Uid::current().to_string());
        let resident = |(gpu, number, kind): (usize, usize, &'static str)| Resident {
            gpu,
            pid: stand_ins[number].pid(),
            kind,
            mebibytes: 100 + gpu as u64,
            command: format!("python train.py --rank={number}"),
            user: user.clone(),
        };
        let residents: Vec<Resident> = WHERE.into_iter().map(resident).collect();
        let driver = Driver::new(&scenario(&residents).text());
        let agent = Start::on(&driver).serve();
        let host = Self { agent, driver, residents, _stand_ins: stand_ins };
        host.healed(0, Duration::from_secs(20), Gpus::default())
            .map_err(|what| format!("{what}\n{}", host.agent.log()))?;
        Ok(host)
    }

    /// The scenario of the healthy host.
    pub(crate) fn scenario(&self) -> Scenario {
        scenario(&self.residents)
    }

    /// Takes away whatever was wrong.
    pub(crate) fn heal(&self) {
        if !self.driver.library().exists() {
            self.driver.install(&[]);
        }
        self.driver.play(&self.scenario().text());
    }

    /// Waits until all is as it was, by readings from after that moment (Unix milliseconds), but for the GPUs that are
    /// left out.
    pub(crate) fn healed(&self, since: u64, within: Duration, left_out: Gpus) -> Result<(), String> {
        wait(within, "a healthy host", || self.is_healthy(since, left_out))
    }

    fn is_healthy(&self, since: u64, left_out: Gpus) -> Result<(), String> {
        let collectors = self.agent.collectors();
        if collectors.len() != 1 {
            return Err(format!("collectors {collectors:?}"));
        }
        if !contract::readyz(&self.agent.get("/readyz"))? {
            return Err("not ready".into());
        }
        let data = match contract::envelope(&self.agent.get("/status"))? {
            Answer::Data(data) => data,
            Answer::Failure(.., text) => return Err(text),
        };
        let (devices, processes) = (&data["devices"], &data["processes"]);
        let moment = Moment { asked: unix_ms(), answered: unix_ms(), effect: &Effect::default() };
        for gpu in (0..GPUS).filter(|gpu| !left_out.has(*gpu)) {
            let own: Vec<&Value> = processes.as_array().into_iter().flatten().filter(|row| row["idx"] == gpu).collect();
            rows::device(&devices[gpu], &moment)?;
            rows::processes(gpu, &own, &self.residents, |_| true, false, moment.effect)?;
            if devices[gpu]["ts"].as_u64().is_none_or(|ts| ts <= since) {
                return Err(format!("GPU {gpu} was not read since {since}: {}", devices[gpu]));
            }
        }
        let rest = devices.as_array().into_iter().flatten().skip(GPUS);
        let mut shown = rest.filter(|row| row["temperature"] != "N/A");
        shown.next().map_or(Ok(()), |row| Err(format!("not counted any more, and shown: {row}")))
    }

    /// The collector that lives; none between two.
    pub(crate) fn collector(&self) -> Option<u32> {
        self.agent.collectors().first().copied()
    }

    /// Sends the collector a signal, as soon as there is one.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), String> {
        wait(Duration::from_secs(45), "a collector to send a signal to", || {
            let pid = self.collector().ok_or("there is none")?;
            kill(nix_pid(pid), signal).map_err(|error| format!("{pid}: {error}"))
        })
    }

    /// Number of collectors that have ended, from the agent's log.
    pub(crate) fn ended(&self) -> usize {
        self.agent.log().matches("the collector ended").count()
    }

    /// The GPUs that the agent has said it leaves out, one word for each time.
    pub(crate) fn left_out(&self) -> Vec<usize> {
        let log = self.agent.log();
        let lines = log.lines().filter(|line| line.contains("it is left out for ten minutes"));
        lines.filter_map(|line| line.split_once("gpu=")?.1.split(' ').next()?.parse().ok()).collect()
    }

    pub(crate) fn remove_library(&self) -> Result<(), String> {
        fs::remove_file(self.driver.library()).map_err(|error| error.to_string())
    }
}

fn scenario(residents: &[Resident]) -> Scenario {
    let mut scenario = Scenario::healthy(Default::default());
    for Resident { gpu, pid, kind, mebibytes, .. } in residents {
        scenario.process(*gpu, &format!("pid = {pid}\ntype = '{kind}'\nmemory_bytes = {}", mebibytes << 20));
    }
    scenario
}

/// Asks until there is no objection; the last one is the error.
pub(crate) fn wait(within: Duration, what: &str, mut ask: impl FnMut() -> Result<(), String>) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        match ask() {
            Ok(()) => return Ok(()),
            Err(objection) if begun.elapsed() > within => {
                return Err(format!("waited {within:?} in vain for {what}: {objection}"));
            }
            Err(_) => thread::sleep(LOOK),
        }
    }
}
