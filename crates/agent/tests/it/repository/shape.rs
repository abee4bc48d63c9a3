//! The shape of the workspace: which crate may know which, and under which licences the libraries come.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

fn metadata(arguments: &[&str]) -> Value {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--manifest-path", manifest])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The dependencies of each crate of the workspace that are in what is shipped.
fn edges() -> BTreeMap<String, Vec<String>> {
    let metadata = metadata(&["--no-deps"]);
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let crates = metadata["packages"].as_array().unwrap().iter();
    crates
        .map(|package| {
            let all = package["dependencies"].as_array().unwrap().iter();
            (name(package), all.filter(|edge| edge["kind"].is_null()).map(name).collect())
        })
        .collect()
}

#[test]
fn crate_dependencies_point_down() {
    let edges = edges();
    let ours = |name: &str| -> Vec<&str> {
        let all = edges[name].iter().map(String::as_str);
        all.filter(|edge| edges.contains_key(*edge)).collect()
    };
    assert_eq!(ours("telemetry"), [""; 0]);
    assert_eq!(ours("collector"), ["telemetry"]);
    assert_eq!(ours("http-server"), [""; 0]);
    assert_eq!(ours("server"), ["http-server", "telemetry"]);
    assert_eq!(ours("fake-nvml"), [""; 0]);
    assert_eq!(ours("hub"), ["http-server", "server", "telemetry"]);
    assert_eq!(ours("agent"), ["collector", "hub", "server", "telemetry"]);
    assert_eq!(ours("bench"), ["collector", "server", "telemetry"]);
}

#[test]
fn nvml_known_only_to_collector_and_fake() {
    let edges = edges();
    let knows = edges.iter().filter(|(_, all)| all.iter().any(|edge| edge.starts_with("nvml-wrapper")));
    assert_eq!(knows.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["collector", "fake-nvml"]);
}

#[test]
fn library_licences_are_allowed() {
    const FINE: [&str; 8] = [
        "Apache-2.0",
        "MIT",
        "BSD-3-Clause",
        "ISC",
        "Unicode-3.0",
        "Zlib",
        "Unlicense",
        "Apache-2.0 WITH LLVM-exception",
    ];
    for package in metadata(&[])["packages"].as_array().unwrap() {
        let licence = package["license"].as_str().unwrap_or_default();
        let choices = licence.replace(['(', ')'], "").replace('/', " OR ");
        // Each part that is joined by AND must be fine, by one of its choices.
        let fine = choices.split(" AND ").all(|part| part.split(" OR ").any(|choice| FINE.contains(&choice.trim())));
        assert!(fine, "{} comes under {licence:?}", package["name"]);
    }
}

/// Files under a directory that name a plain reading or its function. What is generated, and the simulated driver's table
/// of every function of NVML, do not count.
fn naming(directory: &Path, names: &[&str], found: &mut Vec<PathBuf>) {
    const GENERATED: [&str; 3] = ["web/src/api/types.ts", "web/src/api/facts.ts", "crates/server/assets/examples.json"];
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("node_modules") && !path.ends_with("fake-nvml") && !path.ends_with("tests") {
                naming(&path, names, found);
            }
        } else if let Ok(text) = fs::read_to_string(&path)
            && names.iter().any(|name| text.contains(name))
            && !GENERATED.iter().any(|file| path.ends_with(file))
        {
            found.push(path);
        }
    }
}

#[test]
fn plain_reading_needs_two_places() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for directory in ["crates", "web/src", "scripts", "bench/src"] {
        naming(&root.join(directory), &["nvmlDeviceGetModuleId", "module_id", "ModuleId"], &mut found);
    }
    found.sort();
    let expected = ["crates/collector/src/read_field.rs", "crates/telemetry/src/readings/catalogue.rs"];
    assert_eq!(found, expected.map(|file| root.join(file)));
}
