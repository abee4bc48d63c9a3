//! A simulated host: a scenario of the simulated driver, and waiting processes.

use std::{
    fmt::Write as _,
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::{Outcome, places::built};

/// All values of a Hopper GPU, so that reading them costs as much as on such a host.
const GPU: &str = r#"
name = "NVIDIA H200"
vbios_version = "96.00.99.00.01"
architecture = 9
compute_capability = [9, 0]
temperature_c = 61
memory_temperature_c = 70
slowdown_temperature_c = 90
shutdown_temperature_c = 93
margin_temperature_c = 26
power_mw = 562000
power_limit_mw = 700000
enforced_limit_mw = 700000
default_limit_mw = 700000
energy_mj = { count_from = 48000000000, per_s = 562000 }
utilization_percent = 99
memory_utilization_percent = 48
encoder_percent = 0
decoder_percent = 0
jpeg_percent = 0
ofa_percent = 0
memory_total_bytes = 150754820096
memory_used_bytes = 141189709824
memory_reserved_bytes = 512753664
bar1_total_bytes = 274877906944
bar1_used_bytes = 3145728
graphics_clock_mhz = 1980
sm_clock_mhz = 1980
memory_clock_mhz = 3201
video_clock_mhz = 1545
max_graphics_clock_mhz = 1980
max_sm_clock_mhz = 1980
max_memory_clock_mhz = 3201
clocks_event_reasons = 4
performance_state = 0
pcie_generation = 5
pcie_width = 16
pcie_max_generation = 5
pcie_max_width = 16
pcie_replays = 0
nvlinks = 18
nvlink_errors = 0
fabric_state = 3
fabric_status = 0
ecc_enabled = true
ecc_volatile_corrected = 0
ecc_volatile_uncorrected = 0
ecc_aggregate_corrected = 0
ecc_aggregate_uncorrected = 0
remapped_correctable = 0
remapped_uncorrectable = 0
remapped_pending = false
remapped_failed = false
persistence = true
compute_mode = 0
mig_mode = false
display_active = false
vgpu_licensed = false
fields = { 74 = 0, 75 = 0, 230 = 0 }
gpm = { 1 = 95, 2 = 85, 3 = 45, 5 = 52, 10 = 55, 11 = 0, 12 = 12, 13 = 5, 20 = 500, 21 = 2500, 60 = 90000, 61 = 90000 }
xids = []
"#;

/// A folder with the driver library, its scenario and its call counters, and the processes of the scenario.
pub(crate) struct Host {
    folder: TempDir,
    processes: Vec<Child>,
    pub(crate) gpus: usize,
    /// Count each call in a file per program, which takes longer than the call itself.
    counts_calls: bool,
}

impl Host {
    /// Host with processes spread over its GPUs, on the simulated driver of this build. `latency_ms` is the duration of each
    /// call into it.
    pub(crate) fn new(gpus: usize, processes: usize, latency_ms: u64) -> Outcome<Self> {
        Self::with_driver(&built("libfake_nvml.so")?, gpus, processes, latency_ms)
    }

    fn with_driver(driver: &Path, gpus: usize, processes: usize, latency_ms: u64) -> Outcome<Self> {
        let mut host = Self { folder: TempDir::new()?, processes: Vec::new(), gpus, counts_calls: false };
        for rank in 0..processes {
            let mut command = Command::new(built("stand-in")?);
            command.arg0("python").args(["train.py", &format!("--rank={rank}"), "--lr=3e-4"]);
            host.processes.push(command.stdin(Stdio::null()).spawn()?);
        }
        fs::copy(driver, host.library()).map_err(|error| format!("{}: {error}", driver.display()))?;
        // nvtop opens this name first.
        std::os::unix::fs::symlink("libnvidia-ml.so.1", host.path("libnvidia-ml.so"))?;
        fs::write(host.scenario(), host.scenario_text(latency_ms)?)?;
        Ok(host)
    }

    /// Host that plays a scenario of its own, whose GPUs are not counted.
    pub(crate) fn playing(scenario: &str) -> Outcome<Self> {
        let host = Self::new(0, 0, 0)?;
        fs::write(host.scenario(), scenario)?;
        Ok(host)
    }

    /// Host whose driver counts the calls of each program. Default driver: that of this build.
    pub(crate) fn counting(driver: Option<&Path>, gpus: usize, processes: usize) -> Outcome<Self> {
        let driver = driver.map_or_else(|| built("libfake_nvml.so"), |driver| Ok(driver.into()))?;
        let mut host = Self::with_driver(&driver, gpus, processes, 0)?;
        host.counts_calls = true;
        Ok(host)
    }

    fn scenario_text(&self, latency_ms: u64) -> Outcome<String> {
        let mut text = String::new();
        for gpu in 0..self.gpus {
            write!(text, "[[gpu]]\nserial = '1650000{gpu:06}'\nminor_number = {gpu}{GPU}")?;
            for process in self.processes.iter().skip(gpu).step_by(self.gpus) {
                writeln!(text, "[[gpu.process]]\npid = {}\ntype = 'C'\nmemory_bytes = 886726312", process.id())?;
                text.push_str("sm_percent = 31\nmemory_percent = 12\nencoder_percent = 0\ndecoder_percent = 0\n");
            }
        }
        if latency_ms > 0 {
            writeln!(text, "[[fault]]\nfunction = '*'\nlatency_ms = {latency_ms}")?;
        }
        Ok(text)
    }

    /// Makes every call into the driver hang.
    pub(crate) fn hang(&self) -> Outcome {
        let mut text = fs::read_to_string(self.scenario())?;
        text.push_str("[[fault]]\nfunction = '*'\nhang = true\n");
        fs::write(self.path("scenario.new"), text)?;
        fs::rename(self.path("scenario.new"), self.scenario())?;
        Ok(())
    }

    /// Command of a program that loads this host's driver, which counts its calls under `name`.
    pub(crate) fn command(&self, program: &Path, name: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LD_LIBRARY_PATH", self.folder());
        command.env("FAKE_NVML_SCENARIO", self.scenario());
        if self.counts_calls {
            command.env("FAKE_NVML_CALLS", self.counters(name));
        }
        command.current_dir(self.folder()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Calls of a program, counted by the driver.
    pub(crate) fn calls(&self, name: &str) -> u64 {
        let counts = fs::read_to_string(self.counters(name)).unwrap_or_default();
        counts.lines().filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn library(&self) -> PathBuf {
        self.path("libnvidia-ml.so.1")
    }

    fn scenario(&self) -> PathBuf {
        self.path("scenario.toml")
    }

    fn counters(&self, name: &str) -> PathBuf {
        self.path(&format!("calls-{name}"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
        }
        for process in &mut self.processes {
            let _ = process.wait();
        }
    }
}
