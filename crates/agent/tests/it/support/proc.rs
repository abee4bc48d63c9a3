//! A `/proc` made by hand, for processes of accounts and containers that the test cannot have.

use std::{fs, path::Path};

use tempfile::TempDir;

/// The root of it.
pub(crate) struct Proc(TempDir);

impl Proc {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    /// A process of an account in a cgroup.
    pub(crate) fn process(&self, pid: u32, uid: u32, cgroup: &str) {
        self.child(pid, 1, uid, cgroup);
    }

    /// The same, started by another process.
    pub(crate) fn child(&self, pid: u32, parent: u32, uid: u32, cgroup: &str) {
        let folder = self.0.path().join(pid.to_string());
        fs::create_dir(&folder).expect("a folder");
        let stat = format!("{pid} (python) S {parent} 7 7 0 -1 4194560 1 0 0 0 10 32 5 6 20 0 1 0 500 9 77 8\n");
        for (name, content) in [
            ("stat", stat),
            ("status", format!("Name:\tpython\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")),
            ("cgroup", format!("0::{cgroup}\n")),
            ("comm", "python\n".into()),
            ("cmdline", "python\0train.py\0".into()),
        ] {
            fs::write(folder.join(name), content).expect("a file");
        }
    }

    /// Gives a process another name and arguments.
    pub(crate) fn title(&self, pid: u32, name: &str, arguments: &[&str]) {
        let folder = self.0.path().join(pid.to_string());
        let stat =
            fs::read_to_string(folder.join("stat")).expect("the process").replace("(python)", &format!("({name})"));
        for (file, content) in [("stat", stat), ("comm", format!("{name}\n")), ("cmdline", arguments.join("\0") + "\0")]
        {
            fs::write(folder.join(file), content).expect("a file");
        }
    }

    /// Gives a process an environment.
    pub(crate) fn environment(&self, pid: u32, variables: &[&str]) {
        fs::write(self.0.path().join(pid.to_string()).join("environ"), variables.join("\0") + "\0").expect("a file");
    }
}
