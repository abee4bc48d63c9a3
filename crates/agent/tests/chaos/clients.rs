//! The clients: each asks over and over and judges every answer.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use fastrand::Rng;
use serde_json::Value;

use crate::{
    contract::{self, Answer},
    effect::{Effect, GPUS},
    ledger::{Ledger, unix_ms},
    rows::{self, Moment, Resident},
    support::{Response, raw},
};

/// Pause of a client between two requests: a dashboard's tab sends one per second, so a client is forty of them.
const PACE: Duration = Duration::from_millis(25);
/// No answer may take longer. The median is below a millisecond; two cores that build and test besides can keep any
/// thread waiting.
const PATIENT: Duration = Duration::from_secs(1);
/// An answer of more bytes than this has a figure of its own.
const LARGE: usize = 100_000;

/// Clients and their paths.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Client {
    /// `/status`
    Whole,
    /// `/status?idx=…&process=…`
    Part,
    /// `/count`
    Count,
    /// `/healthz` and `/readyz`
    Probe,
}

pub(crate) const CLIENTS: [Client; 4] = [Client::Whole, Client::Part, Client::Count, Client::Probe];

/// Asks until the run is over.
pub(crate) fn ask(client: Client, address: SocketAddr, residents: &[Resident], seed: u64, ledger: &Ledger) {
    let mut asker = Asker { address, residents, ledger, random: Rng::with_seed(seed), last: [0; GPUS] };
    while !ledger.is_over() {
        let result = match client {
            Client::Whole => asker.whole(),
            Client::Part => asker.part(),
            Client::Count => asker.count(),
            Client::Probe => asker.probe(),
        };
        if let Err(what) = result {
            return ledger.accuse(format!("{client:?}: {what}"));
        }
        thread::sleep(PACE);
    }
}

struct Asker<'a> {
    address: SocketAddr,
    residents: &'a [Resident],
    ledger: &'a Ledger,
    random: Rng,
    /// The newest `ts` seen of each GPU.
    last: [u64; GPUS],
}

impl Asker<'_> {
    fn get(&self, kind: &'static str, path: &str) -> Result<Response, String> {
        let asked = Instant::now();
        let bytes = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let response = raw(self.address, bytes.as_bytes()).map_err(|error| format!("GET {path}: {error}"))?;
        let took = asked.elapsed();
        let large = response.body.len() > LARGE;
        self.ledger.answered(if large { "/status of 10,000 processes" } else { kind }, took);
        if took > PATIENT { Err(format!("GET {path} took {took:?}")) } else { Ok(response) }
    }

    fn whole(&mut self) -> Result<(), String> {
        self.judged("/status", "/status", None, |_| true)
    }

    fn part(&mut self) -> Result<(), String> {
        let number = self.random.usize(1..=6);
        let mut indices: Vec<usize> = (0..number).map(|_| self.random.usize(0..GPUS)).collect();
        let filter = self.random.choice(["", "C", "G", "NA"]).unwrap_or_default();
        let keeps = |kind: &str| filter.is_empty() || kind.contains(filter);
        if self.random.u8(..) < 16 {
            // More than there can be.
            indices.push(99);
        }
        let mut path = "/status?idx=".to_owned();
        for (place, index) in indices.iter().enumerate() {
            write!(path, "{}{index}", if place > 0 { "," } else { "" }).unwrap();
        }
        path += &format!("&process={filter}");
        self.judged("/status?idx=…&process=…", &path, Some(&indices), keeps)
    }

    fn judged(
        &mut self,
        kind: &'static str,
        path: &str,
        indices: Option<&[usize]>,
        keeps: impl Fn(&str) -> bool,
    ) -> Result<(), String> {
        let (effect, asked) = (self.ledger.effect(), unix_ms());
        let response = self.get(kind, path)?;
        let moment = Moment { asked, answered: unix_ms(), effect: &effect };
        let impossible = indices.is_some_and(|indices| indices.contains(&99));
        let data = match contract::envelope(&response)? {
            Answer::Failure(400, _, text) if impossible && text == "Invalid GPU index" => return Ok(()),
            Answer::Failure(status, code, text) => return failure(status, code, &text, &effect),
            Answer::Data(data) => data,
        };
        if impossible {
            return Err(format!("{path} was answered"));
        }
        contract::status(&data, indices, &keeps)?;
        self.rows(&data, &moment, &keeps)
    }

    fn rows(&mut self, data: &Value, moment: &Moment<'_>, keeps: impl Fn(&str) -> bool) -> Result<(), String> {
        let lists = (data["devices"].as_array(), data["processes"].as_array());
        let (Some(devices), Some(processes)) = lists else { return Err("no lists".into()) };
        // Each GPU once, whatever was asked for: the same index twice is twice the same rows.
        let mut seen = [false; GPUS];
        for row in devices {
            rows::device(row, moment)?;
            let gpu = row["idx"].as_u64().and_then(|gpu| usize::try_from(gpu).ok()).unwrap_or(usize::MAX);
            let Some(seen) = seen.get_mut(gpu) else { continue };
            let ts = row["ts"].as_u64().unwrap_or_default();
            if ts < self.last[gpu] {
                return Err(format!("time went back from {}: {row}", self.last[gpu]));
            }
            self.last[gpu] = ts;
            let times = devices.iter().filter(|other| other["idx"] == row["idx"]).count();
            let own: Vec<&Value> = processes.iter().filter(|process| process["idx"] == row["idx"]).collect();
            let once = &own[..own.len() / times];
            if !*seen && own.chunks(once.len().max(1)).any(|chunk| chunk != once) {
                return Err(format!("GPU {gpu} was asked for {times} times and lists {own:?}"));
            }
            *seen = true;
            rows::processes(gpu, once, self.residents, &keeps, row["temperature"] == "N/A", moment.effect)?;
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), String> {
        let effect = self.ledger.effect();
        match contract::envelope(&self.get("/count", "/count")?)? {
            Answer::Failure(status, code, text) => failure(status, code, &text, &effect),
            Answer::Data(data) if data.as_u64().is_some_and(|count| count >= GPUS as u64) => Ok(()),
            Answer::Data(data) => Err(format!("/count is {data}")),
        }
    }

    fn probe(&mut self) -> Result<(), String> {
        contract::healthz(&self.get("/healthz", "/healthz")?)?;
        let effect = self.ledger.effect();
        let response = self.get("/readyz", "/readyz")?;
        if contract::readyz(&response)? || !effect.leaves_it_ready() {
            return Ok(());
        }
        Err(format!("not ready, though a healthy GPU is read: {:?}", String::from_utf8_lossy(&response.body)))
    }
}

fn failure(status: u16, code: u64, text: &str, effect: &Effect) -> Result<(), String> {
    if effect.unreadable.contains(&text) { Ok(()) } else { Err(format!("{status}, code {code}: {text:?}")) }
}
