//! The state machine beside a model of it: each device is a set of leaves, and every pair of entries is compared.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::BootTime;

/// Each GPU has two instances and a rest that no instance has.
const LEAVES: u8 = 3;
const LONGEST: Duration = Duration::from_secs(40);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    gpu: u8,
    instance: Option<u8>,
}

impl Place {
    fn leaves(self) -> BTreeSet<u8> {
        let own = |leaf: &u8| self.instance.is_none_or(|instance| instance == *leaf);
        (0..LEAVES).filter(own).map(|leaf| self.gpu * LEAVES + leaf).collect()
    }

    fn device(self) -> ClaimedDevice {
        let gpu = format!("GPU-{}", self.gpu);
        self.instance
            .map_or_else(|| ClaimedDevice::gpu(&gpu), |one| ClaimedDevice::instance(&gpu, &format!("MIG-{one}")))
    }
}

/// One device of one claim.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    uid: u32,
    place: Place,
    pid: Option<u32>,
    end_s: Option<u64>,
}

#[derive(Clone, Debug)]
enum Step {
    Claim { uid: u32, places: Vec<Place>, length_s: u64, renews: bool },
    Run { uid: u32, places: Vec<Place>, pid: u32 },
    Unclaim { uid: u32, places: Vec<Place> },
    End { pid: u32 },
    Wait { seconds: u64 },
    Restart,
    Reboot { away_s: u64 },
}

fn place() -> impl Strategy<Value = Place> {
    (0..2_u8, proptest::option::of(0..2_u8)).prop_map(|(gpu, instance)| Place { gpu, instance })
}

fn step() -> impl Strategy<Value = Step> {
    let places = || prop::collection::vec(place(), 0..3);
    prop_oneof![
        4 => (0..4_u32, places(), 0..50_u64, any::<bool>())
            .prop_map(|(uid, places, length_s, renews)| Step::Claim { uid, places, length_s, renews }),
        3 => (0..4_u32, places(), 1..5_u32).prop_map(|(uid, places, pid)| Step::Run { uid, places, pid }),
        2 => (0..4_u32, places()).prop_map(|(uid, places)| Step::Unclaim { uid, places }),
        1 => (1..5_u32).prop_map(|pid| Step::End { pid }),
        2 => (0..30_u64).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Restart),
        1 => (0..30_u64).prop_map(|away_s| Step::Reboot { away_s }),
    ]
}

fn process(pid: u32) -> ClaimProcess {
    ClaimProcess { pid, started_ticks: Some(7) }
}

/// Expected claims.
#[derive(Default)]
struct Model {
    entries: Vec<Entry>,
    gpus: Option<usize>,
}

impl Model {
    fn claim(&mut self, uid: u32, places: &[Place], pid: Option<u32>, length_s: u64, renews: bool, now_s: u64) -> bool {
        let within = |one: Place, all: &[Place]| all.iter().any(|other| one.leaves().is_subset(&other.leaves()));
        let once: BTreeSet<Place> = places.iter().copied().collect();
        let whole = |place: &Place| {
            let others: Vec<Place> = once.iter().filter(|other| *other != place).copied().collect();
            !within(*place, &others)
        };
        let places: Vec<Place> = once.iter().copied().filter(whole).collect();
        let is_refused = places.is_empty()
            || pid.is_none() && !(1..=LONGEST.as_secs()).contains(&length_s)
            || places.iter().any(|place| {
                self.entries.iter().any(|entry| {
                    let (wanted, has) = (place.leaves(), entry.place.leaves());
                    if entry.uid == uid {
                        wanted.is_subset(&has) && !(renews && entry.pid.is_none())
                    } else {
                        !wanted.is_disjoint(&has)
                    }
                })
            });
        let own = self.entries.iter().filter(|entry| entry.uid == uid).map(|entry| entry.place.gpu);
        let gpus = own.chain(places.iter().map(|place| place.gpu)).collect::<BTreeSet<_>>().len();
        if is_refused || self.gpus.is_some_and(|most| gpus > most) {
            return false;
        }
        if renews {
            self.entries.retain(|entry| entry.uid != uid || entry.pid.is_some() || !within(entry.place, &places));
        }
        let end_s = pid.is_none().then_some(now_s + length_s);
        self.entries.extend(places.into_iter().map(|place| Entry { uid, place, pid, end_s }));
        true
    }

