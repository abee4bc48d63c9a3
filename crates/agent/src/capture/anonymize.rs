//! Replaces identities in a capture: UUIDs, serial numbers and PIDs. Equal ones are replaced equally, so that relations
//! remain, and in an order by which a capture of the playback is the same again.

use std::collections::{BTreeMap, BTreeSet};

use telemetry::capture::{Item, List, Outcome, Record};

/// PIDs of Linux. A value outside is a fault of the driver, and is kept.
const PIDS: std::ops::RangeInclusive<u64> = 1..=4 * 1024 * 1024;
/// First PID in a capture, so high that a host has hardly a process of that number.
const FIRST_PID: u64 = 4_000_001;
/// Rounding of ages, in microseconds, so that the duration of the capture does not show.
const AGE_STEP_US: u64 = 500_000;
/// Lengths of the groups of a UUID.
const UUID_GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
/// Shorter serial numbers are too common as text to be replaced elsewhere.
const MIN_SERIAL: usize = 6;

/// Replaces the identities in the records.
pub(super) fn anonymize(records: &mut [Record]) {
    let pids = pids(records);
    let mut uuids = UuidMap::default();
    let serials = serials(records);
    for record in records {
        let is_serial = record.function == "nvmlDeviceGetSerial";
        let is_uuid = record.function == "nvmlDeviceGetUUID";
        match &mut record.outcome {
            Outcome::Told(items) => {
                for text in items.iter_mut().filter_map(text) {
                    *text = match serials.get(text.as_slice()) {
                        Some(replacement) if is_serial => replacement.clone(),
                        _ if is_uuid => uuids.replace(text),
                        _ => uuids.replace_within(&without_serials(text, &serials)),
                    };
                }
            }
            Outcome::Listed(List::Entries { entries, .. }) => {
                let has_ages = record.function.contains("Utilization");
                entries.iter_mut().for_each(|entry| replace_pid(entry, &pids, has_ages));
            }
            _ => {}
        }
    }
}

fn text(item: &mut Item) -> Option<&mut Vec<u8>> {
    match item {
        Item::Text(text) => Some(text),
        Item::Word(_) => None,
    }
}

/// Replacement of each PID, in the same order.
fn pids(records: &[Record]) -> BTreeMap<u64, u64> {
    let lists = records.iter().filter_map(|record| match &record.outcome {
        Outcome::Listed(List::Entries { entries, .. }) => Some(entries),
        _ => None,
    });
    let all: BTreeSet<u64> = lists.flatten().filter_map(|entry| entry.first().copied()).collect();
    all.into_iter().filter(|pid| PIDS.contains(pid)).zip(FIRST_PID..).collect()
}

fn replace_pid(entry: &mut [u64], pids: &BTreeMap<u64, u64>, has_age: bool) {
    if let Some(pid) = entry.first_mut() {
        *pid = pids.get(pid).copied().unwrap_or(*pid);
    }
    if let Some(age) = entry.get_mut(1).filter(|age| has_age && **age != u64::MAX) {
        *age -= *age % AGE_STEP_US;
    }
}

/// Replacement of each serial number, of the same length.
fn serials(records: &[Record]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut replacements: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for record in records.iter().filter(|record| record.function == "nvmlDeviceGetSerial") {
        let Outcome::Told(items) = &record.outcome else { continue };
        for item in items {
            let Item::Text(serial) = item else { continue };
            let number = replacements.len() + 1;
            let width = serial.len();
            replacements.entry(serial.clone()).or_insert_with(|| {
                let digits = format!("{number:0width$}");
                // The last digits, if there are more than fit.
                digits.as_bytes()[digits.len() - width..].to_vec()
            });
        }
    }
    replacements
}

