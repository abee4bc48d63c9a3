//! The claims with what surrounds them: names of accounts, watched processes, the file, and the supervisor.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use collector::Owners;
use server::Published;
use telemetry::{
    BootTime, Stamp,
    claim_conflicts::others,
    claims::{Claim, ClaimProcess, ClaimedDevice, Claims, DEFAULT_LENGTH, Limits, NotEnded, Refusal, Wanted},
    snapshot::Snapshot,
};
use tokio::sync::watch;

use super::{
    devices::{self, Found},
    protocol::{Answer, ClaimView, Request, Why},
    store::Saver,
    watched::Watched,
};
use crate::{
    state,
    supervisor::{SharedClaims, SupervisorControl},
};

/// Time for which an answer waits for the name of an account, once for each.
const NAME_TIMEOUT: Duration = Duration::from_millis(300);
/// Time for which an answer waits until a snapshot has the claim.
const PUBLISH_TIMEOUT: Duration = Duration::from_millis(500);
/// Shortest time between two snapshots for claims, so that nobody can have snapshots made without end.
const PUBLISH_PAUSE: Duration = Duration::from_millis(10);

/// All claims. Its thread alone changes them.
pub(super) struct Registry {
    claims: Claims,
    limits: Limits,
    shared: SharedClaims,
    newest: watch::Receiver<Arc<Published>>,
    supervisor: SupervisorControl,
    saver: Option<Saver>,
    owners: Owners,
    watched: Vec<Watched>,
    published: Instant,
}

/// A user and process, by the kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) uid: u32,
    pub(super) pid: u32,
}

/// Devices of a request, as they were named.
type Named<'a> = Vec<(String, Found<'a>)>;

impl Registry {
    pub(super) fn new(
        (claims, watched): (Claims, Vec<Watched>),
        limits: Limits,
        shared: SharedClaims,
        newest: watch::Receiver<Arc<Published>>,
        supervisor: SupervisorControl,
        saver: Option<Saver>,
    ) -> Self {
        let owners = Owners::start();
        Self { claims, limits, shared, newest, supervisor, saver, owners, watched, published: Instant::now() }
    }

    /// Executes a request.
    pub(super) fn execute(&mut self, peer: Peer, request: Request) -> Answer {
        let newest = Arc::clone(&self.newest.borrow());
        let snapshot = &newest.snapshot;
        match request {
            Request::Claim { devices, for_ms, why, force, renew } => {
                let length = for_ms.map_or(DEFAULT_LENGTH.min(self.limits.longest), Duration::from_millis);
                let wanted = Wanted { length, renews: renew, ..wanted(peer.uid, why) };
                self.claim(&devices, wanted, force, snapshot)
            }
            Request::Run { devices, why, force } => match Watched::begin(peer.pid, peer.uid) {
                Some(watched) => {
                    let wanted = Wanted { process: Some(watched.process), ..wanted(peer.uid, why) };
                    let answer = self.claim(&devices, wanted, force, snapshot);
                    let is_claimed = self.claims.processes().any(|process| process == watched.process);
                    let is_known = self.watched.iter().any(|known| known.process == watched.process);
                    if is_claimed && !is_known {
                        self.watched.push(watched);
                    }
                    answer
                }
                None => Answer::refused(Why::Peer, "the process that asks has ended"),
            },
            Request::Unclaim { devices } => self.unclaim(peer.uid, &devices, snapshot),
            Request::List => {
                self.tidy();
                let claims = self.claims.list().iter().map(|claim| view(claim, snapshot)).collect();
                Answer { claims, ..Answer::done() }
            }
        }
    }

