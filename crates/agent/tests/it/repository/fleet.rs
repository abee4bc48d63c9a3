//! The examples of `docs/fleet.md`, read by the hub.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use crate::support::built;

/// Blocks after a comment such as `<!-- file_sd: 3 -->`: the number, the language and the text.
fn blocks(kind: &str) -> Vec<(usize, String, String)> {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/fleet.md");
    let text = fs::read_to_string(document).unwrap();
    let begin = format!("<!-- {kind}: ");
    let found = text.split(begin.as_str()).skip(1).map(|rest| {
        let (number, rest) = rest.split_once(" -->\n```").unwrap();
        let (language, rest) = rest.split_once('\n').unwrap();
        (number.parse().unwrap(), language.to_owned(), rest.split_once("```").unwrap().0.to_owned())
    });
    found.collect()
}

/// Prints the configuration of a hub.
fn check(arguments: &[&str]) -> String {
    let mut command = Command::new(built("nvidia-smi-web-agent"));
    command.env_clear().args(["hub", "--check", "--bind=127.0.0.1"]).args(arguments);
    let output = command.output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn lists_of_fleet_document_are_read() {
    let folder = TempDir::new().unwrap();
    let lists = blocks("file_sd");
    assert_eq!(lists.len(), 2);
    for (number, language, text) in lists {
        let file = folder.path().join(format!("hosts.{language}"));
        fs::write(&file, text).unwrap();
        let printed = check(&["--hosts", file.to_str().unwrap()]);
        let hosts = printed.lines().find(|line| line.starts_with("hosts ")).unwrap_or_default();
        assert!(hosts.ends_with(&format!(" {number}")), "{printed}");
        // A note about an entry has the name of its host.
        assert!(!printed.lines().any(|line| line.starts_with("warning") && line.contains("gpu")), "{printed}");
    }
}

#[test]
fn agent_tokens_of_fleet_document_are_read() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("tokens");
    let [(number, _, text)] = &blocks("agent tokens")[..] else { panic!("expected one example") };
    fs::write(&file, text).unwrap();
    let printed = check(&[
        "--hosts=static:gpu01.example.org:8000,gpu02.example.org:8000",
        "--anonymous=summary",
        "--agent-token-file",
        file.to_str().unwrap(),
    ]);
    let counted = format!("agent tokens           {number} in ");
    assert!(printed.lines().any(|line| line.starts_with(&counted)), "{printed}");
    let with: Vec<&str> = printed.lines().filter(|line| line.ends_with(", with a token")).collect();
    assert_eq!(with.len(), 1, "the first host alone: {printed}");
    assert!(!printed.contains("c37a0d6f"), "{printed}");
}
