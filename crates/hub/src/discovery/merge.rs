//! From the lists of all sources to one list with one target per endpoint and one name per target.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    entry::{Entry, MAX_NAME, is_name},
    list::{Group, MAX_TARGETS},
};
use crate::target::{Endpoint, Target};

/// Most notes that are listed; the others are counted.
const MAX_NOTES: usize = 20;
/// Longest text of a list within a note, in characters.
const MAX_QUOTED: usize = 100;

/// Reads the targets of a list. Invalid ones are left out alone, each with a note.
pub(super) fn entries(groups: &[Group]) -> (Vec<Entry>, Vec<String>) {
    let (mut entries, mut notes) = (Vec::new(), Vec::new());
    for group in groups {
        for target in &group.targets {
            match Entry::new(target, &group.labels) {
                Ok(entry) => entries.push(entry),
                Err(why) => {
                    let shown: String = target.chars().take(MAX_QUOTED).collect();
                    notes.push(format!("the target {shown:?} is left out: {why}"));
                }
            }
        }
    }
    (entries, limited(notes))
}

/// The first notes, and the number of the others.
pub(super) fn limited(mut notes: Vec<String>) -> Vec<String> {
    let more = notes.len().saturating_sub(MAX_NOTES);
    if more > 0 {
        notes.truncate(MAX_NOTES);
        notes.push(format!("and {more} more"));
    }
    notes
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
    let mut targets: Vec<Arc<Target>> =
        entries.iter().zip(names).map(|((entry, differs), (name, note))| target(entry, *differs, name, note)).collect();
    targets.sort_by(|one, other| one.name.cmp(&other.name));
    let note = (left_out > 0).then(|| format!("{left_out} targets are left out: a hub has at most {MAX_TARGETS}"));
    (targets, note.into_iter().collect())
}

fn target(entry: &Entry, differs: bool, name: Arc<str>, note: Option<String>) -> Arc<Target> {
    let again = differs.then(|| "it is listed again with other labels, which are not used".to_owned());
    Arc::new(Target {
        endpoint: entry.endpoint.clone(),
        name,
        labels: entry.labels.clone(),
        ssh_host: entry.ssh_host.clone(),
        notes: entry.notes.iter().cloned().chain(note).chain(again).collect(),
    })
}

/// One name per entry, with a note if it is not the one that it asks for. Chosen names come first, so that the address of
/// one host cannot take the name of another.
fn names(entries: &[(&Entry, bool)]) -> Vec<(Arc<str>, Option<String>)> {
    let mut used: HashSet<Arc<str>> = HashSet::with_capacity(entries.len());
    let chosen: Vec<Option<Arc<str>>> = entries
        .iter()
        .map(|(entry, _)| {
            let name: Arc<str> = entry.name.as_deref()?.into();
            used.insert(Arc::clone(&name)).then_some(name)
        })
        .collect();
    let name = |((entry, _), chosen): (&(&Entry, bool), Option<Arc<str>>)| {
        if let Some(name) = chosen {
            return (name, None);
        }
        let name = unused(&entry.endpoint, &used);
        used.insert(Arc::clone(&name));
        let note = entry.name.as_deref().map(|wanted| format!("it is called by its address: {wanted} is another host"));
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
