//! No import cycles between the top-level modules of a crate.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Modules and the modules that they import.
type Edges = BTreeMap<String, BTreeSet<String>>;

/// All Rust files below a directory that are not tests.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if name == "tests" {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The text without comments and without the unit tests at its end.
fn code(text: &str) -> String {
    let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    product.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// The first names after each `crate::`, also those of a group in braces.
fn imported(code: &str) -> Vec<String> {
    let name =
        |text: &str| text.trim_start().split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap().to_owned();
    let mut names = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            names.push(name(rest));
            continue;
        };
        let (mut depth, mut begin) = (0, 0);
        for (at, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    names.push(name(&group[begin..at]));
                    begin = at + 1;
                    if character == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    names
}

/// Names that the root re-exports, with their modules.
fn reexports(root: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for statement in root.split("pub use ").skip(1) {
        let statement = statement.split(';').next().unwrap();
        let module = statement.split("::").next().unwrap().trim().to_owned();
        let names = statement.split(|c: char| !c.is_alphanumeric() && c != '_').skip(1);
        found.extend(names.filter(|name| !name.is_empty()).map(|name| (name.to_owned(), module.clone())));
    }
    found
}

fn edges(source: &Path) -> Edges {
    let root = ["lib.rs", "main.rs"].map(|name| source.join(name)).into_iter().find(|root| root.is_file()).unwrap();
    let reexports = reexports(&code(&fs::read_to_string(&root).unwrap()));
    let mut edges = Edges::new();
    for file in files(source).into_iter().filter(|file| *file != root) {
        let inside = file.strip_prefix(source).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let to = edges.entry(module.clone()).or_default();
        for name in imported(&code(&fs::read_to_string(&file).unwrap())) {
            let name = reexports.get(&name).unwrap_or(&name).clone();
            if name != module {
                to.insert(name);
            }
        }
    }
    // Other names are items of the root.
    let modules: BTreeSet<String> = edges.keys().cloned().collect();
    edges.values_mut().for_each(|to| to.retain(|name| modules.contains(name)));
    edges
}

/// All modules that one reaches.
fn reached(edges: &Edges, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        for next in &edges[module] {
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    seen
}

#[test]
fn modules_have_no_import_cycles() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for name in ["agent", "collector", "http", "server", "telemetry"] {
        let edges = edges(&crates.join(name).join("src"));
        let cyclic: Vec<&String> = edges.keys().filter(|module| reached(&edges, module).contains(*module)).collect();
        assert!(cyclic.is_empty(), "{name}: {cyclic:?} import each other");
    }
}

#[test]
fn imports_are_found_in_groups_and_paths() {
    let text =
        "use crate::{a, b::{c, d}, e::F};\nlet x = crate::g::H; // crate::i\n#[cfg(test)]\nmod tests { use crate::j; }";
    assert_eq!(imported(&code(text)), ["a", "b", "e", "g"]);
    assert_eq!(reexports("pub use a::{B, c::D};")["D"], "a");
}
