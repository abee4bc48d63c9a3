//! Generates the page's files and their table, which `src/router/page.rs` includes: the page built from `web/`, or, without
//! the feature `page`, the plain one of `assets/plain/`.

mod npm;
mod table;

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
};

fn main() -> ExitCode {
    match make() {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            for line in what.lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn make() -> Result<(), String> {
    let here = directory("CARGO_MANIFEST_DIR")?;
    let out = directory("OUT_DIR")?;
    println!("cargo::rerun-if-changed=build");
    let folder = if env::var_os("CARGO_FEATURE_PAGE").is_some() {
        page(&here.join("../../web"), &out.join("page"))?
    } else {
        println!("cargo::rerun-if-changed=assets/plain");
        here.join("assets/plain")
    };
    table::write(&folder, &out.join("page.rs"))
}

/// The folder of the built page: `web/dist` if it is as new as its sources, so that a machine without Node can build too,
/// otherwise the output of npm.
fn page(web: &Path, built: &Path) -> Result<PathBuf, String> {
    let web = web.canonicalize().map_err(|error| format!("{}: {error}", web.display()))?;
    for source in npm::SOURCES {
        println!("cargo::rerun-if-changed={}", web.join(source).display());
    }
    let ready = web.join("dist");
    if ready.join("index.html").exists() {
        println!("cargo::rerun-if-changed={}", ready.display());
        if npm::is_as_new(&ready.join("index.html"), &web) {
            return Ok(ready);
        }
    }
    npm::build(&web, built)?;
    Ok(built.to_owned())
}

fn directory(variable: &str) -> Result<PathBuf, String> {
    env::var_os(variable).map(PathBuf::from).ok_or_else(|| format!("{variable} is not set: run this by cargo"))
}
