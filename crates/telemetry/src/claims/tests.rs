use super::*;
use crate::{BootTime, fixtures::blank::at};

const ALICE: u32 = 1001;
const BOB: u32 = 1002;
const HOUR: Duration = Duration::from_secs(3600);
const LIMITS: Limits = Limits { longest: Duration::from_secs(24 * 3600), gpus: None };

fn wanted(uid: u32, devices: &[ClaimedDevice]) -> Wanted {
    Wanted {
        uid,
        user: format!("user{uid}").into(),
        length: HOUR,
        process: None,
        why: "".into(),
        devices: devices.into(),
        renews: false,
    }
}

fn gpu(name: &str) -> ClaimedDevice {
    ClaimedDevice::gpu(name)
}

#[test]
fn claim_has_its_facts_and_ends_in_time() {
    let mut claims = Claims::default();
    let why = format!(" night\u{1b}[2J {}", "x".repeat(500));
    let claim = claims.claim(Wanted { why: why.into(), ..wanted(ALICE, &[gpu("A")]) }, at(5), LIMITS).unwrap();
    assert_eq!((claim.number, claim.kind, claim.since), (1, ClaimKind::Claim, at(5)));
    assert_eq!((claim.until, &*claim.user), (Some(at(3_600_005)), "user1001"));
    assert!(claim.why.starts_with("night\\x1b[2J x") && claim.why.chars().count() == MAX_WHY, "{}", claim.why);
    assert_eq!(claims.list().of(&gpu("A")), Some(&claim));
    assert_eq!(claims.list().of(&ClaimedDevice::instance("A", "M")), Some(&claim), "its instances are claimed with it");
    assert_eq!(claims.list().of(&gpu("B")), None);
    assert_eq!(claims.next_end(), Some(BootTime(3_600_005)));
    assert!(!claims.expire(BootTime(3_600_004)) && claims.expire(BootTime(3_600_005)));
    assert_eq!(claims, Claims { newest: 1, ..Claims::default() });
}

#[test]
fn all_devices_are_claimed_or_none() {
    let mut claims = Claims::default();
    let first = claims.claim(wanted(ALICE, &[gpu("B")]), at(0), LIMITS).unwrap();
    let refusal = claims.claim(wanted(BOB, &[gpu("A"), gpu("B")]), at(1), LIMITS).unwrap_err();
    assert_eq!(refusal, Refusal::Claimed { device: gpu("B"), by: first });
    assert_eq!(refusal.to_string(), "claimed by user1001");
    assert_eq!(claims.list().of(&gpu("A")), None);
    assert!(claims.claim(wanted(ALICE, &[gpu("B")]), at(1), LIMITS).is_err(), "also by its own user");
}

#[test]
fn instance_blocks_gpu_for_others() {
    let (one, two) = (ClaimedDevice::instance("A", "M1"), ClaimedDevice::instance("A", "M2"));
    let mut claims = Claims::default();
    claims.claim(wanted(ALICE, std::slice::from_ref(&one)), at(0), LIMITS).unwrap();
    assert!(claims.claim(wanted(BOB, &[gpu("A")]), at(0), LIMITS).is_err());
    claims.claim(wanted(BOB, std::slice::from_ref(&two)), at(0), LIMITS).unwrap();
    assert!(claims.claim(wanted(ALICE, &[gpu("A")]), at(0), LIMITS).is_err(), "the other instance is Bob's");
    assert_eq!(claims.unclaim(ALICE, &[gpu("A")], at(1)), Ok(vec![one.clone()]), "with its own instances");
    assert!(matches!(claims.unclaim(ALICE, &[gpu("A")], at(1)), Err(NotEnded::OfAnother { .. })));
    claims.claim(wanted(ALICE, &[gpu("B"), ClaimedDevice::instance("B", "M9"), gpu("B")]), at(1), LIMITS).unwrap();
    assert_eq!(claims.list().of(&gpu("B")).unwrap().devices, [gpu("B")], "a part of what is claimed as a whole");
    let part = ClaimedDevice::instance("B", "M9");
    assert!(matches!(claims.unclaim(ALICE, std::slice::from_ref(&part), at(1)), Err(NotEnded::PartOf { .. })));
    assert!(matches!(claims.unclaim(BOB, &[part], at(1)), Err(NotEnded::OfAnother { .. })));
}

#[test]
fn length_and_number_are_limited() {
    let mut claims = Claims::default();
    let limits = Limits { longest: 2 * HOUR, gpus: Some(1) };
    for length in [Duration::ZERO, Duration::from_millis(999), 2 * HOUR + Duration::from_secs(1), Duration::MAX] {
        let refusal = claims.claim(Wanted { length, ..wanted(ALICE, &[gpu("A")]) }, at(0), limits).unwrap_err();
        assert!(refusal.to_string().contains("from 1s to 2h"), "{refusal}");
    }
    assert_eq!(claims.claim(wanted(ALICE, &[]), at(0), limits), Err(Refusal::Nothing));
    assert_eq!(
        claims.claim(wanted(ALICE, &[gpu("A"), gpu("B")]), at(0), limits),
        Err(Refusal::TooMany { most: 1, wanted: 2 })
    );
    claims.claim(wanted(ALICE, &[ClaimedDevice::instance("A", "M1")]), at(0), limits).unwrap();
    claims.claim(wanted(ALICE, &[ClaimedDevice::instance("A", "M2")]), at(0), limits).unwrap();
    assert!(claims.claim(wanted(ALICE, &[gpu("B")]), at(0), limits).is_err());
    claims.claim(wanted(BOB, &[gpu("B")]), at(0), limits).unwrap();
}

