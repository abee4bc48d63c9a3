//! From the lists of all sources to one list with one target per endpoint and one name per target.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    entry::{Entry, MAX_NAME, Shared, is_name},
    list::{Group, MAX_TARGETS},
    notes::{Notes, quoted},
};
use crate::target::{Endpoint, Target};

/// Most notes of a list; the others are counted.
const MAX_NOTES: usize = 20;
/// Most bytes of the labels of all targets, as they are sent for each of them: 800 for each of 20,000.
const MAX_LABEL_BYTES: usize = 16 << 20;
/// Note of a target beyond that.
const UNLABELLED: &str = "its labels are left out: the hosts have too many in all";

/// Reads the targets of a list. Invalid ones are left out alone, each with a note.
pub(super) fn entries(groups: &[Group]) -> (Vec<Entry>, Vec<String>) {
    let (mut entries, mut notes) = (Vec::new(), Notes::new(MAX_NOTES));
    for group in groups {
        let shared = Shared::new(&group.labels).map(Arc::new);
        for target in &group.targets {
            let entry = shared.as_ref().map_err(Clone::clone).and_then(|shared| Entry::of(shared, target));
            match entry {
                Ok(entry) => entries.push(entry),
                Err(why) => notes.add(|| format!("the target {} is left out: {why}", quoted(target))),
            }
        }
    }
    (entries, notes.finish())
}

/// The first notes, and the number of the others.
pub(super) fn limited(notes: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut first = Notes::new(MAX_NOTES);
    notes.into_iter().for_each(|note| first.add(|| note));
    first.finish()
}

/// Joins lists. The first target of an endpoint is used, and the first with a name keeps it.
pub(super) fn targets<'a>(lists: impl Iterator<Item = &'a Entry>) -> (Vec<Arc<Target>>, Vec<String>) {
    let mut places: HashMap<&Endpoint, usize> = HashMap::new();
    let mut entries: Vec<(&Entry, bool)> = Vec::new();
    let mut left_out = 0_usize;
    for entry in lists {
        if let Some(place) = places.get(&entry.endpoint) {
            if let Some((first, differs)) = entries.get_mut(*place) {
                *differs |= *first != entry;
            }
        } else if entries.len() == MAX_TARGETS {
            left_out += 1;
        } else {
            places.insert(&entry.endpoint, entries.len());
            entries.push((entry, false));
        }
    }
    let names = names(&entries);
    let mut label_bytes = LabelBytes { left: MAX_LABEL_BYTES, last: None, unlabelled: 0 };
    let targets = entries.iter().zip(names).map(|((entry, differs), (name, note))| {
        let has_room = label_bytes.take(&entry.group);
        target(entry, has_room, *differs, name, note)
    });
    let mut targets: Vec<Arc<Target>> = targets.collect();
    targets.sort_by(|one, other| one.name.cmp(&other.name));
    let unlabelled = label_bytes.unlabelled;
    let notes = [
        (left_out > 0).then(|| format!("{left_out} targets are left out: a hub has at most {MAX_TARGETS}")),
        (unlabelled > 0).then(|| {
            let mib = MAX_LABEL_BYTES >> 20;
            format!(
                "the labels of {unlabelled} targets are left out: a hub has at most {mib} MiB of labels of all hosts"
            )
        }),
    ];
    (targets, notes.into_iter().flatten().collect())
}

/// Bytes of labels that the next targets may have.
struct LabelBytes<'a> {
    left: usize,
    /// The last group, and the bytes of its labels: the targets of a group follow each other.
    last: Option<(&'a Arc<Shared>, usize)>,
    unlabelled: usize,
}

impl<'a> LabelBytes<'a> {
    /// Takes those of a target; false if there are too many.
    fn take(&mut self, group: &'a Arc<Shared>) -> bool {
        let bytes = match self.last {
            Some((last, bytes)) if Arc::ptr_eq(last, group) => bytes,
            _ => group.labels.iter().map(|(name, value)| name.len() + sent_bytes(value)).sum(),
        };
        self.last = Some((group, bytes));
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(self.left);
        self.unlabelled += usize::from(left.is_none());
        left.is_some()
    }
}

/// Length of a text in JSON.
fn sent_bytes(text: &str) -> usize {
    let of = |byte: u8| match byte {
        0..=31 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    };
    text.bytes().map(of).sum()
}

fn target(entry: &Entry, has_room: bool, differs: bool, name: Arc<str>, note: Option<String>) -> Arc<Target> {
    let Entry { endpoint, group } = entry;
    let again = differs.then(|| Arc::from("it is listed again with other labels, which are not used"));
    let unlabelled = (!has_room).then(|| Arc::from(UNLABELLED));
    let notes = group.notes.iter().cloned().chain(note.map(Arc::from)).chain(again).chain(unlabelled);
    Arc::new(Target {
        endpoint: endpoint.clone(),
        name,
        labels: if has_room { Arc::clone(&group.labels) } else { Arc::default() },
        ssh_host: group.ssh_host.clone(),
        notes: notes.collect(),
    })
}

