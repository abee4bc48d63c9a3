//! Tests of the files, each with looks of its own in place of time.

use super::*;
use tempfile::TempDir;

const ONE: &str = r#"[{"targets": ["a:1"]}]"#;
const TWO: &str = r#"[{"targets": ["a:1", "b:1"]}]"#;

/// Hosts after so many looks, or none if nothing was found.
fn hosts(files: &mut Files, looks: usize) -> Option<Vec<String>> {
    let mut hosts = None;
    for _ in 0..looks {
        if let Found::List(entries, ..) = files.look() {
            hosts = Some(entries.iter().map(|entry| entry.endpoint.host.to_string()).collect());
        }
    }
    hosts
}

fn list(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn files_read_at_once_and_after_a_change_settles() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.json");
    fs::write(&path, ONE).unwrap();
    let mut files = Files::new(&path);
    assert_eq!(hosts(&mut files, 1), list(&["a"]));
    assert_eq!(hosts(&mut files, 3), None);
    fs::write(&path, TWO).unwrap();
    assert_eq!(hosts(&mut files, 2), None, "it may still be written");
    assert_eq!(hosts(&mut files, 1), list(&["a", "b"]));
}

#[test]
fn file_written_slowly_is_read_whole() {
    let folder = TempDir::new().unwrap();
    let [slow, other] = ["a.yml", "b.yml"].map(|name| folder.path().join(name));
    let entry = |host: usize| format!("- targets: [h{host:02}:1]\n");
    fs::write(&slow, (0..20).map(entry).collect::<String>()).unwrap();
    let mut files = Files::new(&folder.path().join("*.yml"));
    assert_eq!(hosts(&mut files, 1).unwrap().len(), 20);
    fs::write(&slow, "").unwrap();
    fs::write(&other, "- targets: [other:1]\n").unwrap();
    let mut seen = Vec::new();
    for host in 0..20 {
        let mut text = File::options().append(true).open(&slow).unwrap();
        io::Write::write_all(&mut text, entry(host).as_bytes()).unwrap();
        // A writer that rests for a look between two entries.
        seen.extend(hosts(&mut files, 2).map(|hosts| hosts.len()));
    }
    assert_eq!(seen, [21], "the file beside it waits for nothing");
    fs::write(&slow, entry(1)).unwrap();
    assert_eq!(hosts(&mut files, 3), list(&["h01", "other"]));
}

#[test]
fn file_that_changes_all_the_time_is_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.json");
    fs::write(&path, ONE).unwrap();
    let mut files = Files::new(&path);
    hosts(&mut files, 1);
    let mut found = Vec::new();
    for number in 1..=61 {
        fs::write(&path, format!("{TWO}{}", " ".repeat(number))).unwrap();
        found.extend(hosts(&mut files, 1).map(|hosts| (number, hosts)));
    }
    assert_eq!(found, [(60, list(&["a", "b"]).unwrap())]);
}

#[test]
fn change_of_same_size_and_time_is_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.json");
    let now = SystemTime::now();
    let write = |text: &str| {
        fs::write(&path, text).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(now).unwrap();
    };
    write(ONE);
    let mut files = Files::new(&path);
    hosts(&mut files, 1);
    write(&ONE.replace("a:1", "c:1"));
    // The state is made the same as on a file system with a coarse clock and no ctime.
    let state = list_files(&path).files.remove(&path).unwrap();
    let watched = files.files.get_mut(&path).unwrap();
    (watched.read.state, watched.last) = (state.clone().ok(), Some(state));
    assert_eq!(hosts(&mut files, 2), list(&["c"]));
}

#[test]
fn broken_file_keeps_its_last_list() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.json");
    for broken in ["", " ", "[{\"targets\": [\"b", "{}", "<html>", "null", "[{\"target\": []}]"] {
        fs::write(&path, ONE).unwrap();
        let mut files = Files::new(&path);
        hosts(&mut files, 1);
        fs::write(&path, broken).unwrap();
        let found: Vec<Found> = (0..4).map(|_| files.look()).collect();
        let Some(Found::List(entries, _, Some(error))) = found.into_iter().find(|found| *found != Found::Nothing)
        else {
            panic!("{broken:?}");
        };
        assert_eq!(entries.len(), 1, "{broken:?}");
        assert!(error.contains("expected") || error.contains("empty"), "{error}");
        fs::write(&path, "[]").unwrap();
        assert_eq!(hosts(&mut files, 3), list(&[]), "an empty list after {broken:?}");
    }
}

#[test]
fn broken_file_among_several_keeps_its_own_list_only() {
    let folder = TempDir::new().unwrap();
    let [one, other] = ["a.json", "b.yml"].map(|name| folder.path().join(name));
    fs::write(&one, ONE).unwrap();
    fs::write(&other, "- targets: [c:1]\n").unwrap();
    fs::write(folder.path().join("c.txt"), "no list").unwrap();
    let mut files = Files::new(&folder.path().join("[ab].*"));
    assert_eq!(hosts(&mut files, 1), list(&["a", "c"]));
    fs::write(&one, "broken").unwrap();
    fs::write(&other, "- targets: [d:1]\n").unwrap();
    assert_eq!(hosts(&mut files, 3), list(&["a", "d"]));
    fs::remove_file(&one).unwrap();
    assert_eq!(hosts(&mut files, 3), list(&["d"]));
}

