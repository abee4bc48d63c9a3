//! Claims on the devices of a snapshot, and users who compute there although another has claimed them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    Stamp,
    claim_conflicts::others,
    claims::{Claim, ClaimList, ClaimedDevice},
    derive::identity::is_uuid,
    snapshot::{Claimed, Event, EventKind, Gpu, Severity},
};

/// Code of the events.
const CODE: &str = "claim_conflict";
/// Most users of which one claim has events: containers with ever new names must not fill the memory.
const MAX_USERS: usize = 64;

/// Puts claims on GPUs and MIG instances. A claim of a GPU is one of its instances, too.
pub(super) fn place(gpus: &mut [Gpu], list: &ClaimList) {
    if list.iter().next().is_none() {
        return;
    }
    for gpu in gpus {
        let on = |device: &ClaimedDevice| {
            let claim = list.of(device)?;
            Some(Claimed { claim: Arc::clone(claim), conflicts: others(gpu, device, claim.uid).into_iter().collect() })
        };
        let whole = on(&ClaimedDevice::gpu(&gpu.key));
        let instances = gpu.mig.iter().flatten().map(|mig| match &mig.sample.uuid {
            Ok(uuid) => on(&ClaimedDevice::instance(&gpu.key, uuid)),
            // Which instance it is was not read.
            Err(_) => whole.clone().map(|claimed| Claimed { conflicts: Vec::new(), ..claimed }),
        });
        let instances: Vec<Option<Claimed>> = instances.collect();
        for (mig, claimed) in gpu.mig.iter_mut().flatten().zip(instances) {
            mig.claim = claimed;
        }
        gpu.claim = whole;
    }
}

/// Users with an event, by the number of the claim.
#[derive(Debug, Default)]
pub(super) struct Conflicts(BTreeMap<u64, BTreeSet<String>>);

impl Conflicts {
    /// Events of users who compute on devices that another has claimed: one for each claim and user, also over a restart, of
    /// which the events that are kept still have it.
    pub(super) fn see(&mut self, gpus: &[Gpu], kept: &[Event], now: Stamp) -> Vec<Event> {
        let claimed = gpus.iter().flat_map(|gpu| {
            let whole = gpu.claim.as_ref();
            let number = whole.map(|whole| whole.claim.number);
            let instances = gpu.mig.iter().flatten().filter_map(|mig| mig.claim.as_ref());
            let own = instances.filter(move |one| Some(one.claim.number) != number);
            whole.into_iter().chain(own).map(move |one| (gpu, one))
        });
        let claimed: Vec<(&Gpu, &Claimed)> = claimed.collect();
        self.0.retain(|number, _| claimed.iter().any(|(_, one)| one.claim.number == *number));
        let mut events = Vec::new();
        for (gpu, Claimed { claim, conflicts }) in claimed {
            for user in conflicts {
                let known = self.0.entry(claim.number).or_default();
                if known.len() < MAX_USERS && known.insert(user.clone()) && !has(kept, claim, user) {
                    events.push(event(gpu, claim, user, now));
                }
            }
        }
        events
    }
}

fn text(user: &str, gpu: u32, claim: &Claim) -> String {
    format!("{user} computes on GPU {gpu}, which {} has claimed", claim.user)
}

/// True if the user has an event since the claim began.
fn has(kept: &[Event], claim: &Claim, user: &str) -> bool {
    let (begin, end) = (format!("{user} computes on GPU "), format!(", which {} has claimed", claim.user));
    let newest = kept.iter().rev().take_while(|event| event.at.unix_ms >= claim.since.unix_ms);
    newest.into_iter().any(|event| event.code == CODE && event.text.starts_with(&begin) && event.text.ends_with(&end))
}

fn event(gpu: &Gpu, claim: &Claim, user: &str, now: Stamp) -> Event {
    Event {
        sequence: 0,
        at: now,
        kind: EventKind::Claim,
        gpu_uuid: is_uuid(&gpu.key).then(|| gpu.key.clone()),
        severity: Severity::Warning,
        code: CODE.into(),
        text: text(user, gpu.index, claim),
        action: "Agree with the user who has claimed it, or use another GPU: `find` skips claimed ones.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        claims::{Claims, Limits, Wanted},
        fixtures::blank::{self, at},
        snapshot::Process,
    };
    use std::time::Duration;

    fn claims(uid: u32, devices: &[&str]) -> ClaimList {
        let mut claims = Claims::default();
        let wanted = Wanted {
            uid,
            user: "alice".into(),
            length: Duration::from_secs(3600),
            process: None,
            why: "".into(),
            devices: devices.iter().map(|key| ClaimedDevice::gpu(key)).collect(),
            renews: false,
        };
        claims.claim(wanted, at(10), Limits { longest: Duration::from_secs(3600), gpus: None }).unwrap();
        claims.list()
    }

    fn gpu(index: u32, key: &str, users: &[(u32, &str)]) -> Gpu {
        let process = |(uid, name): &(u32, &str)| Process {
            uid: Ok(*uid),
            user: Some((*name).into()),
            holds: true,
            ..blank::process(*uid)
        };
        Gpu { index, processes: users.iter().map(process).collect(), ..blank::gpu(key, at(0)) }
    }

    #[test]
    fn conflict_is_one_event_per_claim_and_user() {
        let list = claims(1001, &["GPU-A", "GPU-B"]);
        let mut gpus = vec![gpu(0, "GPU-A", &[]), gpu(1, "GPU-B", &[(1001, "alice"), (1002, "bob")])];
        place(&mut gpus, &list);
        let conflicts = |gpu: &Gpu| gpu.claim.as_ref().unwrap().conflicts.clone();
        assert_eq!((conflicts(&gpus[0]), conflicts(&gpus[1])), (vec![], vec!["bob".to_owned()]));
        let mut log = Conflicts::default();
        let events = log.see(&gpus, &[], at(20));
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].text, "bob computes on GPU 1, which alice has claimed");
        assert_eq!(
            (events[0].kind, events[0].severity, events[0].gpu_uuid.as_deref()),
            (EventKind::Claim, Severity::Warning, Some("GPU-B"))
        );
        gpus[0] = gpu(0, "GPU-A", &[(1002, "bob"), (77, "77")]);
        place(&mut gpus, &list);
        let more = log.see(&gpus, &events, at(30));
        assert_eq!(
            more.iter().map(|event| &*event.text).collect::<Vec<_>>(),
            ["77 computes on GPU 0, which alice has claimed"]
        );
        // After a restart of the agent.
        let all = [events, more].concat();
        assert_eq!(Conflicts::default().see(&gpus, &all, at(40)), []);
        // Another claim.
        place(&mut gpus, &ClaimList::default());
        gpus.iter_mut().for_each(|gpu| gpu.claim = None);
        assert_eq!(log.see(&gpus, &all, at(50)), []);
        assert!(log.0.is_empty());
    }

    #[test]
    fn events_of_one_claim_are_limited() {
        let list = claims(1001, &["GPU-A"]);
        let names: Vec<String> = (0..200).map(|number| format!("user{number}")).collect();
        let users: Vec<(u32, &str)> = (2000..).zip(names.iter().map(String::as_str)).collect();
        let mut gpus = vec![gpu(0, "GPU-A", &users)];
        place(&mut gpus, &list);
        assert_eq!(Conflicts::default().see(&gpus, &[], at(20)).len(), MAX_USERS);
    }
}
