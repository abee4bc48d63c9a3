//! State of all hosts, and its publication once a second.
//!
//! [`Fleet`] joins the list of targets with what links observe. [`run`] owns it, on the fleet's thread; [`Publisher`]
//! renders what is in demand there, so that handlers on the thread of HTTP only pick bytes ([`Published`]).

mod devices;
mod host;
mod json;
mod pieces;
mod published;
mod row;
mod rows;
mod state;
#[cfg(test)]
pub(crate) mod tests;

use std::{collections::BTreeMap, time::Duration};

use telemetry::{BootTime, Stamp};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

pub use pieces::{Audience, Form};
pub use published::{Published, Publisher};
pub use row::{Host, HostState, MigCounts, RowCounts, UseCounts};
pub use rows::HostRow;
pub use state::{Fleet, HostCounts, Inputs, Totals};

use crate::{report::Observation, target::TargetList};

/// Time between two publications.
const PERIOD: Duration = Duration::from_secs(1);
/// Age of a publication from which on nothing renews it: the fleet's thread is stuck.
const ABANDONED: Duration = Duration::from_secs(10);
/// Problems of the hub's own files that last until they are corrected, one per topic.
pub type ConfigNotes = BTreeMap<&'static str, String>;

/// Observations that are taken at once.
const BATCH: usize = 1024;

/// Publishes the fleet once a second, and sooner if something changes after a quiet second. Ends when there are neither
/// targets nor observations any more.
pub async fn run(
    targets: watch::Receiver<TargetList>,
    from: mpsc::Receiver<Observation>,
    notes: watch::Receiver<ConfigNotes>,
    publisher: Publisher,
) {
    run_with(targets, from, notes, publisher, Stamp::now).await;
}

async fn run_with(
    mut targets: watch::Receiver<TargetList>,
    mut from: mpsc::Receiver<Observation>,
    mut notes: watch::Receiver<ConfigNotes>,
    publisher: Publisher,
    clock: impl Fn() -> Stamp,
) {
    let mut fleet = Fleet::default();
    let (mut batch, mut has_targets, mut has_links) = (Vec::with_capacity(BATCH), true, true);
    let mut has_notes = true;
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut published = None;
    let mut is_due = true;
    targets.mark_changed();
    notes.mark_changed();
    while has_targets || has_links {
        let earliest = published.map_or_else(Instant::now, |published: Instant| published + PERIOD);
        tokio::select! {
            biased;
            changed = targets.changed(), if has_targets => match changed {
                Ok(()) => {
                    let list = targets.borrow_and_update().clone();
                    fleet.list(&list, clock());
                    is_due = true;
                }
                Err(_) => has_targets = false,
            },
            changed = notes.changed(), if has_notes => {
                has_notes = changed.is_ok();
                fleet.note_config(&notes.borrow_and_update().values().cloned().collect::<Vec<_>>());
                is_due = true;
            }
            () = sleep_until(earliest), if is_due => {
                publisher.publish(&mut fleet, clock());
                (published, is_due) = (Some(Instant::now()), false);
            }
            _ = ticks.tick() => is_due = true,
            count = from.recv_many(&mut batch, BATCH), if has_links => {
                has_links = count > 0;
                is_due |= has_links;
                let now = (clock(), Instant::now());
                for Observation { endpoint, at, seen } in batch.drain(..) {
                    fleet.see(&endpoint, seen, received(now, at));
                }
            }
        }
    }
}

/// Time of a receipt on both clocks. The boot clock counts the time for which the machine sleeps, too.
fn received((now, instant): (Stamp, Instant), at: Instant) -> Stamp {
    let ago = u64::try_from(instant.saturating_duration_since(at).as_millis()).unwrap_or(u64::MAX);
    Stamp { boot: BootTime(now.boot.0.saturating_sub(ago)), unix_ms: now.unix_ms.saturating_sub(ago) }
}
