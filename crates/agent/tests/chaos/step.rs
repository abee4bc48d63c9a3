//! A run: one agent, and one fault after the other.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    clients::{self, CLIENTS},
    draw::Deck,
    effect::{Effect, Gpus},
    fault::Fault,
    gauge::Usage,
    host::{Host, wait},
    inject::inject,
    ledger::{Ledger, Running, unix_ms},
};

/// A run of at least this long has time for what takes more than a minute.
const LONG: Duration = Duration::from_secs(600);
/// A collector that ran for this long has nothing to do with those that ended before it.
const FORGOTTEN: Duration = Duration::from_secs(61);
/// A GPU is left out for ten minutes, and must be read again a moment after them.
const TERM: Duration = Duration::from_secs(605);
/// Within this long after its first crash the library's host is healthy again: two seconds are promised.
const FIRST_CRASH: Duration = Duration::from_secs(4);
/// Time within which unused resources are released.
const GIVES_BACK: Duration = Duration::from_secs(5);

/// Runs faults from a seed for a length of time, and fails with all that is needed to see why.
pub(crate) fn run(seed: u64, length: Duration) {
    eprintln!("chaos: seed {seed}, for {length:?}");
    let mut host = Host::start().unwrap();
    let ledger = Ledger::default();
    let outcome = steps(&mut host, &ledger, seed, length);
    eprintln!("chaos: seed {seed}: {}", ledger.report());
    if let Err(what) = outcome {
        panic!("CHAOS_SEED={seed}: {what}");
    }
}

fn steps(host: &mut Host, ledger: &Ledger, seed: u64, length: Duration) -> Result<(), String> {
    let begun = Instant::now();
    let before = warmed_up(host)?;
    thread::scope(|scope| {
        let _running = Running(ledger);
        for (client, number) in CLIENTS.into_iter().zip(0..) {
            let (address, residents) = (host.agent.address(), &host.residents);
            scope.spawn(move || clients::ask(client, address, residents, seed.wrapping_add(number), ledger));
        }
        scope.spawn(|| watch(host, ledger));
        let mut run = Run {
            host,
            ledger,
            before,
            born: Instant::now(),
            collector: host.collector(),
            crashed: false,
            blamed: Vec::new(),
        };
        let mut deck = Deck::new(seed, length >= LONG);
        let mut number = 0;
        while begun.elapsed() < length {
            number += 1;
            let fault = deck.draw(!run.crashed || run.born.elapsed() > FORGOTTEN, run.left_out());
            let lasts = Duration::from_millis(deck.lasts());
            run.step(&fault, lasts).map_err(|what| format!("step {number}, {fault:?} for {lasts:?}: {what}"))?;
        }
        ledger.is_swift()
    })
}

/// Resources of the parent after it has answered with ten thousand processes once.
fn warmed_up(host: &Host) -> Result<Usage, String> {
    inject(&Fault::Crowd { gpu: 0 }, host, Duration::from_millis(500))?;
    host.agent.get("/status");
    host.heal();
    host.healed(unix_ms(), Duration::from_secs(10), Gpus::default())?;
    Usage::of(host.agent.pid()).ok_or_else(|| "the parent is gone".into())
}

/// Never two collectors.
fn watch(host: &Host, ledger: &Ledger) {
    while !ledger.is_over() {
        let collectors = host.agent.collectors();
        if collectors.len() > 1 {
            ledger.accuse(format!("two collectors: {collectors:?}"));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

struct Run<'a> {
    host: &'a Host,
    ledger: &'a Ledger,
    before: Usage,
    /// The collector as of the last step's end, and since when at the latest.
    collector: Option<u32>,
    born: Instant,
    /// True if any has ended.
    crashed: bool,
    /// The GPUs that were left out, and when that was first seen.
    blamed: Vec<(usize, Instant)>,
}

impl Run<'_> {
    /// The GPUs that are left out just now.
    fn left_out(&self) -> Gpus {
        let now = self.blamed.iter().filter(|(_, since)| since.elapsed() < TERM);
        now.fold(Gpus::default(), |all, (gpu, _)| all.and(Gpus::one(*gpu)))
    }

    fn step(&mut self, fault: &Fault, lasts: Duration) -> Result<(), String> {
        let first = !self.crashed || self.born.elapsed() > FORGOTTEN;
        let standing = Effect::changes(self.left_out());
        self.ledger.expect(fault.effect().and(standing.clone()));
        let injected = inject(fault, self.host, lasts);
        // A client's word is nearer to the cause than what was waited for in vain.
        self.ledger.verdict()?;
        injected?;
        let (ended, since) = (Instant::now(), unix_ms());
        self.host.heal();
        self.note_the_blamed(fault)?;
        let standing = standing.and(Effect::changes(self.left_out()));
        let healed = self.host.healed(since, fault.heals_within(), standing.changed);
        self.ledger.verdict()?;
        healed?;
        let took = ended.elapsed();
        self.ledger.expect(standing);
        let once = first && matches!(fault, Fault::Killed | Fault::Crash { times: 1, .. });
        if once && took > FIRST_CRASH {
            return Err(format!("healthy only after {took:?}"));
        }
        let again = if fault.ends_the_collector() && !first { ", in a row" } else { "" };
        self.ledger.recovered(format!("{}{again}", fault.label()), took);
        self.note_the_collector();
        self.measure()
    }

    /// A GPU in whose calls the library died twice is left out, and no other ever is.
    fn note_the_blamed(&mut self, fault: &Fault) -> Result<(), String> {
        let blamed = self.host.left_out();
        for gpu in blamed.get(self.blamed.len()..).unwrap_or_default() {
            self.blamed.push((*gpu, Instant::now()));
            if !matches!(fault, Fault::Crash { gpu: Some(crashed), .. } if crashed == gpu) {
                return Err(format!("GPU {gpu} was left out"));
            }
        }
        match fault {
            Fault::Crash { gpu: Some(gpu), times: 2.., .. } if !self.left_out().has(*gpu) => {
                Err(format!("GPU {gpu} was not left out"))
            }
            _ => Ok(()),
        }
    }

    fn note_the_collector(&mut self) {
        let now = self.host.collector();
        if now != self.collector {
            (self.collector, self.born, self.crashed) = (now, Instant::now(), true);
        }
    }

    fn measure(&self) -> Result<(), String> {
        let parent = self.host.agent.pid();
        wait(GIVES_BACK, "the parent to give back what it took", || {
            let usage = Usage::of(parent).ok_or("the parent is gone")?;
            usage.above(&self.before)?;
            self.ledger.takes("the parent", usage);
            Ok(())
        })?;
        let Some(usage) = self.collector.and_then(Usage::of) else { return Ok(()) };
        self.ledger.takes("the collector", usage);
        usage.bears()
    }
}
