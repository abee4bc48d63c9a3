//! State machine of claims.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{Claim, ClaimKind, ClaimList, ClaimProcess, ClaimedDevice, MAX_WHY, SHORTEST};
use crate::{BootTime, Stamp, terminal::printable_in};

/// Limits of claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest claim.
    pub longest: Duration,
    /// Most GPUs of a user; none if that is not limited.
    pub gpus: Option<usize>,
}

/// A request for a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// User ID.
    pub uid: u32,
    /// Name of the account.
    pub user: Box<str>,
    /// Length; ignored with a process.
    pub length: Duration,
    /// Process with which the claim ends.
    pub process: Option<ClaimProcess>,
    /// Reason.
    pub why: Box<str>,
    /// Devices; all are claimed, or none.
    pub devices: Vec<ClaimedDevice>,
    /// Replace claims of the same user for a time, instead of refusing them.
    pub renews: bool,
}

/// Reason why nothing was claimed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No device is named.
    #[error("expected devices, got none")]
    Nothing,
    /// The length is out of range.
    #[error("expected a claim from 1s to {}, got another length; the agent's --claim-max is the limit", shown(*.0))]
    Length(Duration),
    /// A claim has the device, or a part or the whole of it.
    #[error("claimed by {}", .by.user)]
    Claimed {
        /// Requested device.
        device: ClaimedDevice,
        /// Claim that has it.
        by: Arc<Claim>,
    },
    /// The user would have too many GPUs.
    #[error("expected claims of at most {most} GPUs of a user, got {wanted}; the agent's --claim-gpus is the limit")]
    TooMany {
        /// Limit.
        most: usize,
        /// GPUs with this claim.
        wanted: usize,
    },
}

/// Reason why no claim was ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotEnded {
    /// Nobody has claimed the device itself.
    NotClaimed(ClaimedDevice),
    /// Somebody else has.
    OfAnother {
        /// Device.
        device: ClaimedDevice,
        /// The other's claim.
        by: Arc<Claim>,
    },
    /// The device is claimed as a part of its GPU.
    PartOf {
        /// Device.
        device: ClaimedDevice,
        /// Claim of the GPU.
        by: Arc<Claim>,
    },
}

/// All claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// By number.
    pub(super) all: Vec<Arc<Claim>>,
    /// Number of the newest claim.
    pub(super) newest: u64,
}

impl Claims {
    /// The claims, for readers.
    #[must_use]
    pub fn list(&self) -> ClaimList {
        self.all.iter().cloned().collect()
    }

