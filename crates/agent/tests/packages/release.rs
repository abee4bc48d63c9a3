//! The files by which a release is made. The forge is not here to run them: they are checked by its schema and by a linter
//! that looks for ways in.

use std::{fs, process::Command};

use tempfile::TempDir;

use crate::kit::{both, repository, said, shell, tools};

#[test]
fn workflows_are_valid() {
    let mut files: Vec<_> =
        fs::read_dir(repository().join(".github/workflows")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 2, "{files:?}");
    said(
        Command::new(tools("testers/bin/check-jsonschema"))
            .arg("--builtin-schema=vendor.github-workflows")
            .args(&files),
    );
    said(
        shell(r#""$ZIZMOR" --offline --config .github/zizmor.yml .github/workflows"#)
            .env("ZIZMOR", tools("testers/bin/zizmor")),
    );
}

#[test]
fn workflows_run_existing_targets() {
    let text = fs::read_to_string(repository().join(".github/workflows/release.yml")).unwrap();
    for script in ["scripts/package", "scripts/changelog"] {
        assert!(text.contains(script) && repository().join(script).exists(), "{script}");
    }
    assert!(text.contains("make audit"));
    said(&mut shell("make --dry-run audit"));
    assert!(text.contains("ubuntu-24.04-arm"), "built for arm64 too");
    for mended in [
        "git merge-base --is-ancestor",
        "GITHUB_REPOSITORY,,",
        "attest-build-provenance",
        r#"[[ $version == *-* ]] || tags+=(--tag "$image:latest")"#,
    ] {
        assert!(text.contains(mended), "{mended}");
    }
    // Nothing of others runs where the image may be pushed.
    assert!(!text.contains("docker run"), "{text}");
    // The line of the chart that the release changes is there to be changed.
    let values = fs::read_to_string(repository().join("deploy/helm/nvidia-smi-web-agent/values.yaml")).unwrap();
    assert_eq!(values.matches("\n  repository: nvidia-smi-web-agent\n").count(), 1);
    assert!(text.contains("deploy/docker/Dockerfile") && text.contains("deploy/helm/nvidia-smi-web-agent"));
}

#[test]
fn release_requires_changelog_entry() {
    let version = env!("CARGO_PKG_VERSION");
    let folder = TempDir::new().unwrap();
    let told = |version: &str, text: &str| {
        let file = folder.path().join("CHANGELOG.md");
        fs::write(&file, text).unwrap();
        let output = shell(r#"scripts/changelog "$VERSION""#).env("VERSION", version).env("CHANGELOG", file).output();
        let output = output.unwrap();
        (output.status.success(), both(&output))
    };
    let entry = format!(
        "# Changelog\n\n## [Unreleased]\n\n- later\n\n## [{version}] - 2026-01-02\n\n- this\n\n## [0.0.1] - 2025-01-02\n\n- before\n"
    );
    let (fine, text) = told(version, &entry);
    assert!(fine && text.contains("- this") && !text.contains("later") && !text.contains("before"), "{text}");
    for (version, text, part) in [
        (version, "## [Unreleased]\n\n- later\n", "newest entry"),
        (version, "## [0.0.1] - 2025-01-02\n- before\n", "newest entry"),
        (version, &entry.replace(" - 2026-01-02", ""), "YEAR-MONTH-DAY"),
        (version, &entry.replace("- this\n", ""), "says nothing"),
        ("99.0.0", &entry, "Cargo.toml"),
    ] {
        let (fine, told) = told(version, text);
        assert!(!fine && told.contains(part), "{told:?} lacks {part:?}");
    }
}

#[test]
fn changelog_has_unreleased_entry() {
    let text = fs::read_to_string(repository().join("CHANGELOG.md")).unwrap();
    let newest = text.lines().find(|line| line.starts_with("## [")).unwrap();
    let own = format!("## [{}]", env!("CARGO_PKG_VERSION"));
    assert!(newest == "## [Unreleased]" || newest.starts_with(&own), "{newest}");
}
