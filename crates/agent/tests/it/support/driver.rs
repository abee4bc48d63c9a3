//! The fake driver library, staged under its real names in a folder of its own.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// A folder with the library, the scenario that it plays, and its counts of calls.
pub(crate) struct Driver {
    folder: TempDir,
}

/// Path of a program or library of the workspace: of the profile that `BUILD` names (`make test` sets `release`), or of
/// the tests' own.
pub(crate) fn built(name: &str) -> PathBuf {
    let own = Path::new(env!("CARGO_BIN_EXE_nvidia-smi-web-agent"));
    let path = match env::var("BUILD") {
        Ok(profile) => own.ancestors().nth(2).expect("a target directory").join(profile).join(name),
        Err(_) => own.with_file_name(name),
    };
    assert!(path.exists(), "expected {}: run `make test`, or `cargo build --workspace`", path.display());
    path
}

/// Path of the agent under test.
pub(crate) fn agent_program() -> PathBuf {
    built("nvidia-smi-web-agent")
}

impl Driver {
    /// A driver that plays a scenario.
    pub(crate) fn new(scenario: &str) -> Self {
        let driver = Self::absent();
        driver.play(scenario);
        driver.install(&[]);
        driver
    }

    /// No driver yet; [`Self::play`] and [`Self::install`] make it one.
    pub(crate) fn absent() -> Self {
        Self { folder: TempDir::new().expect("a temporary folder") }
    }

    /// Puts the library there, without the symbols named.
    pub(crate) fn install(&self, missing: &[&str]) {
        self.stage(missing, |symbol| panic!("the fake driver has no symbol {symbol}"));
    }

    /// Puts the library there, without those symbols of the ones named that it has.
    pub(crate) fn install_without_those_there(&self, missing: &[&str]) {
        self.stage(missing, |_| ());
    }

    fn stage(&self, missing: &[&str], not_there: fn(&str)) {
        let mut library = fs::read(built("libfake_nvml.so")).expect("the library is read");
        for symbol in missing.iter().filter(|symbol| !hide(&mut library, symbol)) {
            not_there(symbol);
        }
        let staged = self.folder.path().join("staged");
        fs::write(&staged, library).expect("the library is written");
        // At once, so that nobody loads half of it.
        fs::rename(staged, self.library()).expect("the library is renamed");
    }

    /// Puts the library there as NVIDIA's own for discrete GPUs looks: its file has the name of the program that loads
    /// the kernel module.
    pub(crate) fn install_as_nvidias(&self, version: &str) {
        let mut library = fs::read(built("libfake_nvml.so")).expect("the library is read");
        library.extend_from_slice(format!("\0/usr/bin/nvidia-modprobe\0{version}\0").as_bytes());
        let staged = self.folder.path().join("staged");
        fs::write(&staged, library).expect("the library is written");
        fs::rename(staged, self.library()).expect("the library is renamed");
    }

    /// Puts a library there that runs C code as it is loaded, and has the functions of the simulated one.
    pub(crate) fn install_with(&self, source: &str) {
        let folder = self.folder.path().join("functions");
        fs::create_dir_all(&folder).expect("the folder is made");
        // The simulated library has this name inside.
        let functions = folder.join("libnvidia-ml.so.1");
        fs::copy(built("libfake_nvml.so"), &functions).expect("the library is copied");
        let [folder, functions] = [&folder, &functions].map(|path| path.to_str().expect("a path in UTF-8"));
        self.compile_with(source, &["-Wl,--no-as-needed", functions, &format!("-Wl,-rpath,{folder}")]);
    }

    /// Puts a library of our own there, compiled from C without any header.
    pub(crate) fn compile(&self, source: &str) {
        self.compile_with(source, &[]);
    }

    fn compile_with(&self, source: &str, more: &[&str]) {
        let (code, staged) = (self.folder.path().join("library.c"), self.folder.path().join("staged"));
        fs::write(&code, source).expect("the source is written");
        let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&staged).arg(&code).args(more).status();
        assert!(compiled.expect("cc, which Rust links with, is there").success());
        fs::rename(staged, self.library()).expect("the library is renamed");
    }

    /// Changes the scenario.
    pub(crate) fn play(&self, scenario: &str) {
        let staged = self.folder.path().join("scenario.new");
        fs::write(&staged, scenario).expect("the scenario is written");
        fs::rename(staged, self.scenario()).expect("the scenario is renamed");
    }

    pub(crate) fn library(&self) -> PathBuf {
        self.folder.path().join("libnvidia-ml.so.1")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn scenario(&self) -> PathBuf {
        self.folder.path().join("scenario.toml")
    }

    pub(crate) fn counts(&self) -> PathBuf {
        self.folder.path().join("calls")
    }

    /// Number of calls of functions whose names begin with this prefix.
    pub(crate) fn calls(&self, beginning: &str) -> u64 {
        let counts = fs::read_to_string(self.counts()).unwrap_or_default();
        let of = |line: &str| {
            let (name, count) = line.split_once(' ')?;
            name.starts_with(beginning).then(|| count.trim().parse::<u64>().unwrap_or(0))
        };
        counts.lines().filter_map(of).sum()
    }
}

/// Takes a symbol out of a library: its name in the string table is made another, so that no look-up finds it. Whether
/// it was there.
fn hide(library: &mut [u8], symbol: &str) -> bool {
    let pattern = [b"\0", symbol.as_bytes(), b"\0"].concat();
    let mut found = false;
    for start in 0..library.len().saturating_sub(pattern.len()) {
        if library[start..].starts_with(&pattern) {
            library[start + 1] = b'x';
            found = true;
        }
    }
    found
}
