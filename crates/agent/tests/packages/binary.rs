//! One binary for the hosts that people have.

use std::{collections::BTreeSet, fs};

use crate::kit::{Root, released, said, shell};

/// RHEL 8's.
const OLDEST_GLIBC: (u32, u32) = (2, 28);

/// The versions of glibc's symbols that a program asks for.
fn versions(listing: &str) -> BTreeSet<(u32, u32)> {
    let names = listing.split(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '.' || sign == '_'));
    let numbers = names.filter_map(|name| name.strip_prefix("GLIBC_")?.split_once('.'));
    numbers
        .map(|(major, minor)| {
            let minor = minor.split('.').next().unwrap();
            (major.parse().unwrap(), minor.parse().unwrap())
        })
        .collect()
}

#[test]
fn binary_needs_glibc_2_28_at_most() {
    let binary = released("nvidia-smi-web-agent-x86_64");
    let listing = said(shell(r#"objdump -T "$BINARY""#).env("BINARY", &binary));
    let versions = versions(&listing);
    assert!(!versions.is_empty(), "{listing}");
    assert!(versions.iter().all(|version| *version <= OLDEST_GLIBC), "{versions:?}");
    assert!(versions.contains(&OLDEST_GLIBC), "what is not asked for need not be tested: {versions:?}");
    let needed = said(shell(r#"objdump -p "$BINARY" | awk '$1 == "NEEDED" { print $2 }'"#).env("BINARY", binary));
    for library in needed.lines() {
        let of_glibc =
            ["libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "ld-linux-x86-64.so.2", "librt.so.1"];
        assert!(of_glibc.contains(&library) || library == "libgcc_s.so.1", "{library}");
    }
}

#[test]
fn binary_runs_on_older_debian() {
    let root = Root::unpack();
    root.bring(&released("nvidia-smi-web-agent-x86_64"), "/usr/bin/agent");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(root.run("/usr/bin/agent --version").trim(), format!("nvidia-smi-web-agent {version}"));
    let glibc = root.run("ldd --version | head -n 1");
    assert!(glibc.contains("2.31"), "Ubuntu 20.04's: {glibc}");
}

#[test]
fn packages_are_small() {
    for (ending, most_mib) in [(".deb", 6), (".rpm", 6), (".tar.gz", 8)] {
        let bytes = fs::metadata(released(ending)).unwrap().len();
        assert!(bytes <= most_mib << 20, "{ending} has {bytes} bytes");
    }
}
