//! Recording rules that map dcgm-exporter's names of one version to those of the other, made of the declarations.

use crate::{
    metrics::dcgm::{Named, Version, fields},
    v1::tests::docs::fresh,
};

/// Labels that have another name in the other version, by their name until 4.8 and since 4.9.
const LABELS: [(&str, &str); 2] =
    [("Hostname", "hostname"), ("DCGM_FI_DRIVER_VERSION", "DCGM_FI_SYSTEM_DRIVER_VERSION")];

/// Label of a recorded series, which is never mapped again.
const MARK: &str = "mapped_from";

const HEAD: &str = "# Made from the code; `RENEW_DOCS=1 cargo test -p server --lib rules` renews it.
#
";

/// The expression that gives a value of a name in the unit of the other.
fn converted(expression: &str, from: &Named, to: &Named) -> String {
    let factor = match (from.unit_text, to.unit_text) {
        ("MHz", "Hz") => "* 1e6",
        ("Hz", "MHz") => "/ 1e6",
        ("%", "ratio") => "/ 100",
        ("ratio", "%") => "* 100",
        ("mJ", "J") => "/ 1000",
        ("J", "mJ") => "* 1000",
        ("ns", "s") => "/ 1e9",
        ("s", "ns") => "* 1e9",
        ("MiB", "B") => "* 1048576",
        ("B", "MiB") => "/ 1048576",
        // DCGM's MB/s is KiB/s divided by a thousand.
        ("MB/s", "B/s") => "* 1024000",
        ("B/s", "MB/s") => "/ 1024000",
        (one, other) => {
            assert_eq!(one, other, "{} to {}", from.name, to.name);
            return expression.to_owned();
        }
    };
    match to.unit_text {
        "MiB" | "MB/s" => format!("floor({expression} {factor})"),
        // Whole percentages, without the error of the multiplication.
        "%" => format!("round({expression} {factor})"),
        _ => format!("{expression} {factor}"),
    }
}

/// The series of a name that were scraped, under the labels of the other version.
fn scraped(name: &str, from: Version) -> String {
    renamed_labels(&format!("{name}{{{MARK}=\"\"}}"), from)
}

fn renamed_labels(expression: &str, from: Version) -> String {
    let mut text = expression.to_owned();
    for (old, new) in LABELS {
        let (there, here) = if from == Version::Until48 { (new, old) } else { (old, new) };
        text = format!(
            "label_replace(label_replace({text}, \"{there}\", \"$1\", \"{here}\", \"(.+)\"), \"{here}\", \"\", \"\", \"\")"
        );
    }
    text
}

fn rule(from: (Version, &Named), to: &Named) -> String {
    let (version, named) = from;
    let all = scraped(named.name, version);
    let value = if to.name == "DCGM_FI_DEV_FB_CAPACITY_BYTES" {
        // 4.8's default set has the parts of the memory only.
        let parts = ["FREE", "USED", "RESERVED"].map(|part| format!("DCGM_FI_DEV_FB_{part}{{{MARK}=\"\"}}"));
        let sum = renamed_labels(&format!("({})", parts.join(" + ")), version);
        format!("({all} or {sum}) * 1048576")
    } else {
        converted(&all, named, to)
    };
    let target = to.name;
    format!(
        "      - record: {target}\n        expr: >-\n          ({value})\n          unless on (job, instance, UUID, GPU_I_ID) {target}{{{MARK}=\"\"}}\n        labels: {{{MARK}: \"{}\"}}\n",
        if version == Version::Until48 { "4.8" } else { "4.9" }
    )
}

fn file(from: Version, to: Version) -> String {
    let (old, new) = if from == Version::Until48 { ("4.8", "4.9") } else { ("4.9", "4.8") };
    let mut text = format!(
        "{HEAD}# For dashboards and alerts with the names of dcgm-exporter {new}, on hosts that serve those of {old}: records each under its\n\
         # name, unit and labels of {new}. Hosts that serve a name themselves are left alone, so a fleet may be mixed, and both\n\
         # directions may be loaded. Recorded series have the label {MARK}.\n\ngroups:\n  - name: dcgm-{old}-to-{new}\n    rules:\n"
    );
    for field in fields() {
        let (one, other) = (field.named(from), field.named(to));
        if one.name != other.name {
            text.push_str(&rule((from, one), other));
        }
    }
    text
}

#[test]
fn dcgm_mapping_rules_match_code() {
    for (path, from, to) in [
        ("deploy/prometheus/dcgm-4.8-to-4.9.yml", Version::Until48, Version::Since49),
        ("deploy/prometheus/dcgm-4.9-to-4.8.yml", Version::Since49, Version::Until48),
    ] {
        fresh(path, &file(from, to));
    }
}
