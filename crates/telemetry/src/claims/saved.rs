//! Claims over a restart of the agent and of the host.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Claim, ClaimProcess, Claims, state};
use crate::{BootTime, Stamp};

/// Claims as they are saved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedClaims {
    /// Boot in which they were saved: the kernel's boot ID, empty if there is none.
    boot: String,
    /// Number of the newest claim.
    newest: u64,
    claims: Vec<Claim>,
}

impl Claims {
    /// The state to save.
    #[must_use]
    pub fn saved(&self, boot: &str) -> SavedClaims {
        let claims = self.all.iter().map(|claim| Claim::clone(claim)).collect();
        SavedClaims { boot: boot.into(), newest: self.newest, claims }
    }

    /// Goes on from what another run of the agent saved. A claim of `run` stays if its process runs.
    #[must_use]
    pub fn restored(saved: SavedClaims, boot: &str, now: Stamp, mut runs: impl FnMut(ClaimProcess) -> bool) -> Self {
        let is_same_boot = !boot.is_empty() && saved.boot == boot;
        let mut claims = Self { all: Vec::new(), newest: saved.newest };
        for claim in saved.claims {
            let claim = match claim.process {
                Some(process) => (is_same_boot && runs(process)).then_some(claim),
                None if is_same_boot => Some(claim),
                None => in_this_boot(claim, now),
            };
            claims.all.extend(claim.filter(|claim| !claims.overlaps(claim)).map(Arc::new));
        }
        claims.newest = claims.all.iter().map(|claim| claim.number).chain([claims.newest]).max().unwrap_or(0);
        claims.expire(now.boot);
        claims
    }

    /// True if another user has claimed a part of it, as in a file that somebody has edited.
    fn overlaps(&self, claim: &Claim) -> bool {
        let others = self.all.iter().filter(|other| other.uid != claim.uid);
        others.flat_map(|other| &other.devices).any(|one| claim.devices.iter().any(|device| one.overlaps(device)))
    }
}

/// The same claim by the clock of this boot; none if it is over. It is never longer than it was: the date may be wrong.
fn in_this_boot(claim: Claim, now: Stamp) -> Option<Claim> {
    let until = claim.until?;
    let whole = until.unix_ms.saturating_sub(claim.since.unix_ms);
    let left = until.unix_ms.saturating_sub(now.unix_ms).min(whole);
    let since = Stamp { boot: BootTime(0), ..claim.since };
    (left > 0).then(|| Claim { since, until: Some(state::after(now, Duration::from_millis(left))), ..claim })
}
