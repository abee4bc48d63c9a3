//! Release files under test, and the systems that they are tested on.

mod machine;
mod root;

pub(crate) use machine::Machine;
pub(crate) use root::Root;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Directory of the tools that `scripts/packaging-tools --tests` installed.
pub(crate) fn tools(name: &str) -> PathBuf {
    there(repository().join("target/packaging").join(name))
}

/// The one file of what is released whose name ends so.
pub(crate) fn released(ending: &str) -> PathBuf {
    let folder = there(repository().join("target/packages/dist"));
    let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let mut ours = files.filter(|file| file.to_string_lossy().ends_with(ending));
    ours.next().unwrap_or_else(|| panic!("no *{ending} in {}: run `make test-packages`", folder.display()))
}

/// Something that is built for the older glibc too: the driver and the stand-in.
pub(crate) fn old(name: &str) -> PathBuf {
    let ours = Path::new(env!("CARGO_BIN_EXE_nvidia-smi-web-agent"));
    there(ours.ancestors().nth(2).unwrap().join("x86_64-unknown-linux-gnu/release").join(name))
}

fn there(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is not there: run `make test-packages`", path.display());
    path
}

/// A command line of the shell.
pub(crate) fn shell(line: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-euc", line]).env("LC_ALL", "C.UTF-8").current_dir(repository());
    command
}

/// Both outputs of a command that must succeed.
pub(crate) fn said(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}: run `make test-packages`"));
    let text = both(&output);
    assert!(output.status.success(), "{command:?}: {}\n{text}", output.status);
    text
}

pub(crate) fn both(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

/// A port of the loopback that nobody has.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
