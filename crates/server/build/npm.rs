//! Builds the page with npm.

use std::{
    fs::{self, File},
    io,
    path::Path,
    process::{Command, Output},
    time::SystemTime,
};

use nix::fcntl::{Flock, FlockArg};

/// Sources of the page, in `web/`.
pub(crate) const SOURCES: [&str; 8] = [
    "src",
    "index.html",
    "docs.html",
    "fleet.html",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "vite.config.ts",
];

/// Minimum version of Node for Vite.
const NODE: (u32, u32) = (20, 19);

/// Advice for a machine that cannot build the page.
const REMEDY: &str = "install Node.js 20.19 or newer with npm (https://nodejs.org), or build without the page: \
                      cargo build --no-default-features";

/// Installs the build tools of the page, unless they are present, and builds the page into the folder.
pub(crate) fn build(web: &Path, into: &Path) -> Result<(), String> {
    check_node()?;
    // Concurrent builds share `node_modules`: an installation excludes builds.
    let lock = File::create(web.join(".npm-lock")).map_err(|error| format!("{}/.npm-lock: {error}", web.display()))?;
    let lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, errno)| format!("web/.npm-lock: {errno}"))?;
    if !is_installed(web) {
        // Without packages for tests and lints, and without scripts of packages.
        let arguments = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"];
        run(Command::new("npm").args(arguments).current_dir(web), "npm ci")?;
    }
    lock.relock(FlockArg::LockShared).map_err(|errno| format!("web/.npm-lock: {errno}"))?;
    let vite = web.join("node_modules/vite/bin/vite.js");
    let mut command = Command::new("node");
    command.arg(vite).args(["build", "--emptyOutDir", "--logLevel", "warn", "--outDir"]).arg(into);
    run(command.current_dir(web), "vite build")
}

/// True if a file is as new as every source.
pub(crate) fn is_as_new(file: &Path, web: &Path) -> bool {
    let newest = SOURCES
        .iter()
        .map(|source| newest(&web.join(source)))
        .try_fold(SystemTime::UNIX_EPOCH, |a, b| io::Result::Ok(a.max(b?)));
    matches!((changed(file), newest), (Ok(file), Ok(newest)) if file >= newest)
}

/// Modification time of a file, or of the newest one in a folder.
fn newest(path: &Path) -> io::Result<SystemTime> {
    let mut newest = changed(path)?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            newest = newest.max(self::newest(&entry?.path())?);
        }
    }
    Ok(newest)
}

fn changed(path: &Path) -> io::Result<SystemTime> {
    fs::metadata(path)?.modified()
}

/// npm writes this file when it is done.
fn is_installed(web: &Path) -> bool {
    let done = changed(&web.join("node_modules/.package-lock.json"));
    matches!((done, changed(&web.join("package-lock.json"))), (Ok(done), Ok(wanted)) if done >= wanted)
}

fn check_node() -> Result<(), String> {
    let told = Command::new("node").arg("--version").output();
    let Ok(Output { stdout, .. }) = told else {
        return Err(format!("the page is built with Node.js, and there is none: {REMEDY}"));
    };
    let version = String::from_utf8_lossy(&stdout).trim().to_owned();
    let mut numbers = version.trim_start_matches('v').split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= NODE => Ok(()),
        _ => Err(format!("the page is built with Node.js, and this one is {version}, which is too old: {REMEDY}")),
    }
}

fn run(command: &mut Command, what: &str) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{what}: {error}: {REMEDY}"))?;
    if output.status.success() {
        return Ok(());
    }
    let told = [output.stdout, output.stderr].concat();
    Err(format!("{what} failed ({}):\n{}", output.status, String::from_utf8_lossy(&told)))
}