    /// Claims all devices, or none.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn claim(&mut self, wanted: Wanted, now: Stamp, limits: Limits) -> Result<Arc<Claim>, Refusal> {
        self.expire(now.boot);
        let devices = without_parts(&wanted.devices);
        if devices.is_empty() {
            return Err(Refusal::Nothing);
        }
        if wanted.process.is_none() && !(SHORTEST..=limits.longest).contains(&wanted.length) {
            return Err(Refusal::Length(limits.longest));
        }
        self.check_free(&wanted, &devices)?;
        let gpus = self.gpus_of(wanted.uid).chain(devices.iter().map(|device| &*device.gpu));
        let gpus = gpus.collect::<BTreeSet<_>>().len();
        if let Some(most) = limits.gpus.filter(|most| gpus > *most) {
            return Err(Refusal::TooMany { most, wanted: gpus });
        }
        let since = if wanted.renews { self.give_up(wanted.uid, &devices) } else { None };
        self.newest += 1;
        let claim = Arc::new(Claim {
            number: self.newest,
            kind: if wanted.process.is_some() { ClaimKind::Run } else { ClaimKind::Claim },
            uid: wanted.uid,
            user: wanted.user,
            process: wanted.process,
            since: since.unwrap_or(now),
            until: wanted.process.is_none().then(|| after(now, wanted.length)),
            why: printable_in(wanted.why.trim(), MAX_WHY).into(),
            devices,
        });
        self.all.push(Arc::clone(&claim));
        Ok(claim)
    }

    /// A claim of another user has no part of a device, and one of the same user not the device itself.
    fn check_free(&self, wanted: &Wanted, devices: &[ClaimedDevice]) -> Result<(), Refusal> {
        let blocks = |claim: &Claim, device: &ClaimedDevice| {
            let is_own = claim.uid == wanted.uid;
            if is_own && wanted.renews && claim.kind == ClaimKind::Claim {
                return false;
            }
            // The whole GPU may be claimed by who has claimed a part of it.
            claim.devices.iter().any(|one| if is_own { one.covers(device) } else { one.overlaps(device) })
        };
        for device in devices {
            if let Some(by) = self.all.iter().find(|claim| blocks(claim, device)) {
                return Err(Refusal::Claimed { device: device.clone(), by: Arc::clone(by) });
            }
        }
        Ok(())
    }

    fn gpus_of(&self, uid: u32) -> impl Iterator<Item = &str> {
        let own = self.all.iter().filter(move |claim| claim.uid == uid);
        own.flat_map(|claim| claim.devices.iter().map(|device| &*device.gpu))
    }

    /// Takes devices out of a user's own claims for a time; returns the earliest begin of those.
    fn give_up(&mut self, uid: u32, devices: &[ClaimedDevice]) -> Option<Stamp> {
        let mut since: Option<Stamp> = None;
        self.take_out(
            |claim| claim.uid == uid && claim.kind == ClaimKind::Claim,
            |one| devices.iter().any(|device| device.covers(one)),
            |claim| since = since.into_iter().chain([claim.since]).min_by_key(|stamp| stamp.boot),
        );
        // A part of a GPU that is claimed as a whole stays claimed with it.
        since
    }

    /// Ends claims of these devices. Root may end any. Without devices: all claims of the user for a time.
    ///
    /// # Errors
    /// The first reason against it; then nothing is ended.
    pub fn unclaim(&mut self, uid: u32, devices: &[ClaimedDevice], now: Stamp) -> Result<Vec<ClaimedDevice>, NotEnded> {
        self.expire(now.boot);
        let mut ended = Vec::new();
        if devices.is_empty() {
            self.all.retain(|claim| {
                let stays = claim.uid != uid || claim.kind != ClaimKind::Claim;
                if !stays {
                    ended.extend_from_slice(&claim.devices);
                }
                stays
            });
            return Ok(ended);
        }
        for device in devices {
            self.check_owned(uid, device)?;
        }
        let mut taken = Vec::new();
        self.take_out(
            |claim| uid == ROOT || claim.uid == uid,
            |one| {
                let ends = devices.iter().any(|device| device.covers(one));
                if ends {
                    taken.push(one.clone());
                }
                ends
            },
            |_| {},
        );
        Ok(taken)
    }

    fn check_owned(&self, uid: u32, device: &ClaimedDevice) -> Result<(), NotEnded> {
        let within = |claim: &&Arc<Claim>| claim.devices.iter().any(|one| device.covers(one));
        let may_end = |claim: &Claim| uid == ROOT || claim.uid == uid;
        if self.all.iter().any(|claim| within(&claim) && may_end(claim)) {
            return Ok(());
        }
        if let Some(by) = self.all.iter().find(within) {
            return Err(NotEnded::OfAnother { device: device.clone(), by: Arc::clone(by) });
        }
        let whole = self.all.iter().find(|claim| claim.devices.iter().any(|one| one.covers(device)));
        Err(match whole {
            Some(by) if may_end(by) => NotEnded::PartOf { device: device.clone(), by: Arc::clone(by) },
            Some(by) => NotEnded::OfAnother { device: device.clone(), by: Arc::clone(by) },
            None => NotEnded::NotClaimed(device.clone()),
        })
    }

    /// Takes devices out of claims. A claim that has none left ends.
    fn take_out(
        &mut self,
        of: impl Fn(&Claim) -> bool,
        mut goes: impl FnMut(&ClaimedDevice) -> bool,
        mut seen: impl FnMut(&Claim),
    ) {
        self.all.retain_mut(|claim| {
            if !of(claim) {
                return true;
            }
            let left: Vec<ClaimedDevice> = claim.devices.iter().filter(|one| !goes(one)).cloned().collect();
            if left.len() < claim.devices.len() {
                seen(claim);
                *claim = Arc::new(Claim { devices: left, ..Claim::clone(claim) });
            }
            !claim.devices.is_empty()
        });
    }

    /// Ends claims whose time is over; true if there was one.
    pub fn expire(&mut self, now: BootTime) -> bool {
        self.retain(|claim| claim.until.is_none_or(|until| until.boot > now))
    }

    /// Ends the claims of a process; true if there was one.
    pub fn end_process(&mut self, process: ClaimProcess) -> bool {
        self.retain(|claim| claim.process != Some(process))
    }

    fn retain(&mut self, stays: impl Fn(&Claim) -> bool) -> bool {
        let before = self.all.len();
        self.all.retain(|claim| stays(claim));
        self.all.len() < before
    }

    /// Time at which the next claim ends by itself.
    #[must_use]
    pub fn next_end(&self) -> Option<BootTime> {
        self.all.iter().filter_map(|claim| claim.until).map(|until| until.boot).min()
    }

    /// Processes with claims.
    pub fn processes(&self) -> impl Iterator<Item = ClaimProcess> {
        self.all.iter().filter_map(|claim| claim.process)
    }

    /// Sets the name of an account in its claims; true if it was another.
    pub fn rename(&mut self, uid: u32, user: &str) -> bool {
        let mut renamed = false;
        for claim in self.all.iter_mut().filter(|claim| claim.uid == uid && &*claim.user != user) {
            *claim = Arc::new(Claim { user: user.into(), ..Claim::clone(claim) });
            renamed = true;
        }
        renamed
    }
}

/// User ID of root.
const ROOT: u32 = 0;

/// Each device once, and no instance of a GPU that is named as a whole.
fn without_parts(devices: &[ClaimedDevice]) -> Vec<ClaimedDevice> {
    let once: BTreeSet<&ClaimedDevice> = devices.iter().collect();
    let is_part = |device: &ClaimedDevice| once.iter().any(|other| *other != device && other.covers(device));
    once.iter().filter(|device| !is_part(device)).map(|device| ClaimedDevice::clone(device)).collect()
}

/// Moment after a time, on both clocks.
pub(super) fn after(now: Stamp, length: Duration) -> Stamp {
    let ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    Stamp { boot: BootTime(now.boot.0.saturating_add(ms)), unix_ms: now.unix_ms.saturating_add(ms) }
}

/// Length as people write it, in the largest unit that divides it.
fn shown(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        _ if seconds > 0 && seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds > 0 && seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}
