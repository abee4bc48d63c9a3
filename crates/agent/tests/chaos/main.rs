//! Faults at random, for as long as is wished, while clients ask: no answer may break its contract, no healthy GPU's
//! row may change, and after each fault the host must be as it was.
//!
//! `CHAOS_SECONDS` says how long (30 unless given), `CHAOS_SEED` repeats a run: the same seed draws the same faults, as
//! long as as many collectors have lived for a minute and as many GPUs are left out at each step.
//! Without a seed the short form takes fixed ones and one at random, the long form one at random; it is printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that panics has failed")]

mod clients;
mod contract;
mod draw;
mod effect;
mod fault;
mod gauge;
mod host;
mod inject;
mod ledger;
mod rows;
mod scenario;
mod step;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the other tests, which use the rest")]
mod support;

use std::time::Duration;

/// The short form's, beside one at random.
const FIXED_SEEDS: [u64; 2] = [1, 2];
const SHORT: Duration = Duration::from_secs(30);

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")))
}

#[test]
fn chaos() {
    let (seed, seconds) = (variable("CHAOS_SEED"), variable("CHAOS_SECONDS"));
    let seeds = match (seed, seconds) {
        (Some(seed), _) => vec![seed],
        (None, Some(_)) => vec![fastrand::u64(..)],
        (None, None) => [&FIXED_SEEDS[..], &[fastrand::u64(..)]].concat(),
    };
    let length = seconds.map_or(SHORT, Duration::from_secs) / u32::try_from(seeds.len()).unwrap();
    for seed in seeds {
        step::run(seed, length);
    }
}
