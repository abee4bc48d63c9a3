//! The life of the .rpm. There is no root of a distribution with rpm to be had here: this machine's rpm installs it
//! into a Debian, of which the scripts take no more than a shell.

use std::process::Command;

use crate::kit::{Root, released, repository, said, shell, tools};

const ENV: &str = "/etc/nvidia-smi-web-agent/agent.env";

fn rpm(root: &Root, words: &[&str]) -> String {
    said(Command::new("rpm").arg("--root").arg(root.path()).args(["--nodeps"]).args(words))
}

/// The same package as its next release.
fn next(root: &Root) -> String {
    let file = root.file("/next.rpm");
    said(
        shell(
            "cargo-generate-rpm --package crates/agent --target x86_64-unknown-linux-gnu --payload-compress xz \
             --set-metadata 'release = \"2\"' --output \"$FILE\"",
        )
        .env("FILE", &file)
        .current_dir(repository()),
    );
    file.to_str().unwrap().to_owned()
}

#[test]
fn rpm_install_upgrade_erase() {
    let root = Root::unpack();
    let first = released(".rpm");
    let told = rpm(&root, &["--install", first.to_str().unwrap()]);
    assert!(told.contains("clients must send the token") && told.contains("systemctl enable --now"), "{told}");
    let settings = root.read(ENV);
    let token = settings.lines().find_map(|line| line.strip_prefix("TOKEN=")).unwrap();
    assert_eq!(token.len(), 40, "{settings}");
    assert_eq!(root.run(&format!("stat --format='%a %u %g' {ENV}")).trim(), "640 0 0");
    assert!(root.run("/usr/bin/nvidia-smi-web-agent --version").contains(env!("CARGO_PKG_VERSION")));

    let told = rpm(&root, &["--upgrade", &next(&root)]);
    assert!(!told.contains("clients must send"), "{told}");
    assert_eq!(root.read(ENV), settings, "changed settings are kept");

    rpm(&root, &["--erase", "nvidia-smi-web-agent"]);
    assert!(!root.file("/usr/bin/nvidia-smi-web-agent").exists());
    assert_eq!(root.read(&format!("{ENV}.rpmsave")), settings);
}

#[test]
fn rpm_requires_its_dependencies() {
    let asked = said(shell(r#"rpm --query --package --requires "$FILE""#).env("FILE", released(".rpm")));
    assert!(asked.lines().any(|line| line == "glibc >= 2.28"), "{asked}");
    for program in ["coreutils", "grep", "/bin/sh"] {
        assert!(asked.lines().any(|line| line == program), "{program} makes the first token: {asked}");
    }
    // RHEL 8 unpacks nothing newer.
    let packed = said(
        shell(r#"rpm --query --package --queryformat '%{PAYLOADCOMPRESSOR}' "$FILE""#).env("FILE", released(".rpm")),
    );
    assert_eq!(packed, "xz");
    assert!(tools("makers").exists());
}
