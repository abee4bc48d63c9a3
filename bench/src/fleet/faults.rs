//! `bench fleet --engine --faults`: hosts and engine fail, and each GPU that the hub shows as free is compared with the truth.

use std::{
    collections::HashMap,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    engines::{Engine, EngineKind, hub},
    measure::Options,
    programs::{Agents, fleet},
};
use crate::{Outcome, get, places::keep, stream_clients::StreamClients, table::markdown};

/// Seconds that a use may be shown after it ended, besides an interval: docs/fleet.md.
const GRACE: f64 = 10.0;
/// Time of each fault, and between two.
const DURING: Duration = Duration::from_secs(30);
const BETWEEN: Duration = Duration::from_secs(12);
/// Pause between two comparisons.
const PAUSE: Duration = Duration::from_millis(300);

/// Something that fails.
#[derive(Clone, Copy)]
enum Trouble {
    Nothing,
    /// Two hosts.
    Host(&'static str),
    /// The engine, ended and started again after so many seconds; true if it is killed.
    Engine(u64, bool),
}

const TROUBLES: [(&str, Trouble); 11] = [
    ("nothing", Trouble::Nothing),
    ("agent dead", Trouble::Host("dead")),
    ("answers cut off", Trouble::Host("partial")),
    ("no answer", Trouble::Host("silent")),
    ("slow answers", Trouble::Host("slow")),
    ("clock an hour ahead", Trouble::Host("ahead")),
    ("clock an hour behind", Trouble::Host("behind")),
    ("other names of GPUs", Trouble::Host("renamed")),
    ("engine restarted", Trouble::Engine(0, false)),
    ("engine killed and started", Trouble::Engine(3, true)),
    ("engine down for a minute", Trouble::Engine(60, false)),
];

/// Times at which each GPU was free, and what was found.
struct Checker<'a> {
    agents: &'a Agents,
    hub: std::net::SocketAddr,
    began: Instant,
    free: HashMap<String, Vec<Option<Instant>>>,
    scrape: f64,
}

/// Findings over a time.
#[derive(Default)]
struct Found {
    shown: u64,
    wrong: u64,
    doubled: u64,
    /// Longest time for which a GPU was shown as free after it was: of hosts that somebody looks at, and of others.
    worst: [f64; 2],
    example: Option<String>,
}

impl Checker<'_> {
    /// Compares until the end.
    fn watch(&mut self, time: Duration, found: &mut Found) -> Outcome {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.learn()?;
            // Asked after the truth: what was free then is not wrong.
            if let Ok(fleet) = fleet(self.hub) {
                self.compare(&fleet, found);
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn learn(&mut self) -> Outcome {
        let truth = get::get(self.agents.program.address, "/truth", "identity")?;
        let (truth, now): (HashMap<String, Vec<String>>, _) = (serde_json::from_slice(&truth.body)?, Instant::now());
        for (host, uses) in truth {
            let known = self.free.entry(host).or_insert_with(|| vec![None; uses.len()]);
            for (last, r#use) in known.iter_mut().zip(uses) {
                if r#use == "free" {
                    *last = Some(now);
                }
            }
        }
        Ok(())
    }

    fn compare(&self, fleet: &Value, found: &mut Found) {
        let now = Instant::now();
        for (position, host) in fleet["hosts"].as_array().into_iter().flatten().enumerate() {
            let (name, gpus) = (host["name"].as_str().unwrap_or_default(), host["gpus"].as_array());
            let is_looked_at = position < self.free.len() / 2;
            let known = self.free.get(name).map_or(&[][..], Vec::as_slice);
            let counted =
                ["free", "held", "busy", "unknown"].map(|kind| host["counts"]["gpus"][kind].as_u64().unwrap_or(0));
            let listed = gpus.map_or(0, Vec::len);
            found.doubled += u64::from(counted.iter().sum::<u64>() > known.len() as u64 || listed > known.len());
            // The rules are evaluated as often as hosts are scraped.
            let allowed = GRACE + self.scrape * if is_looked_at { 1.0 } else { 2.0 };
            let gpus = gpus.into_iter().flatten().filter(|gpu| gpu["use"] == "free");
            for index in gpus.filter_map(|gpu| usize::try_from(gpu["index"].as_u64()?).ok()) {
                let last = known.get(index).copied().flatten().unwrap_or(self.began);
                let late = now.duration_since(last).as_secs_f64();
                found.shown += 1;
                found.wrong += u64::from(late > allowed);
                let worst = &mut found.worst[usize::from(!is_looked_at)];
                if late > *worst {
                    *worst = late;
                    found.example = Some(format!("GPU {index} of {name}"));
                }
            }
        }
    }
}

