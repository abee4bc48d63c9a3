//! What the documents claim is held by tests that exist.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files in which a test of that module may stand.
fn places(path: &[&str]) -> Vec<PathBuf> {
    let (first, modules) = path.split_first().unwrap();
    let folder = match *first {
        "it" => root().join("crates/agent/tests/it"),
        "http" => root().join("crates/server/tests/http"),
        name => root().join("crates").join(name).join("src"),
    };
    // A module's tests stand in its own file or in one beside it.
    let without = modules.strip_suffix(&["tests"]).unwrap_or(modules);
    [modules, without]
        .iter()
        .flat_map(|modules| {
            let file = modules.iter().fold(folder.clone(), |file, module| file.join(module));
            [file.with_extension("rs"), file.join("mod.rs")]
        })
        .filter(|file| file.is_file())
        .collect()
}

fn exists(test: &str) -> bool {
    let parts: Vec<&str> = test.split("::").collect();
    let (name, module) = parts.split_last().unwrap();
    let function = format!("fn {name}(");
    places(module).iter().any(|file| {
        let text = fs::read_to_string(file).unwrap();
        let before = text.find(&function).map(|at| text[..at].lines().rev().take(4).collect::<String>());
        before.is_some_and(|lines| lines.contains("test"))
    })
}

/// What stands between backticks.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn is_test(word: &&str) -> bool {
    ["it::", "http::", "server::", "agent::", "telemetry::", "collector::"]
        .iter()
        .any(|crate_| word.starts_with(crate_))
        && word.split("::").count() > 2
}

#[test]
fn every_claim_of_the_threat_model_names_tests_that_exist() {
    let text = fs::read_to_string(root().join("docs/threat-model.md")).unwrap();
    let claims = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| claim"));
    let mut count = 0;
    for claim in claims {
        let tests: Vec<&str> = quoted(claim).filter(is_test).collect();
        assert!(!tests.is_empty(), "no test holds: {claim}");
        for test in tests {
            assert!(exists(test), "there is no test {test}");
        }
        count += 1;
    }
    assert!(count > 30, "{count} claims");
    assert!(!exists("it::repository::documents::there_is_no_such_test") && !exists("it::nowhere::at_all"));
}
