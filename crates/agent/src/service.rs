//! The service that the packages install, for a command that asks it or judges it: its settings, which systemd reads with
//! `EnvironmentFile=`, and its runtime directory, which is there as long as it runs.

use std::{
    collections::HashMap,
    env, fs, io,
    path::{Path, PathBuf},
};

/// Where the packages put the settings.
const FILE: &str = "/etc/nvidia-smi-web-agent/agent.env";
/// Where systemd makes the runtime directory.
const FOLDER: &str = "/run/nvidia-smi-web-agent";
/// Other places, for tests.
const FILE_VARIABLE: &str = "NVSMI_SERVICE_FILE";
const FOLDER_VARIABLE: &str = "NVSMI_SERVICE_FOLDER";

/// What is known of the service's settings.
#[derive(Debug, Default)]
pub(crate) struct Service {
    /// Its variables; none where there is no such file, and for those who may not read it.
    pub(crate) variables: HashMap<String, String>,
    /// The file that they are from.
    pub(crate) file: Option<PathBuf>,
    /// The file, if it is there and may not be read.
    pub(crate) closed: Option<PathBuf>,
}

impl Service {
    pub(crate) fn read() -> Self {
        let file = env::var_os(FILE_VARIABLE).map_or_else(|| PathBuf::from(FILE), PathBuf::from);
        match fs::read_to_string(&file) {
            Ok(text) => Self { variables: parse(&text), file: Some(file), closed: None },
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Self { closed: Some(file), ..Self::default() }
            }
            Err(_) => Self::default(),
        }
    }

    /// Where its settings are from, for who is shown one.
    pub(crate) fn source(&self) -> String {
        self.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default()
    }
}

/// Its runtime directory, where the control socket and the collector's lock are.
pub(crate) fn folder() -> PathBuf {
    env::var_os(FOLDER_VARIABLE).map_or_else(|| Path::new(FOLDER).into(), PathBuf::from)
}

/// Whether it runs, also in what state: systemd removes the folder when it stops. A link to where others may not look
/// counts too.
pub(crate) fn runs() -> bool {
    folder().symlink_metadata().is_ok()
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
