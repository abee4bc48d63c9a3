//! `bench chaos`: random faults of agents, lists, name servers, an engine and hubs, and what the hubs say meanwhile.
//!
//! Each second the answers of three hubs are compared with the truth, which the simulated hosts have as a function of the
//! seed and the time.

mod dns;
mod faults;
mod growth;
mod isolated;
mod judge;
mod lists;
mod plan;
mod programs;
mod report;
mod room;

use std::{
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::Value;

use super::serve::now_ms;
use crate::{Outcome, get, places::keep};
use faults::{Faults, Parts};
use growth::Growth;
use judge::{Heard, Judge};
use plan::Plan;
use room::Room;

#[derive(Args)]
pub(crate) struct Options {
    /// Duration in minutes
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Draw the hosts and faults of an earlier run
    #[arg(long)]
    seed: Option<u64>,
    /// Write the results to bench/results
    #[arg(long)]
    keep: bool,
    /// Run here, in namespaces that were made for it
    #[arg(long, hide = true)]
    inside: bool,
}

const TICK: Duration = Duration::from_secs(1);
/// Timeout of a hub's answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Duration of a request to the simulator, and lateness of a second, from which on the machine is too busy to judge ages.
const BUSY: (Duration, Duration) = (Duration::from_millis(300), Duration::from_millis(800));
/// Seconds that must not be busy before one that is judged.
const QUIET: usize = 5;

/// A run, and what came of it.
struct Run<'a> {
    room: Room,
    judge: Judge<'a>,
    faults: Faults,
    growth: Growth,
    seconds: u64,
    /// Seconds in which the machine was too busy.
    busy: u64,
    quiet: usize,
}

pub(crate) fn run(options: &Options) -> Outcome {
    let seed = options.seed.unwrap_or_else(|| now_ms() % 1_000_000);
    if !options.inside
        && let Some(mut command) = isolated::command(seed, options.minutes, options.keep)?
    {
        return if command.status()?.success() { Ok(()) } else { Err("the fleet did not pass".into()) };
    }
    println!("seed {seed}, {} minutes", options.minutes);
    let has_names = options.inside && isolated::prepare();
    if !has_names {
        println!("not run: failing DNS (it needs namespaces of Linux for network and mounts, and iproute2)");
    }
    let plan = Plan::new(seed)?;
    let room = Room::start(&plan, has_names)?;
    if !room.has_engine() {
        println!("not run: an engine that is down (Prometheus is missing; run `scripts/clients prometheus`)");
    }
    let parts = Parts { agents: room.agents.len(), has_names: room.has_names(), has_engine: room.has_engine() };
    let (judge, faults) = (Judge::new(&plan), Faults::new(parts));
    let mut run = Run { room, judge, faults, growth: Growth::new(options.minutes), seconds: 0, busy: 0, quiet: 0 };
    run.run(Duration::from_secs(options.minutes * 60))?;
    let text = report::text(
        &run.judge,
        &run.faults,
        &run.growth,
        &report::Ran { seed, minutes: options.minutes, seconds: run.seconds, busy: run.busy },
    );
    print!("{text}");
    let passed = run.judge.violations.is_empty() && run.growth.is_bounded();
    if !passed {
        println!("logs: {}", run.room.keep_logs()?.display());
    }
    if options.keep {
        keep("chaos-fleet.md", &text)?;
    }
    if passed {
        Ok(())
    } else {
        Err(format!("{} violations; repeat with --seed {seed}", run.judge.violations.len()).into())
    }
}

impl Run<'_> {
    fn run(&mut self, time: Duration) -> Outcome {
        let begun = Instant::now();
        let mut next = begun + TICK;
        while begun.elapsed() < time {
            thread::sleep(next.saturating_duration_since(Instant::now()));
            let lateness = next.elapsed();
            next = (next + TICK).max(Instant::now());
            self.seconds += 1;
            self.second(lateness)?;
            if self.seconds.is_multiple_of(60) {
                let violations = self.judge.violations.len();
                eprintln!("  {} minutes, {violations} violations, {} busy seconds", self.seconds / 60, self.busy);
            }
        }
        Ok(())
    }

    fn second(&mut self, lateness: Duration) -> Outcome {
        let asked = Instant::now();
        get::get(self.room.simulator(), "/counts", "identity")?;
        let is_busy = asked.elapsed() > BUSY.0 || lateness > BUSY.1;
        self.quiet = if is_busy { 0 } else { self.quiet + 1 };
        self.busy += u64::from(is_busy);
        let now = Instant::now();
        for fault in self.faults.ended(now) {
            self.room.end(&fault, &mut self.judge)?;
        }
        if let Some((fault, ends)) = self.faults.next(self.judge.plan, now) {
            self.room.begin(&fault, ends, &mut self.judge)?;
        }
        self.room.tick(self.seconds, &self.faults, &mut self.judge)?;
        for hub in 0..self.room.hubs.len() {
            self.hear(hub);
        }
        if let Some(pid) = self.room.hubs.first().and_then(|hub| hub.program.pid()) {
            self.growth.add(self.seconds, pid)?;
        }
        Ok(())
    }

    /// Asks a hub, and compares its answers with the truth.
    fn hear(&mut self, hub: usize) {
        let Some(hub) = self.room.hubs.get(hub).filter(|hub| hub.program.is_running()) else { return };
        let begin = now_ms();
        let ask = |path| -> Outcome<Value> {
            let answer = get::within(hub.program.address, path, TIMEOUT)?;
            if answer.status == 200 {
                Ok(serde_json::from_slice(&answer.body)?)
            } else {
                Err(format!("{path}: expected status 200, got {}", answer.status).into())
            }
        };
        let now = Instant::now();
        let is_judged = self.quiet >= QUIET && hub.judged_from <= now;
        let answers = ask("/api/v1/find?count=1&limit=1000").and_then(|find| Ok((find, ask("/api/v1/fleet")?)));
        match answers {
            Ok((find, fleet)) => {
                let heard = Heard {
                    hub: hub.name,
                    is_engine: hub.is_engine,
                    fleet: &fleet,
                    find: &find,
                    asked_ms: (begin, now_ms()),
                    now,
                    is_judged,
                    started: hub.program.started,
                };
                self.judge.hear(&heard, &self.room.agents);
            }
            Err(error) if is_judged => self.judge.unanswered(hub.name, error.as_ref()),
            Err(_) => {}
        }
    }
}