#[test]
fn deleted_file_of_a_pattern_takes_its_hosts_along() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.json");
    fs::write(&path, ONE).unwrap();
    let mut files = Files::new(&folder.path().join("*.json"));
    hosts(&mut files, 1);
    fs::remove_file(&path).unwrap();
    assert_eq!(hosts(&mut files, 2), None);
    assert_eq!(hosts(&mut files, 1), list(&[]));
    fs::write(&path, TWO).unwrap();
    assert_eq!(hosts(&mut files, 3), list(&["a", "b"]));
}

#[test]
fn missing_named_file_keeps_its_list_with_error() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.json");
    for text in [ONE, TWO] {
        fs::write(&path, ONE).unwrap();
        let mut files = Files::new(&path);
        hosts(&mut files, 1);
        fs::remove_file(&path).unwrap();
        let found: Vec<Found> = (0..10).map(|_| files.look()).filter(|found| *found != Found::Nothing).collect();
        let [Found::List(entries, _, Some(error))] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(entries.len(), 1);
        assert!(error.contains("the file is gone"), "{error}");
        fs::write(&path, text).unwrap();
        let found: Vec<Found> = (0..4).map(|_| files.look()).filter(|found| *found != Found::Nothing).collect();
        assert!(matches!(found.as_slice(), [Found::List(_, _, None)]), "{found:?}");
        fs::write(&path, "[]").unwrap();
        assert_eq!(hosts(&mut files, 3), list(&[]));
    }
}

#[test]
fn broken_link_among_several_keeps_its_own_list_only() {
    let folder = TempDir::new().unwrap();
    let [one, other] = ["a.json", "b.json"].map(|name| folder.path().join(name));
    fs::write(&one, ONE).unwrap();
    fs::write(&other, r#"[{"targets": ["c:1"]}]"#).unwrap();
    let mut files = Files::new(&folder.path().join("*.json"));
    assert_eq!(hosts(&mut files, 1), list(&["a", "c"]));
    fs::remove_file(&one).unwrap();
    std::os::unix::fs::symlink(&one, &one).unwrap();
    fs::write(&other, r#"[{"targets": ["d:1"]}]"#).unwrap();
    assert_eq!(hosts(&mut files, 3), list(&["a", "d"]));
    fs::write(&other, r#"[{"targets": ["e:1"]}]"#).unwrap();
    let found: Vec<Found> = (0..3).map(|_| files.look()).collect();
    assert!(
        found
            .iter()
            .any(|found| matches!(found, Found::List(_, _, Some(error)) if error.contains("a.json: cannot inspect"))),
        "{found:?}"
    );
    fs::remove_file(&one).unwrap();
    fs::write(&one, ONE).unwrap();
    let found: Vec<Found> = (0..3).map(|_| files.look()).collect();
    assert!(found.iter().any(|found| matches!(found, Found::List(_, _, None))), "{found:?}");
}

#[test]
fn replaced_file_never_looks_deleted() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.json");
    fs::write(&path, ONE).unwrap();
    let mut files = Files::new(&path);
    hosts(&mut files, 1);
    // An editor that deletes it first.
    fs::remove_file(&path).unwrap();
    assert_eq!(hosts(&mut files, 1), None);
    fs::write(&path, TWO).unwrap();
    assert_eq!(hosts(&mut files, 3), list(&["a", "b"]));
}

#[test]
fn missing_file_is_not_loaded_until_it_is_there() {
    let folder = TempDir::new().unwrap();
    for pattern in ["a.json", "*.json"] {
        let path = folder.path().join("a.json");
        let mut files = Files::new(&folder.path().join(pattern));
        assert_eq!(files.look(), Found::Failed(NO_FILE.into()));
        assert_eq!(files.look(), Found::Nothing);
        fs::write(&path, ONE).unwrap();
        assert_eq!(hosts(&mut files, 3), list(&["a"]));
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn what_is_no_file_is_an_error() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("a.json")).unwrap();
    let Found::Failed(error) = Files::new(&folder.path().join("a.json")).look() else { panic!() };
    assert!(error.contains("regular file, got a directory"), "{error}");
    fs::write(folder.path().join("b"), "").unwrap();
    let found = Files::new(&folder.path().join("b/c.json")).look();
    assert_eq!(found, Found::Failed(NO_FILE.into()));
}

#[test]
fn symlink_change_is_read() {
    let folder = TempDir::new().unwrap();
    let [old, new, link] = ["old", "new", "link.json"].map(|name| folder.path().join(name));
    fs::write(&old, ONE).unwrap();
    fs::write(&new, TWO).unwrap();
    std::os::unix::fs::symlink(&old, &link).unwrap();
    let mut files = Files::new(&link);
    assert_eq!(hosts(&mut files, 1), list(&["a"]));
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&new, &link).unwrap();
    assert_eq!(hosts(&mut files, 3), list(&["a", "b"]));
}
