//! The settings of the service that the packages install, for a command that asks it. systemd reads the same file with
//! `EnvironmentFile=`.

use std::{collections::HashMap, env, fs, path::Path};

/// Where the packages put it.
const FILE: &str = "/etc/nvidia-smi-web-agent/agent.env";
/// Another place, for tests.
const VARIABLE: &str = "NVSMI_SERVICE_FILE";

/// The variables of the service; none where there is no such file, and for those who may not read it.
pub(crate) fn settings() -> HashMap<String, String> {
    let file = env::var_os(VARIABLE).unwrap_or_else(|| FILE.into());
    fs::read_to_string(Path::new(&file)).map(|text| parse(&text)).unwrap_or_default()
}

/// Assignments as systemd reads them, but for values over several lines: nothing is put in for a `$`, and a `#` within a
/// value is a part of it.
fn parse(text: &str) -> HashMap<String, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';']));
    let assignments = lines.filter_map(|line| line.split_once('='));
    assignments.map(|(name, value)| (name.trim_end().to_owned(), unquoted(value.trim_start()).to_owned())).collect()
}

fn unquoted(value: &str) -> &str {
    let within = |quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    within('"').or_else(|| within('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn assignments_are_read_as_systemd_reads_them() {
        let text =
            "# TOKEN=no\n; TOKEN=no\nPORT=81\n TOKEN = \"a $b # c\"\nURL_PREFIX='/x'\nnothing\nNVSMI_BIND=\nA=\"\n";
        let found = parse(text);
        assert_eq!(found.len(), 5);
        for (name, value) in
            [("PORT", "81"), ("TOKEN", "a $b # c"), ("URL_PREFIX", "/x"), ("NVSMI_BIND", ""), ("A", "\"")]
        {
            assert_eq!(found[name], value, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_borne(text in any::<String>()) {
            parse(&text);
        }

        #[test]
        fn what_is_quoted_is_found_again(value in "[^\r\n\"]*") {
            prop_assert_eq!(&parse(&format!("A=\"{value}\""))["A"], &value);
        }
    }
}
