//! The installed service, as `health` and `check` see it: its settings, which systemd reads with `EnvironmentFile=`, and
//! its runtime directory, which exists while it runs.

use std::{
    collections::HashMap,
    env, io,
    path::{Path, PathBuf},
};

use crate::regular;

/// Maximum size of the settings file in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// Settings file of the packages.
const FILE: &str = "/etc/nvidia-smi-web-agent/agent.env";
/// Runtime directory that systemd creates.
const FOLDER: &str = "/run/nvidia-smi-web-agent";
/// Variables that replace these paths in tests.
const FILE_VARIABLE: &str = "NVSMI_SERVICE_FILE";
const FOLDER_VARIABLE: &str = "NVSMI_SERVICE_FOLDER";

/// Settings of the installed service.
#[derive(Debug, Default)]
pub(crate) struct Service {
    /// Variables; none if there is no such file, or if this user cannot read it.
    pub(crate) variables: HashMap<String, String>,
    /// File that contains them.
    pub(crate) file: Option<PathBuf>,
    /// The file, if it exists and this user cannot read it.
    pub(crate) unreadable: Option<PathBuf>,
}

impl Service {
    pub(crate) fn read() -> Self {
        let file = env::var_os(FILE_VARIABLE).map_or_else(|| PathBuf::from(FILE), PathBuf::from);
        match regular::read_text(&file, MAX_BYTES) {
            Ok(text) => Self { variables: parse(&text), file: Some(file), unreadable: None },
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Self { unreadable: Some(file), ..Self::default() }
            }
            Err(_) => Self::default(),
        }
    }

    /// Source of its settings, for display.
    pub(crate) fn source(&self) -> String {
        self.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default()
    }
}

/// Runtime directory, with the control socket and the collector's lock.
pub(crate) fn folder() -> PathBuf {
    env::var_os(FOLDER_VARIABLE).map_or_else(|| Path::new(FOLDER).into(), PathBuf::from)
}

/// Checks whether the service runs, in any state: systemd removes the folder when it stops. A link into a folder that
/// this user cannot open counts too.
pub(crate) fn runs() -> bool {
    folder().symlink_metadata().is_ok()
}

/// Parses assignments as systemd does, except for values that span several lines. `$` is not expanded, and a `#` within a
/// value is part of it.
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
    fn assignments_parsed_as_by_systemd() {
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
        fn arbitrary_text_tolerated(text in any::<String>()) {
            parse(&text);
        }

        #[test]
        fn quoted_values_round_trip(value in "[^\r\n\"]*") {
            prop_assert_eq!(&parse(&format!("A=\"{value}\""))["A"], &value);
        }
    }
}