    fn unclaim(&mut self, uid: u32, places: &[Place]) -> bool {
        let may = |entry: &Entry| uid == 0 || entry.uid == uid;
        let within = |entry: &Entry, place: &Place| entry.place.leaves().is_subset(&place.leaves());
        if places.is_empty() {
            self.entries.retain(|entry| entry.uid != uid || entry.pid.is_some());
            return true;
        }
        if !places.iter().all(|place| self.entries.iter().any(|entry| may(entry) && within(entry, place))) {
            return false;
        }
        self.entries.retain(|entry| !may(entry) || !places.iter().any(|place| within(entry, place)));
        true
    }
}

/// Entries of the state machine by the wall clock, sorted; `boot_s` is the time of the boot by that clock.
fn entries(claims: &Claims, boot_s: u64) -> Vec<(u32, ClaimedDevice, Option<u32>, Option<u64>)> {
    let mut all = Vec::new();
    for claim in &claims.all {
        let pid = claim.process.map(|process| process.pid);
        let end_s = claim.until.map(|until| until.unix_ms / 1000);
        assert_eq!(claim.until.map(|until| until.boot.0 / 1000 + boot_s), end_s, "both clocks agree");
        all.extend(claim.devices.iter().map(|device| (claim.uid, device.clone(), pid, end_s)));
    }
    all.sort();
    all
}

fn wanted(uid: u32, places: &[Place], pid: Option<u32>, length_s: u64, renews: bool) -> Wanted {
    Wanted {
        uid,
        user: uid.to_string().into(),
        length: Duration::from_secs(length_s),
        process: pid.map(process),
        why: "".into(),
        devices: places.iter().map(|place| place.device()).collect(),
        renews,
    }
}

fn play(steps: &[Step], gpus: Option<usize>) -> Result<(), TestCaseError> {
    let limits = Limits { longest: LONGEST, gpus };
    let (mut claims, mut model) = (Claims::default(), Model { gpus, ..Model::default() });
    let (mut now_s, mut boot_s) = (1_000_u64, 900_u64);
    for step in steps {
        let stamp = |now_s: u64, boot_s: u64| Stamp { boot: BootTime((now_s - boot_s) * 1000), unix_ms: now_s * 1000 };
        let now = stamp(now_s, boot_s);
        let newest = claims.newest;
        match step {
            Step::Claim { uid, places, length_s, renews } => {
                let claimed = claims.claim(wanted(*uid, places, None, *length_s, *renews), now, limits).is_ok();
                prop_assert_eq!(claimed, model.claim(*uid, places, None, *length_s, *renews, now_s));
            }
            Step::Run { uid, places, pid } => {
                let claimed = claims.claim(wanted(*uid, places, Some(*pid), 0, false), now, limits).is_ok();
                prop_assert_eq!(claimed, model.claim(*uid, places, Some(*pid), 0, false, now_s));
            }
            Step::Unclaim { uid, places } => {
                let devices: Vec<ClaimedDevice> = places.iter().map(|place| place.device()).collect();
                prop_assert_eq!(claims.unclaim(*uid, &devices, now).is_ok(), model.unclaim(*uid, places));
            }
            Step::End { pid } => {
                claims.end_process(process(*pid));
                model.entries.retain(|entry| entry.pid != Some(*pid));
            }
            Step::Wait { seconds } => now_s += seconds,
            Step::Restart => {
                // The process with PID 1 ended while no agent ran.
                claims = Claims::restored(claims.saved("a"), "a", now, |one| one.pid != 1);
                model.entries.retain(|entry| entry.pid != Some(1));
            }
            Step::Reboot { away_s } => {
                let saved = claims.saved("a");
                now_s += away_s;
                boot_s = now_s - 1;
                claims = Claims::restored(saved, "b", stamp(now_s, boot_s), |_| true);
                model.entries.retain(|entry| entry.pid.is_none());
            }
        }
        claims.expire(stamp(now_s, boot_s).boot);
        model.entries.retain(|entry| entry.end_s.is_none_or(|end_s| end_s > now_s));
        let expected = model.entries.iter().map(|entry| (entry.uid, entry.place.device(), entry.pid, entry.end_s));
        let mut expected: Vec<_> = expected.collect();
        expected.sort();
        prop_assert_eq!(entries(&claims, boot_s), expected);
        prop_assert!(claims.all.iter().map(|claim| claim.number).is_sorted() && claims.newest >= newest);
        for (at, one) in model.entries.iter().enumerate() {
            let mut later = model.entries.iter().skip(at + 1);
            let is_double =
                |other: &Entry| one.uid != other.uid && !one.place.leaves().is_disjoint(&other.place.leaves());
            prop_assert!(!later.any(is_double), "two users have one device");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn claims_behave_as_the_model(steps in prop::collection::vec(step(), 0..40), gpus in proptest::option::of(0..3_usize)) {
        play(&steps, gpus)?;
    }
}