    fn claim(&mut self, names: &[String], mut wanted: Wanted, force: bool, snapshot: &Snapshot) -> Answer {
        let found = match resolve(names, snapshot) {
            Ok(found) => found,
            Err(why) => return Answer::refused(Why::Unknown, why),
        };
        wanted.devices = found.iter().map(|(_, found)| found.device.clone()).collect();
        if let Some(refusal) = (!force).then(|| in_use(&found, wanted.uid, snapshot)).flatten() {
            // What is claimed is more to the point than who computes there.
            let mut trial = self.claims.clone();
            if trial.claim(wanted.clone(), Stamp::now(), self.limits).is_ok() {
                return refusal;
            }
        }
        match self.claims.claim(wanted, Stamp::now(), self.limits) {
            Ok(claim) => {
                // Only now, because a name service may take a while.
                let name = self.name(claim.uid);
                self.claims.rename(claim.uid, &name);
                let claim = Claim { user: name.into(), ..Claim::clone(&claim) };
                tracing::info!(
                    uid = claim.uid,
                    kind = claim.kind.as_str(),
                    devices = names.join(","),
                    "devices are claimed"
                );
                self.commit();
                Answer { claims: vec![view(&claim, snapshot)], ..Answer::done() }
            }
            Err(refusal) => refused(&refusal, snapshot),
        }
    }

    fn unclaim(&mut self, uid: u32, names: &[String], snapshot: &Snapshot) -> Answer {
        let named = match names.iter().map(|name| self.claimed(name, snapshot)).collect::<Result<Vec<_>, String>>() {
            Ok(named) => named,
            Err(why) => return Answer::refused(Why::Unknown, why),
        };
        match self.claims.unclaim(uid, &named, Stamp::now()) {
            Ok(ended) if ended.is_empty() => Answer::refused(Why::NotYours, "you have claimed nothing"),
            Ok(ended) => {
                tracing::info!(uid, devices = ended.len(), "claims are ended");
                self.forget_unclaimed();
                self.commit();
                Answer { ended: ended.iter().map(|device| devices::view(device, snapshot)).collect(), ..Answer::done() }
            }
            Err(why) => Answer::refused(Why::NotYours, not_ended(&why, snapshot)),
        }
    }

    /// Device to unclaim: also one that the driver no longer lists, by its UUID.
    fn claimed(&self, name: &str, snapshot: &Snapshot) -> Result<ClaimedDevice, String> {
        let name = name.trim();
        devices::find(name, snapshot).map(|found| found.device).or_else(|why| {
            let list = self.claims.list();
            let mut all = list.iter().flat_map(|claim| &claim.devices);
            all.find(|device| device.uuid() == name).cloned().ok_or(why)
        })
    }

    /// Name of an account; the uid in digits if it has none, or while it is not known.
    fn name(&self, uid: u32) -> String {
        let name = self.owners.name(uid).or_else(|| {
            self.owners.settle(Instant::now() + NAME_TIMEOUT);
            self.owners.name(uid)
        });
        name.unwrap_or_else(|| uid.to_string())
    }

    /// Ends what is over, and takes names that have become known.
    pub(super) fn tidy(&mut self) {
        let ended = self.claims.expire(BootTime::now());
        let nameless: Vec<u32> = self.nameless().collect();
        let renamed = nameless.into_iter().filter_map(|uid| Some((uid, self.owners.name(uid)?)));
        let renamed = renamed.collect::<Vec<_>>().into_iter().any(|(uid, name)| self.claims.rename(uid, &name));
        if ended || renamed {
            self.commit();
        }
    }

    /// Accounts of claims without a name.
    fn nameless(&self) -> impl Iterator<Item = u32> {
        let list = self.claims.list();
        let uids: Vec<u32> =
            list.iter().filter(|claim| *claim.user == *claim.uid.to_string()).map(|claim| claim.uid).collect();
        uids.into_iter()
    }

    /// True if something is looked at from time to time, because no event reports it.
    pub(super) fn polls(&self) -> bool {
        self.nameless().next().is_some() || self.watched.iter().any(|watched| watched.descriptor().is_none())
    }