/// One name per entry, with a note if it is not the one that it asks for. Chosen names come first, so that the address of
/// one host cannot take the name of another.
fn names(entries: &[(&Entry, bool)]) -> Vec<(Arc<str>, Option<String>)> {
    let mut used: HashSet<Arc<str>> = HashSet::with_capacity(entries.len());
    let chosen: Vec<Option<Arc<str>>> = entries
        .iter()
        .map(|(entry, _)| {
            let name: Arc<str> = entry.group.name.as_deref()?.into();
            used.insert(Arc::clone(&name)).then_some(name)
        })
        .collect();
    let name = |((entry, _), chosen): (&(&Entry, bool), Option<Arc<str>>)| {
        if let Some(name) = chosen {
            return (name, None);
        }
        let name = unused(&entry.endpoint, &used);
        used.insert(Arc::clone(&name));
        let note =
            entry.group.name.as_deref().map(|wanted| format!("it is called by its address: {wanted} is another host"));
        (name, note)
    };
    entries.iter().zip(chosen).map(name).collect()
}

/// A name from the address: `host:port`, with the prefix if that is used, then with a number.
fn unused(endpoint: &Endpoint, used: &HashSet<Arc<str>>) -> Arc<str> {
    let authority = endpoint.authority();
    let whole = format!("{authority}{}", endpoint.prefix);
    let numbered = (2..).map(|number| format!("{whole}-{number}"));
    let mut all = [authority, whole.clone()].into_iter().chain(numbered).map(|text| as_name(&text));
    all.find(|name| !used.contains(&**name)).unwrap_or_default().into()
}