#[test]
fn own_claim_renewed_on_request() {
    let mut claims = Claims::default();
    claims.claim(wanted(ALICE, &[gpu("A"), gpu("B")]), at(0), LIMITS).unwrap();
    let renewed = Wanted { renews: true, length: 2 * HOUR, why: "more".into(), ..wanted(ALICE, &[gpu("A")]) };
    let claim = claims.claim(renewed.clone(), at(10), LIMITS).unwrap();
    assert_eq!((claim.since, claim.until, &*claim.why), (at(0), Some(at(7_200_010)), "more"));
    assert_eq!(claims.list().of(&gpu("B")).unwrap().devices, [gpu("B")]);
    assert!(claims.claim(Wanted { uid: BOB, ..renewed }, at(10), LIMITS).is_err());
}

#[test]
fn claim_of_run_ends_with_its_process() {
    let process = ClaimProcess { pid: 7, started_ticks: Some(99) };
    let mut claims = Claims::default();
    let run = Wanted { process: Some(process), length: Duration::MAX, ..wanted(ALICE, &[gpu("A")]) };
    let claim = claims.claim(run.clone(), at(0), LIMITS).unwrap();
    assert_eq!((claim.kind, claim.until), (ClaimKind::Run, None));
    assert!(claims.claim(Wanted { renews: true, ..run }, at(0), LIMITS).is_err(), "a second run of the same user");
    claims.claim(wanted(ALICE, &[gpu("B")]), at(0), LIMITS).unwrap();
    assert_eq!(claims.unclaim(ALICE, &[], at(1)), Ok(vec![gpu("B")]), "the process still runs");
    assert!(!claims.end_process(ClaimProcess { pid: 7, started_ticks: Some(100) }));
    assert!(claims.end_process(process) && claims.list().iter().next().is_none());
}

#[test]
fn only_root_ends_claims_of_others() {
    let mut claims = Claims::default();
    let claim = claims.claim(wanted(ALICE, &[gpu("A")]), at(0), LIMITS).unwrap();
    let refused = claims.unclaim(BOB, &[gpu("A")], at(1));
    assert_eq!(refused, Err(NotEnded::OfAnother { device: gpu("A"), by: claim }));
    assert_eq!(claims.unclaim(BOB, &[], at(1)), Ok(vec![]));
    assert_eq!(claims.unclaim(0, &[], at(1)), Ok(vec![]), "without devices root ends its own");
    assert_eq!(claims.unclaim(ALICE, &[gpu("B")], at(1)), Err(NotEnded::NotClaimed(gpu("B"))));
    assert_eq!(claims.unclaim(0, &[gpu("A")], at(1)), Ok(vec![gpu("A")]));
}

#[test]
fn reboot_and_wrong_dates_never_lengthen_claims() {
    let mut claims = Claims::default();
    claims.claim(wanted(ALICE, &[gpu("A")]), at(0), LIMITS).unwrap();
    let saved = claims.saved("a");
    let rebooted = |unix_ms: u64| {
        Claims::restored(saved.clone(), "b", Stamp { boot: BootTime(5000), unix_ms }, |_| true).next_end()
    };
    let begun = at(0).unix_ms;
    assert_eq!(rebooted(begun + 600_000), Some(BootTime(5000 + 3_000_000)), "the rest by the date");
    assert_eq!(rebooted(0), Some(BootTime(5000 + 3_600_000)), "the date is not set yet");
    assert_eq!(rebooted(begun + 3_600_000), None);
    // In the same boot the date does not count.
    let same = Claims::restored(saved.clone(), "a", Stamp { boot: BootTime(1), unix_ms: u64::MAX }, |_| true);
    assert_eq!(same.next_end(), Some(BootTime(3_600_000)));
    // A kernel without boot IDs.
    let unknown = Claims::restored(claims.saved(""), "", Stamp { boot: BootTime(1), unix_ms: u64::MAX }, |_| true);
    assert_eq!(unknown.next_end(), None);
}

#[test]
fn account_renamed_in_its_claims() {
    let mut claims = Claims::default();
    claims.claim(wanted(ALICE, &[gpu("A")]), at(0), LIMITS).unwrap();
    assert!(claims.rename(ALICE, "alice") && !claims.rename(ALICE, "alice") && !claims.rename(BOB, "bob"));
    assert_eq!(&*claims.list().of(&gpu("A")).unwrap().user, "alice");
}
