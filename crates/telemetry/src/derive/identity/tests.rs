use super::*;
use crate::{Absence, BootTime, Reading, Stamp, derive::tests::gpu, readings::Identity};

/// A GPU at an index, with what it reports of its identity.
fn there(index: u32, bus: Option<u32>, uuid: Reading<&str>) -> GpuSample {
    let mut sample = gpu(index, "", 1000);
    sample.identity = Identity::absent(Absence::Error);
    sample.identity.uuid = uuid.map(String::from);
    sample.identity.pci_bus_id = bus.map(|bus| format!("0{bus}:00.0")).ok_or(Absence::Error);
    sample
}

fn known(index: u32, key: &str) -> KnownGpu {
    let read_at = Stamp { boot: BootTime(0), unix_ms: 0 };
    KnownGpu { key: key.into(), index, identity: Identity::absent(Absence::Error), read_at, never_read: false }
}

const NONE: Reading<&str> = Err(Absence::Error);

#[test]
fn names_are_uuids_or_places() {
    let zero = Ok("GPU-00000000-0000-0000-0000-000000000000");
    for (name, gpus, expected, notes) in [
        ("as it should be", [there(0, Some(1), Ok("A")), there(1, Some(2), Ok("B"))], ["A", "B"], 0),
        ("one UUID", [there(0, Some(1), Ok("A")), there(1, Some(2), Ok("A"))], ["bus 01:00.0", "bus 02:00.0"], 2),
        ("one UUID and bus", [there(0, Some(1), Ok("A")), there(1, Some(1), Ok("A"))], ["index 0", "index 1"], 2),
        ("blank", [there(0, Some(1), zero), there(1, Some(2), Ok("B"))], ["bus 01:00.0", "B"], 1),
        ("unreadable", [there(0, Some(1), NONE), there(1, Some(2), Ok("B"))], ["bus 01:00.0", "B"], 1),
        ("nothing readable", [there(0, None, NONE), there(1, None, NONE)], ["index 0", "index 1"], 2),
        ("one bus", [there(0, Some(1), Ok("A")), there(1, Some(1), Ok("B"))], ["A", "B"], 0),
        ("no bus", [there(0, None, Ok("A")), there(1, None, Ok("B"))], ["A", "B"], 0),
    ] {
        let mut keys = Keys::default();
        for _ in 0..3 {
            assert_eq!(keys.assign(&gpus, &[]), expected, "{name}");
        }
        assert_eq!(keys.notes().len(), notes, "{name}: {:?}", keys.notes());
    }
}

#[test]
fn name_stays_while_uuid_fails_or_another_takes_it() {
    let mut keys = Keys::default();
    let well = [there(0, Some(1), Ok("A")), there(1, Some(2), Ok("B"))];
    assert_eq!(keys.assign(&well, &[]), ["A", "B"]);
    assert_eq!(keys.assign(&[there(0, Some(1), NONE), there(1, Some(2), Ok("A"))], &[]), ["A", "B"]);
    assert_eq!(keys.assign(&[there(0, Some(1), Ok("A")), there(1, Some(2), Ok("A"))], &[]), ["A", "B"]);
    assert_eq!(keys.assign(&well, &[]), ["A", "B"]);
    // A handle that is refused says nothing; the GPU last seen under its index is missing.
    let mut refused = there(1, None, NONE);
    refused.handle = Err(Absence::Lost);
    let seen = [known(0, "A"), known(1, "B")];
    assert_eq!(keys.assign(&[well[0].clone(), refused.clone()], &seen), ["A", "B"]);
    assert_eq!(keys.assign(&[well[1].clone(), refused], &seen), ["B", "index 1"], "B is elsewhere");
    assert_eq!(keys.take_renamed(), []);
}

#[test]
fn index_that_moves_keeps_names() {
    for bus in [true, false] {
        let at = |index, id: u32, uuid| there(index, bus.then_some(id), Ok(uuid));
        let mut keys = Keys::default();
        let seen = [known(0, "A"), known(1, "B"), known(2, "C")];
        assert_eq!(keys.assign(&[at(0, 1, "A"), at(1, 2, "B"), at(2, 3, "C")], &[]), ["A", "B", "C"]);
        for _ in 0..4 {
            assert_eq!(keys.assign(&[at(0, 2, "B"), at(1, 3, "C")], &seen), ["B", "C"]);
            assert_eq!(keys.assign(&[at(0, 3, "C"), at(1, 1, "A"), at(2, 2, "B")], &seen), ["C", "A", "B"]);
        }
        assert!(keys.notes().is_empty());
    }
}

#[test]
fn uuid_that_changes_is_pinned_to_first() {
    let mut keys = Keys::default();
    let mut names = BTreeSet::new();
    for second in 0..500 {
        let uuid = format!("U{second}");
        names.extend(keys.assign(&[there(0, Some(1), Ok(&uuid)), there(1, Some(2), Ok("B"))], &[]));
    }
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["B", "U0", "U1"]);
    assert_eq!(keys.take_renamed(), [("U1".to_owned(), "U0".to_owned())]);
    assert!(keys.notes()[0].contains("changes") && keys.notes().len() == 1, "{:?}", keys.notes());
    // A GPU that was replaced is another one.
    let mut keys = Keys::default();
    assert_eq!(keys.assign(&[there(0, Some(1), Ok("A"))], &[]), ["A"]);
    assert_eq!(keys.assign(&[there(0, Some(1), Ok("B"))], &[]), ["B"]);
    assert_eq!((keys.take_renamed().len(), keys.notes().len()), (0, 0));
}

#[test]
fn uuid_read_at_last_renames_place() {
    let mut keys = Keys::default();
    assert_eq!(keys.assign(&[there(0, Some(1), NONE)], &[]), ["bus 01:00.0"]);
    assert_eq!(keys.assign(&[there(0, Some(1), Ok("A"))], &[]), ["A"]);
    assert_eq!(keys.take_renamed(), [("bus 01:00.0".to_owned(), "A".to_owned())]);
    assert!(keys.notes().is_empty());
}

#[test]
fn places_are_bounded_and_names_lasting_or_not() {
    let mut keys = Keys::default();
    for bus in 0..2000 {
        keys.assign(&[there(0, Some(bus), Ok(&format!("U{bus}")))], &[]);
    }
    assert!(keys.places.len() <= MAX_PLACES + 1 && keys.last.len() <= MAX_PLACES + 1);
    assert_eq!(["A", "bus 1", "index 1"].map(is_lasting), [true, true, false]);
}