fn control(agents: &Agents, hosts: &[usize], fault: &str) -> Outcome {
    for host in hosts {
        let answer = get::get(agents.program.address, &format!("/control/gpu{host:04}/{fault}"), "identity")?;
        if answer.status != 200 {
            return Err(format!("expected a fault {fault} of host {host}").into());
        }
    }
    Ok(())
}

/// Lets some hosts or the engine fail, and watches the hub meanwhile.
fn suffer(
    trouble: Trouble,
    ill: &[usize],
    engine: &mut Engine,
    checker: &mut Checker<'_>,
    found: &mut Found,
) -> Outcome {
    match trouble {
        Trouble::Nothing => checker.watch(DURING, found),
        Trouble::Host(fault) => {
            control(checker.agents, ill, fault)?;
            checker.watch(DURING, found)?;
            control(checker.agents, ill, "none")
        }
        Trouble::Engine(seconds, is_crash) => {
            engine.stop(is_crash)?;
            checker.watch(Duration::from_secs(seconds), found)?;
            engine.run()?;
            checker.watch(DURING, found)
        }
    }
}

pub(super) fn run(kind: EngineKind, options: &Options) -> Outcome {
    let hosts = options.hosts.min(100);
    let agents = Agents::start(hosts, &["--session=15".into()])?;
    let mut engine = Engine::start(kind, &agents, options.scrape, 2)?;
    engine.wait(hosts)?;
    let hub = hub(&agents, engine.address)?;
    let rows = format!("/api/v1/fleet/stream?rows=0-{}", (hosts / 2).saturating_sub(1));
    let _viewer = StreamClients::open_path(hub.address, &rows, 1, "gzip")?;
    let mut checker = Checker {
        agents: &agents,
        hub: hub.address,
        began: Instant::now(),
        free: HashMap::new(),
        scrape: options.scrape as f64,
    };
    checker.watch(Duration::from_secs(3 * options.scrape + 10), &mut Found::default())?;
    let ill: Vec<usize> = [0, hosts / 4, hosts / 2, hosts * 3 / 4].into();
    let (mut table, mut wrong) = (Vec::new(), 0);
    for (name, trouble) in TROUBLES {
        let mut found = Found::default();
        suffer(trouble, &ill, &mut engine, &mut checker, &mut found)?;
        checker.watch(BETWEEN, &mut found)?;
        let [looked_at, others] = found.worst.map(|worst| format!("{worst:.1}"));
        eprintln!("  {name}: {} wrong of {}, the longest {looked_at} and {others} s", found.wrong, found.shown);
        if found.wrong > 0 {
            eprintln!("  the longest: {}", found.example.as_deref().unwrap_or("none"));
        }
        wrong += found.wrong + found.doubled;
        table.push(vec![
            name.into(),
            found.shown.to_string(),
            found.wrong.to_string(),
            found.doubled.to_string(),
            looked_at,
            others,
        ]);
    }
    let head = [
        "fault",
        "free GPUs seen",
        "wrong",
        "doubled",
        "longest after the end of the use, s",
        "the same of hosts that nobody looks at",
    ];
    let text = format!(
        "{hosts} hosts with 8 GPUs in {}, each in two jobs, scraped and evaluated every {} s; four hosts, or the engine, fail.\n\n{}",
        kind.name(),
        options.scrape,
        markdown(&head, &table)
    );
    print!("{text}");
    if options.keep {
        keep(&format!("fleet-faults-{}.md", kind.name()), &text)?;
    }
    if wrong > 0 { Err("a GPU was shown as free that was not, or twice".into()) } else { Ok(()) }
}
