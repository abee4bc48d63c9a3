//! Contents of the packages.

use std::{collections::BTreeMap, fs, process::Command};

use serde_json::Value;

use crate::kit::{released, said, shell, tools};

/// Files that an upgrade keeps.
const SETTINGS: &str = "/etc/nvidia-smi-web-agent/agent.env\n/etc/nvidia-smi-web-agent/hub.env";

/// Mode and path of each file, as `ls -l` writes them.
type Files = BTreeMap<String, String>;

fn listed(command: &str, ending: &str) -> Files {
    let text = said(shell(command).env("FILE", released(ending)));
    let files = text.lines().filter(|line| line.starts_with('-'));
    files
        .map(|line| {
            let path = line.rsplit(' ').next().unwrap().trim_start_matches("./").trim_start_matches('/').to_owned();
            (path, line[..10].to_owned())
        })
        .collect()
}

fn deb() -> Files {
    listed(r#"dpkg-deb --contents "$FILE""#, ".deb")
}

#[test]
fn packages_have_the_same_files() {
    let (mut deb, mut rpm) = (deb(), listed(r#"rpm --query --package --list --verbose "$FILE""#, ".rpm"));
    let mut archive = listed(r#"tar --list --verbose --gzip --file "$FILE""#, ".tar.gz");
    assert!(deb.len() > 15, "{deb:?}");
    // Debian's own places.
    assert!(deb.remove("usr/share/doc/nvidia-smi-web-agent/copyright").is_some());
    let zsh = deb.remove("usr/share/zsh/vendor-completions/_nvidia-smi-web-agent").unwrap();
    for files in [&mut rpm, &mut archive] {
        assert_eq!(files.remove("usr/share/zsh/site-functions/_nvidia-smi-web-agent").as_ref(), Some(&zsh));
    }
    assert_eq!(deb, rpm);
    assert_eq!(deb, archive);
}

#[test]
fn packages_have_expected_files() {
    let deb = deb();
    for (path, mode) in [
        ("usr/bin/nvidia-smi-web-agent", "-rwxr-xr-x"),
        ("usr/lib/systemd/system/nvidia-smi-web-agent.service", "-rw-r--r--"),
        ("usr/lib/systemd/system/nvidia-smi-web-hub.service", "-rw-r--r--"),
        ("usr/lib/nvidia-smi-web-agent/slurm-health-check", "-rwxr-xr-x"),
        ("etc/nvidia-smi-web-agent/agent.env", "-rw-r-----"),
        ("etc/nvidia-smi-web-agent/hub.env", "-rw-r-----"),
        ("usr/share/man/man1/nvidia-smi-web-agent-hub.1.gz", "-rw-r--r--"),
        ("usr/share/doc/nvidia-smi-web-agent/fleet.md", "-rw-r--r--"),
        ("usr/share/man/man1/nvidia-smi-web-agent.1.gz", "-rw-r--r--"),
        ("usr/share/man/man1/nvidia-smi-web-agent-health.1.gz", "-rw-r--r--"),
        ("usr/share/bash-completion/completions/nvidia-smi-web-agent", "-rw-r--r--"),
        ("usr/share/fish/vendor_completions.d/nvidia-smi-web-agent.fish", "-rw-r--r--"),
        ("usr/share/doc/nvidia-smi-web-agent/examples/original.conf", "-rw-r--r--"),
        ("usr/share/doc/nvidia-smi-web-agent/THIRD-PARTY.gz", "-rw-r--r--"),
    ] {
        assert_eq!(deb.get(path).map(String::as_str), Some(mode), "{path}");
    }
    let conffiles =
        said(shell(r#"dpkg-deb --ctrl-tarfile "$FILE" | tar -xO ./conffiles"#).env("FILE", released(".deb")));
    assert_eq!(conffiles.trim(), SETTINGS);
    let configured = said(shell(r#"rpm --query --package --configfiles "$FILE""#).env("FILE", released(".rpm")));
    assert_eq!(configured.trim(), SETTINGS);
}

#[test]
fn checksums_match_files() {
    let folder = released(".deb");
    said(shell(r#"cd "$(dirname "$FILE")" && sha256sum --check --strict SHA256SUMS-*"#).env("FILE", &folder));
    let sums = fs::read_to_string(released("SHA256SUMS-x86_64")).unwrap();
    let files = fs::read_dir(folder.parent().unwrap()).unwrap().count();
    assert_eq!(sums.lines().count(), files - 1, "all but the sums themselves: {sums}");
}

/// By the schema of those who made the form; prints what is wrong.
const CHECK: &str = "import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
wrong = JsonStrictValidator(SchemaVersion.V1_5).validate_str(open(sys.argv[1]).read())
print('' if wrong is None else wrong)";

#[test]
fn bill_of_materials_names_every_library() {
    let file = released(".cdx.json");
    let checked = said(Command::new(tools("testers/bin/python")).args(["-c", CHECK]).arg(&file));
    assert_eq!(checked.trim(), "", "it is what CycloneDX says it must be");
    let bill: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let names: Vec<&str> =
        bill["components"].as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap()).collect();
    for linked in ["hyper", "tokio", "serde", "nvml-wrapper-sys", "clap"] {
        assert!(names.contains(&linked), "{linked} in {names:?}");
    }
    for only_tested_with in ["proptest", "tempfile", "clap_mangen"] {
        assert!(!names.contains(&only_tested_with), "{only_tested_with}");
    }
    let text = said(
        shell(r#"gzip -cd "$FILE""#)
            .env("FILE", tools("../packages/stage/usr/share/doc/nvidia-smi-web-agent/THIRD-PARTY.gz")),
    );
    for name in names {
        assert!(text.contains(&format!("\n{name} ")), "{name}'s licence goes with the binary");
    }
}
