//! Where programs and files are.

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
};

use crate::Outcome;

/// A program that this workspace builds, beside this one.
pub(crate) fn built(name: &str) -> Outcome<PathBuf> {
    let path = env::current_exe()?.with_file_name(name);
    if path.exists() { Ok(path) } else { Err(format!("{} is not there: run `make build`", path.display()).into()) }
}

/// A program of somebody else's that `bench/peers` brings.
pub(crate) fn brought(name: &str) -> Option<PathBuf> {
    [format!("target/bench/venv/bin/{name}"), format!("target/bench/bin/{name}")]
        .iter()
        .map(|path| repository(path))
        .find(|path| path.exists())
}

/// A program on the PATH.
pub(crate) fn installed(name: &str) -> Outcome<PathBuf> {
    let all = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&all).map(|folder| folder.join(name)).find(|path| path.exists());
    found.ok_or_else(|| format!("{name} is missing: apt-get install {name}").into())
}

/// A file or folder of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path)
}

/// Writes what was measured into `bench/results`.
pub(crate) fn keep(name: &str, content: &str) -> Outcome {
    let folder = repository("bench/results");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), content)?;
    Ok(())
}

/// A port of the loopback that nobody has.
pub(crate) fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