/// Replaces the serial numbers within a text.
fn without_serials(text: &[u8], serials: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<u8> {
    let mut text = text.to_vec();
    for (serial, replacement) in serials.iter().filter(|(serial, _)| serial.len() >= MIN_SERIAL) {
        let mut from = 0;
        while let Some(at) = text[from..].windows(serial.len()).position(|window| window == serial) {
            let start = from + at;
            from = start + serial.len();
            text[start..from].copy_from_slice(replacement);
        }
    }
    text
}

/// UUIDs found so far, with their numbers.
#[derive(Default)]
struct UuidMap(BTreeMap<Vec<u8>, usize>);

impl UuidMap {
    fn number(&mut self, uuid: &[u8]) -> usize {
        let next = self.0.len() + 1;
        *self.0.entry(uuid.to_ascii_lowercase()).or_insert(next)
    }

    /// Replaces a device's UUID, in any form.
    fn replace(&mut self, text: &[u8]) -> Vec<u8> {
        let within = self.replace_within(text);
        if within != text || text.is_empty() || find(text, 0).is_some() {
            return within;
        }
        let number = self.number(text);
        // A UUID that the agent rejects is replaced by one that it rejects too.
        let readable = text.iter().all(u8::is_ascii_graphic);
        if readable { format!("not-a-uuid-{number}") } else { format!("not a uuid {number}") }.into_bytes()
    }

    /// Replaces the UUIDs within a text.
    fn replace_within(&mut self, text: &[u8]) -> Vec<u8> {
        let mut text = text.to_vec();
        let mut from = 0;
        while let Some(at) = find(&text, from) {
            let end = at + LENGTH;
            let number = self.number(&text[at..end]);
            let replacement = format!("00000000-0000-0000-0000-{number:012x}");
            text[at..end].copy_from_slice(replacement.as_bytes());
            from = end;
        }
        text
    }
}

/// Length of a UUID with its hyphens.
const LENGTH: usize = 36;

/// Position of the next UUID.
fn find(text: &[u8], from: usize) -> Option<usize> {
    let is_uuid = |window: &[u8]| {
        let mut groups = window.split(|byte| *byte == b'-');
        let fits = UUID_GROUPS.iter().all(|length| {
            groups.next().is_some_and(|group| group.len() == *length && group.iter().all(u8::is_ascii_hexdigit))
        });
        fits && groups.next().is_none()
    };
    text.get(from..)?.windows(LENGTH).position(is_uuid).map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::capture::About;

    const REAL: &str = "GPU-8a56a4bc-e184-a047-2620-be19fdf913d5";

    fn texts(function: &str, text: &[u8]) -> Record {
        let outcome = Outcome::Told(vec![Item::Text(text.into())]);
        Record { function: function.into(), about: About::Gpu(0), with: vec![], outcome, at_us: 0, took_us: 0 }
    }

    fn listed(function: &str, entries: Vec<Vec<u64>>) -> Record {
        let outcome = Outcome::Listed(List::Entries { width: 24, entries });
        Record { outcome, ..texts(function, b"") }
    }

    fn text(record: &Record) -> String {
        let Outcome::Told(items) = &record.outcome else { panic!("{record:?}") };
        let [Item::Text(text)] = items.as_slice() else { panic!("{items:?}") };
        String::from_utf8(text.clone()).unwrap()
    }

    #[test]
    fn identities_replaced_consistently() {
        let uuid = |text: &str| texts("nvmlDeviceGetUUID", text.as_bytes());
        let mut records = vec![
            uuid(REAL),
            uuid(&REAL.replace("GPU-8", "GPU-9")),
            // Form of MIG instances before driver 470.
            uuid(&format!("MIG-{}/1/0", REAL.to_uppercase())),
            uuid("what is this"),
            uuid(""),
            texts("nvmlDeviceGetSerial", b"1564720004711"),
            texts("nvmlDeviceGetSerial", b"42"),
            texts("nvmlDeviceGetSerial", b"1564720004711"),
            texts("nvmlDeviceGetName", format!("NVIDIA {REAL} 1564720004711 x42").as_bytes()),
        ];
        anonymize(&mut records);
        let one = "00000000-0000-0000-0000-000000000001";
        let expected = [
            &format!("GPU-{one}"),
            "GPU-00000000-0000-0000-0000-000000000002",
            &format!("MIG-GPU-{one}/1/0"),
            "not a uuid 3",
            "",
            "0000000000001",
            "02",
            "0000000000001",
            &format!("NVIDIA GPU-{one} 0000000000001 x42"),
        ];
        assert_eq!(records.iter().map(text).collect::<Vec<_>>(), expected);
        let once = records.clone();
        anonymize(&mut records);
        assert_eq!(records, once, "made up again it is the same");
    }

    #[test]
    fn pids_keep_order_and_impossible_ones_stay() {
        let mut records = vec![
            listed(
                "nvmlDeviceGetComputeRunningProcesses_v3",
                vec![vec![777, 5], vec![0, 5], vec![u64::from(u32::MAX), 5]],
            ),
            listed("nvmlDeviceGetGraphicsRunningProcesses_v3", vec![vec![12, 123_456]]),
            listed("nvmlDeviceGetProcessUtilization", vec![vec![777, 623_456, 9], vec![12, u64::MAX, 9]]),
        ];
        anonymize(&mut records);
        let entries = |record: &Record| match &record.outcome {
            Outcome::Listed(List::Entries { entries, .. }) => entries.clone(),
            other => panic!("{other:?}"),
        };
        let [first, second, shares] = [0, 1, 2].map(|at| entries(&records[at]));
        assert_eq!(first, [vec![4_000_002, 5], vec![0, 5], vec![u64::from(u32::MAX), 5]]);
        assert_eq!(second, [[4_000_001, 123_456]]);
        assert_eq!(shares, [[4_000_002, 500_000, 9], [4_000_001, u64::MAX, 9]]);
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_text_tolerated(text in proptest::collection::vec(proptest::num::u8::ANY, 0..120), serial in "[0-9a-f-]{0,40}") {
            let mut records = vec![
                texts("nvmlDeviceGetUUID", &text),
                texts("nvmlDeviceGetSerial", serial.as_bytes()),
                texts("nvmlDeviceGetName", &[&text[..], serial.as_bytes()].concat()),
            ];
            anonymize(&mut records);
            anonymize(&mut records);
        }
    }
}
