//! Paths of programs and files.

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
};

use crate::Outcome;

/// Program of this workspace, in the folder of this one.
pub(crate) fn built(name: &str) -> Outcome<PathBuf> {
    let path = env::current_exe()?.with_file_name(name);
    if path.exists() { Ok(path) } else { Err(format!("{} does not exist; run `make build`", path.display()).into()) }
}

/// Program of another project, installed by `bench/peers`.
pub(crate) fn peer(name: &str) -> Option<PathBuf> {
    [format!("target/bench/venv/bin/{name}"), format!("target/bench/bin/{name}")]
        .iter()
        .map(|path| repository(path))
        .find(|path| path.exists())
}

/// Program on the PATH.
pub(crate) fn installed(name: &str) -> Outcome<PathBuf> {
    let all = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&all).map(|folder| folder.join(name)).find(|path| path.exists());
    found.ok_or_else(|| format!("{name} is missing; run `apt-get install {name}`").into())
}

/// File or folder of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path)
}

/// Writes a file to `bench/results`.
pub(crate) fn keep(name: &str, content: &str) -> Outcome {
    let folder = repository("bench/results");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), content)?;
    Ok(())
}

/// Free TCP port on the loopback interface.
pub(crate) fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
