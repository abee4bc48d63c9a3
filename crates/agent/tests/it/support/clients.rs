//! Where the programs of others are that the tests run.

use std::path::{Path, PathBuf};

/// The folder in which `scripts/clients` puts all of them.
pub(crate) fn clients() -> PathBuf {
    for program in ["nvitop", "gpustat", "nvtop", "schemathesis"] {
        client(program);
    }
    repository("target/clients")
}

/// Python with the packages that `scripts/clients python` has brought.
pub(crate) fn python() -> PathBuf {
    client("nvitop");
    repository("target/clients/venv/bin/python")
}

/// A program that `scripts/clients` has brought.
pub(crate) fn client(name: &str) -> PathBuf {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/clients/bin")).join(name);
    assert!(path.exists(), "{name} is not there: run `make test`, or scripts/clients");
    path
}

/// A file or folder of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path)
}

/// Root of the Debian packages that `scripts/clients` has unpacked under a name.
pub(crate) fn unpacked(name: &str) -> PathBuf {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/clients")).join(name).join("root");
    assert!(root.exists(), "{name} is not there: run `make test-peers`, or scripts/clients {name}");
    root.canonicalize().expect("the folder is there")
}