    /// Boot time at which the next claim ends by itself.
    pub(super) fn next_end(&self) -> Option<BootTime> {
        self.claims.next_end()
    }

    pub(super) fn watched(&self) -> &[Watched] {
        &self.watched
    }

    /// Ends the claims of processes that have ended: those given, and those that cannot be waited for.
    pub(super) fn end_processes(&mut self, ended: &[ClaimProcess]) {
        let over = |watched: &Watched| ended.contains(&watched.process) || !watched.runs();
        let over: Vec<ClaimProcess> =
            self.watched.iter().filter(|watched| over(watched)).map(|watched| watched.process).collect();
        let mut changed = false;
        for process in over {
            changed |= self.claims.end_process(process);
        }
        self.forget_unclaimed();
        if changed {
            self.commit();
        }
    }

    /// Forgets processes without claims.
    fn forget_unclaimed(&mut self) {
        let claiming: Vec<ClaimProcess> = self.claims.processes().collect();
        self.watched.retain(|watched| claiming.contains(&watched.process));
    }

    /// Makes a change known: to readers, to the disk, and to the next snapshot, which is made at once.
    fn commit(&mut self) {
        self.shared.set(self.claims.list());
        if let Some(saver) = &self.saver {
            saver.save(self.claims.saved(&state::boot()));
        }
        thread::sleep(PUBLISH_PAUSE.saturating_sub(self.published.elapsed()));
        if !self.supervisor.publish(PUBLISH_TIMEOUT) {
            tracing::debug!("no snapshot has the newest claims yet");
        }
        self.published = Instant::now();
    }
}

fn wanted(uid: u32, why: String) -> Wanted {
    let why = why.into();
    Wanted {
        uid,
        user: uid.to_string().into(),
        length: Duration::ZERO,
        process: None,
        why,
        devices: Vec::new(),
        renews: false,
    }
}

fn resolve<'a>(names: &[String], snapshot: &'a Snapshot) -> Result<Named<'a>, String> {
    names.iter().map(|name| Ok((name.clone(), devices::find(name, snapshot)?))).collect()
}

/// Refusal if others compute on the devices.
fn in_use(found: &Named<'_>, uid: u32, snapshot: &Snapshot) -> Option<Answer> {
    let mut sentences = Vec::new();
    for (_, Found { device, gpu }) in found {
        let users: Vec<String> = others(gpu, device, uid).into_iter().collect();
        if !users.is_empty() {
            sentences.push(format!("{} is in use by {}", devices::shown(device, snapshot), users.join(", ")));
        }
    }
    (!sentences.is_empty()).then(|| Answer::refused(Why::InUse, sentences.join("; ")))
}

fn view(claim: &Claim, snapshot: &Snapshot) -> ClaimView {
    ClaimView::of(claim, |device| devices::view(device, snapshot))
}

fn refused(refusal: &Refusal, snapshot: &Snapshot) -> Answer {
    match refusal {
        Refusal::Nothing | Refusal::Length(_) => Answer::invalid(refusal.to_string()),
        Refusal::TooMany { .. } => Answer::refused(Why::Limit, refusal.to_string()),
        Refusal::Claimed { device, by } => {
            let text = format!("{} is {refusal}", devices::shown(device, snapshot));
            Answer { claims: vec![view(by, snapshot)], ..Answer::refused(Why::Claimed, text) }
        }
    }
}

fn not_ended(why: &NotEnded, snapshot: &Snapshot) -> String {
    let shown = |device: &ClaimedDevice| devices::shown(device, snapshot);
    match why {
        NotEnded::NotClaimed(device) => format!("nobody has claimed {}", shown(device)),
        NotEnded::OfAnother { device, by } => {
            format!("{} is claimed by {user}; only {user} and root can end that", shown(device), user = by.user)
        }
        NotEnded::PartOf { device, .. } => format!("{} is claimed with its whole GPU; unclaim that", shown(device)),
    }
}