/// A text with nothing in it but what a name may have. A long one keeps its end, which differs.
fn as_name(text: &str) -> String {
    let fine = |character: char| if is_name(&format!("0{character}")) { character } else { '-' };
    let name: String = text.chars().map(fine).collect();
    let name = name.get(name.len().saturating_sub(MAX_NAME)..).unwrap_or_default();
    if is_name(name) { name.into() } else { format!("0{}", name.get(1..).unwrap_or_default()) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::discovery::list::{Format, parse};
    use proptest::prelude::*;

    fn listed(json: &str) -> (Vec<Entry>, Vec<String>) {
        entries(&parse(json.as_bytes(), Format::Json).unwrap())
    }

    fn named(json: &str) -> Vec<(String, String, usize)> {
        let (entries, _) = listed(json);
        let row = |target: &Arc<Target>| (target.name.to_string(), target.endpoint.to_string(), target.notes.len());
        targets(entries.iter()).0.iter().map(row).collect()
    }

    fn row(name: &str, url: &str, notes: usize) -> (String, String, usize) {
        (name.into(), url.into(), notes)
    }

    #[test]
    fn invalid_target_left_out_alone_with_note() {
        let (entries, notes) =
            listed(r#"[{"targets": ["http://a:1", "b:1", "c:0", ""]}, {"targets": ["d:1/metrics"]}]"#);
        assert_eq!(entries.len(), 1);
        assert_eq!(notes.len(), 4);
        assert!(notes[0].contains("\"http://a:1\"") && notes[1].contains("port"), "{notes:?}");
        let many: Vec<String> = (0..50).map(|number| format!("\"a b{number}\"")).collect();
        let (_, notes) = listed(&format!("[{{\"targets\": [{}]}}]", many.join(",")));
        assert_eq!((notes.len(), notes[20].as_str()), (21, "and 30 more"));
    }

    #[test]
    fn identical_duplicates_are_one_without_note() {
        let json = r#"[{"targets": ["a:1", "A.:1", "a:1"], "labels": {"rack": "r"}}, {"targets": ["a:1"], "labels": {"rack": "r"}}]"#;
        assert_eq!(named(json), [row("a:1", "http://a:1", 0)]);
    }

    #[test]
    fn duplicate_with_other_labels_is_one_with_note() {
        let json = r#"[{"targets": ["a:1"], "labels": {"name": "x"}}, {"targets": ["a:1"], "labels": {"name": "y"}}]"#;
        assert_eq!(named(json), [row("x", "http://a:1", 1)]);
    }

    #[test]
    fn first_keeps_name_second_called_by_address() {
        let json = r#"[{"targets": ["b:1", "a:1", "c:1"], "labels": {"name": "gpu"}}]"#;
        let expected = [row("a:1", "http://a:1", 1), row("c:1", "http://c:1", 1), row("gpu", "http://b:1", 0)];
        assert_eq!(named(json), expected);
    }

    #[test]
    fn address_of_another_host_taken_as_name_is_avoided() {
        let json = r#"[{"targets": ["a:1"]}, {"targets": ["b:1"], "labels": {"name": "a:1"}}]"#;
        assert_eq!(named(json), [row("a:1", "http://b:1", 0), row("a:1-2", "http://a:1", 0)]);
    }

    #[test]
    fn hosts_behind_one_proxy_called_by_prefix() {
        let json = r#"[{"targets": ["p:1"], "labels": {"__metrics_path__": "/x/metrics"}},
                       {"targets": ["p:1"], "labels": {"__metrics_path__": "/y/metrics"}},
                       {"targets": ["p:1"], "labels": {"__metrics_path__": "/y/metrics", "__scheme__": "https"}}]"#;
        let expected =
            [row("p:1", "http://p:1/x", 0), row("p:1-y", "http://p:1/y", 0), row("p:1-y-2", "https://p:1/y", 0)];
        assert_eq!(named(json), expected);
    }

    #[test]
    fn targets_beyond_limit_left_out_with_note() {
        let all: Vec<Entry> =
            (0..=MAX_TARGETS).map(|number| Entry::new(&format!("a{number}:1"), &BTreeMap::new()).unwrap()).collect();
        let (targets, notes) = targets(all.iter());
        assert_eq!(targets.len(), MAX_TARGETS);
        assert!(notes[0].contains("1 targets are left out"), "{notes:?}");
    }

    #[test]
    fn hostile_list_has_few_and_short_notes() {
        let long = "x ".repeat(100_000);
        let labels = BTreeMap::from([("name".to_owned(), long)]);
        let hosts = |letter: char| (0..3000).map(move |number| format!("{letter}{number}:1")).collect::<Vec<_>>();
        let bad: Vec<String> = hosts('b').iter().map(|host| format!("{host}/{}", "x".repeat(1000))).collect();
        let groups = [Group { targets: hosts('a'), labels }, Group { targets: bad, labels: BTreeMap::new() }];
        let (entries, notes) = entries(&groups);
        assert_eq!((entries.len(), notes.len()), (3000, 21));
        assert!(notes.iter().all(|note| note.len() < 300), "{notes:?}");
        let (targets, _) = targets(entries.iter());
        let of_targets: usize = targets.iter().flat_map(|target| &target.notes).map(|note| note.len()).sum();
        assert!(of_targets < 3000 * 250);
        assert!(targets.iter().all(|target| Arc::ptr_eq(&target.notes[0], &targets[0].notes[0])), "one text for all");
    }

    #[test]
    fn labels_of_all_targets_limited() {
        let labels = |value: &str| (0..64).map(|number| (format!("l{number:02}"), value.repeat(1024))).collect();
        let group = |letter: &str, count: usize, value: &str| Group {
            targets: (0..count).map(|number| format!("{letter}{number:04}:1")).collect(),
            labels: labels(value),
        };
        let (first, _) = entries(&[group("a", 2000, "x")]);
        let (found, notes) = targets(first.iter());
        let labelled = found.iter().filter(|target| !target.labels.is_empty()).count();
        assert_eq!(labelled, MAX_LABEL_BYTES / (64 * 1027));
        assert_eq!(found[1999].notes.len(), 1);
        assert_eq!(
            notes,
            [format!(
                "the labels of {} targets are left out: a hub has at most 16 MiB of labels of all hosts",
                2000 - labelled
            )]
        );
        assert!(Arc::ptr_eq(&found[0].labels, &found[1].labels), "one map for all");
        let (escaped, _) = entries(&[group("b", 2000, "\u{1}")]);
        let (found, _) = targets(escaped.iter());
        assert_eq!(
            found.iter().filter(|target| !target.labels.is_empty()).count(),
            MAX_LABEL_BYTES / (64 * (3 + 6 * 1024))
        );
    }

    fn group() -> impl Strategy<Value = Group> {
        let target = "[abAB_.-]{1,3}(:[0-9]{1,2})?|\\[::[12]\\]:1|p:1";
        let label = ("name|instance|ssh_host|__scheme__|__metrics_path__|rack|a-b", "[ab<]{0,2}|a:1|https|/[ab]/m");
        (prop::collection::vec(target, 0..4), prop::collection::btree_map(label.0, label.1, 0..4))
            .prop_map(|(targets, labels)| Group { targets, labels })
    }

    proptest! {
        #[test]
        fn names_and_endpoints_unique_and_valid(groups in prop::collection::vec(group(), 0..6)) {
            let (entries, notes) = entries(&groups);
            let (found, _) = targets(entries.iter());
            let names: HashSet<&str> = found.iter().map(|target| &*target.name).collect();
            let endpoints: HashSet<&Endpoint> = found.iter().map(|target| &target.endpoint).collect();
            prop_assert_eq!((names.len(), endpoints.len()), (found.len(), found.len()));
            prop_assert!(names.iter().all(|name| is_name(name)), "{:?}", names);
            prop_assert!(found.is_sorted_by(|one, other| one.name < other.name));
            let listed: usize = groups.iter().map(|group| group.targets.len()).sum();
            prop_assert_eq!(entries.len() + notes.len(), listed);
            prop_assert!(found.iter().all(|target| !target.labels.contains_key("name") && !target.labels.keys().any(|key| key.starts_with("__"))));
        }
    }
}
