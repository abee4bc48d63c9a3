//! The problems for which the node was drained, so that an administrator who resumes it is not overruled by the next
//! check. They are forgotten once they are over, and at a reboot if the folder is in `/run`.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{health::drain::node::NodeName, regular};

/// Maximum size of the file in bytes.
const MAX_BYTES: u64 = 1 << 20;

#[derive(Debug)]
pub(super) struct Record(PathBuf);

impl Record {
    /// The record of a node: several can be on one host.
    pub(super) fn of(folder: &Path, node: &NodeName) -> Self {
        Self(folder.join(node.as_str()))
    }

    /// Reads the problems, one per line.
    pub(super) fn read(&self) -> Result<BTreeSet<String>, String> {
        match regular::read_text(&self.0, MAX_BYTES) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
            Err(error) => Err(self.failed("read", &error)),
        }
    }

    /// Replaces the problems. An empty set needs no file.
    pub(super) fn write(&self, problems: &BTreeSet<String>) -> Result<(), String> {
        let outcome = match (problems.is_empty(), self.0.exists()) {
            (true, false) => Ok(()),
            (true, true) => fs::remove_file(&self.0),
            (false, _) => self.replace(problems),
        };
        outcome.map_err(|error| self.failed("write", &error))
    }

    fn replace(&self, problems: &BTreeSet<String>) -> io::Result<()> {
        if let Some(folder) = self.0.parent() {
            fs::create_dir_all(folder)?;
        }
        let name = self.0.file_name().unwrap_or_default().to_string_lossy();
        let staged = self.0.with_file_name(format!(".{name}"));
        let mut file = regular::create(&staged)?;
        for problem in problems {
            writeln!(file, "{problem}")?;
        }
        fs::rename(staged, &self.0)
    }

    fn failed(&self, what: &str, error: &io::Error) -> String {
        format!("cannot {what} {}: {error}; set --drained to a folder that this account can write", self.0.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_kept_until_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let record = Record::of(&folder.path().join("new"), &NodeName::find(Some("n1")).unwrap());
        assert_eq!(record.read(), Ok(BTreeSet::new()));
        record.write(&BTreeSet::new()).unwrap();
        let problems = BTreeSet::from(["GPU-1 lost".to_owned(), "index 2 Xid 79".to_owned()]);
        record.write(&problems).unwrap();
        assert_eq!(record.read(), Ok(problems));
        record.write(&BTreeSet::new()).unwrap();
        assert_eq!(record.read(), Ok(BTreeSet::new()));
        fs::create_dir(&record.0).unwrap();
        assert!(record.read().unwrap_err().contains("--drained"));
    }
}
