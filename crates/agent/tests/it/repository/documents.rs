//! The tests and files that the documents cite exist, and the README stays short.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Files that may hold the tests of a module.
fn files(path: &[&str]) -> Vec<PathBuf> {
    let (first, modules) = path.split_first().unwrap();
    let folder = match *first {
        "it" => root().join("crates/agent/tests/it"),
        "http" => root().join("crates/server/tests/http"),
        "packages" => root().join("crates/agent/tests/packages"),
        "http_server" => root().join("crates/http/src"),
        name => root().join("crates").join(name).join("src"),
    };
    // `mod tests` is in its parent's file or in one of its own.
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

/// Finds a test by its path; `*` is any test of the module.
fn exists(test: &str) -> bool {
    let parts: Vec<&str> = test.split("::").collect();
    let (name, module) = parts.split_last().unwrap();
    let function = format!("fn {name}(");
    files(module).iter().any(|file| {
        let text = fs::read_to_string(file).unwrap();
        if *name == "*" {
            return text.contains("#[test]") || text.contains("#[tokio::test");
        }
        let before = text.find(&function).map(|at| text[..at].lines().rev().take(4).collect::<String>());
        before.is_some_and(|lines| lines.contains("test"))
    })
}

/// Words between backticks.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn is_test(word: &&str) -> bool {
    ["it::", "http::", "packages::", "server::", "http_server::", "agent::", "telemetry::", "collector::", "hub::"]
        .iter()
        .any(|crate_| word.starts_with(crate_))
        && word.split("::").count() > 2
}

/// Checks the cited tests of every row between two headings, and counts the rows.
fn check(document: &str, from: &str, to: &str) -> usize {
    let text = fs::read_to_string(root().join("docs").join(document)).unwrap();
    let (_, text) = text.split_once(from).unwrap();
    let text = text.split_once(to).map_or(text, |(text, _)| text);
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| claim") && !line.starts_with("| case"));
    let mut count = 0;
    for row in rows {
        let tests: Vec<&str> = quoted(row).filter(is_test).collect();
        assert!(!tests.is_empty() || row.contains("chaos"), "{document}: no test is cited in: {row}");
        for test in tests {
            assert!(exists(test), "{document}: expected a test {test}, found none: rename it there too");
        }
        assert!(!row.contains("…`"), "{document}: cite whole names: {row}");
        count += 1;
    }
    count
}

#[test]
fn threat_model_cites_existing_tests() {
    let count = check("threat-model.md", "\n## ", "\n## Not defended");
    assert!(count > 30, "{count} claims");
}

#[test]
fn reliability_matrix_cites_existing_tests() {
    let count = check("reliability.md", "| test |\n", "\n## ");
    assert!(count > 40, "{count} rows");
}

#[test]
fn reliability_cases_cite_existing_tests() {
    let count = check("reliability.md", "\n## Case by case\n", "\n## ");
    assert!(count > 100, "{count} rows");
}

#[test]
fn missing_test_is_noticed() {
    assert!(!exists("it::repository::documents::there_is_no_such_test"));
    assert!(!exists("it::nowhere::*") && !exists("it::nowhere::at_all"));
    assert!(exists("it::repository::documents::*"));
}

/// Every Markdown file of the repository's own.
fn documents() -> Vec<PathBuf> {
    let folders = ["", "docs", "bench", "findings"].map(|folder| root().join(folder));
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    files.map(|file| file.unwrap().path()).filter(|file| file.extension().is_some_and(|kind| kind == "md")).collect()
}

/// Targets of the links in a text, without those on other hosts.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| !link.starts_with("http"))
}

/// Anchors of a document's headings, as forges make them.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |character: &char| character.is_alphanumeric() || "-_ ".contains(*character);
    headings.map(|heading| heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")).collect()
}

#[test]
fn document_links_lead_to_existing_files_and_headings() {
    let mut count = 0;
    for document in documents() {
        for link in links(&fs::read_to_string(&document).unwrap()) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let file = if path.is_empty() { document.clone() } else { document.with_file_name("").join(path) };
            assert!(file.exists(), "{}: expected a file at {link}", document.display());
            if !anchor.is_empty() {
                let text = fs::read_to_string(&file).unwrap();
                assert!(
                    anchors(&text).contains(&anchor.into()),
                    "{}: expected a heading for {link}",
                    document.display()
                );
            }
            count += 1;
        }
    }
    assert!(count > 50, "{count} links");
}

#[test]
fn readme_has_120_lines_at_most() {
    let lines = fs::read_to_string(root().join("README.md")).unwrap().lines().count();
    assert!(lines <= 120, "README.md: expected at most 120 lines, got {lines}: move details to docs/");
}
