//! The image, built by buildah and run by podman, whose command line is docker's.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    kit::{both, free_port, old, released, repository, said, shell, tools},
    support::{StandIn, eventually, get, request},
};

/// Maximum size of the image without its base.
const MOST_BYTES: u64 = 15 << 20;
const IMAGE: &str = "localhost/nvidia-smi-web-agent";
const BASE: &str = "localhost/base";

/// Where images and containers are, for one test.
struct Store {
    folder: TempDir,
}

impl Store {
    /// With the image in it.
    fn with_image() -> Self {
        let store = Self { folder: TempDir::new().unwrap() };
        store.podman(&["import", "--quiet", tools("bullseye.tar").to_str().unwrap(), BASE]);
        let context = context(&store.folder.path().join("context"));
        let arguments: Vec<String> =
            ["BASE", "BUILDER", "NODE"].map(|name| format!("--build-arg={name}={BASE}")).into();
        let mut words = vec!["build", "--quiet", "--isolation=chroot", "--format=docker", "--tag", IMAGE];
        words.extend(arguments.iter().map(String::as_str));
        words.extend([
            "--build-arg=VERSION=1.2.3",
            "--build-arg=SOURCE=https://example.org/it",
            "--file",
            "deploy/docker/Dockerfile",
            context.to_str().unwrap(),
        ]);
        store.buildah(&words);
        store
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(repository());
        for place in ["root", "runroot"] {
            command.arg(format!("--{place}")).arg(self.folder.path().join(place));
        }
        command
    }

    fn buildah(&self, words: &[&str]) -> String {
        said(self.command("buildah").args(words))
    }

    fn podman(&self, words: &[&str]) -> String {
        said(self.command("podman").args(["--runtime=runc", "--cgroup-manager=cgroupfs"]).args(words))
    }

    /// The size of an image in bytes.
    fn bytes(&self, image: &str) -> u64 {
        self.podman(&["image", "inspect", "--format={{.Size}}", image]).trim().parse().unwrap()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if thread::panicking() {
            let told = self.command("podman").args(["logs", "nvidia-smi-web-agent"]).output().unwrap();
            eprintln!("--- the container's log ---\n{}", both(&told));
        }
        let _ = self.command("podman").args(["rm", "--all", "--force"]).output();
        let _ = self.command("buildah").args(["rm", "--all"]).output();
    }
}

/// Build context if a release has already built the binary.
fn context(folder: &Path) -> PathBuf {
    let source = repository();
    let binary = released("nvidia-smi-web-agent-x86_64");
    let licences = tools("../packages/stage/usr/share/doc/nvidia-smi-web-agent/THIRD-PARTY.gz");
    for (from, to) in [
        (source.join("LICENSE"), "LICENSE"),
        (source.join(".dockerignore"), ".dockerignore"),
        (source.join("deploy/docker/binary"), "deploy/docker/binary"),
        (binary, "dist/amd64/nvidia-smi-web-agent"),
        (licences, "dist/amd64/THIRD-PARTY.gz"),
    ] {
        let to = folder.join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
    folder.into()
}

#[test]
fn image_is_small_labelled_and_compatible() {
    let store = Store::with_image();
    let beside_the_base = store.bytes(IMAGE) - store.bytes(BASE);
    println!("{beside_the_base} bytes beside the base");
    assert!(beside_the_base <= MOST_BYTES, "{beside_the_base} bytes beside the base");

    let told: Value = serde_json::from_str(&store.podman(&["image", "inspect", IMAGE])).unwrap();
    let config = &told[0]["Config"];
    assert_eq!(config["User"], "65532:65532");
    let variables = config["Env"].as_array().unwrap();
    for variable in ["NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=utility"] {
        assert!(variables.iter().any(|found| found == variable), "{variables:?}");
    }
    assert_eq!(config["Labels"]["org.opencontainers.image.version"], "1.2.3");
    assert_eq!(config["Labels"]["org.opencontainers.image.licenses"], "Apache-2.0");
    assert_eq!(config["Labels"]["org.opencontainers.image.source"], "https://example.org/it");
    run_as_the_originals(&store, &[]);
    store.podman(&["rm", "nvidia-smi-web-agent"]);
    run_as_the_originals(&store, &["--read-only", "--cap-drop=all", "--security-opt=no-new-privileges"]);
}

/// The original's `docker run`, as its README has it, but for the image's name, and with these flags. What the NVIDIA
/// runtime would mount is mounted by hand, and the limits are set since not every machine lets podman raise them.
fn run_as_the_originals(store: &Store, safety: &[&str]) {
    let driver = TempDir::new().unwrap();
    let train = StandIn::start_as(&["python", "train.py"], Some(1));
    let scenario = format!("[[gpu]]\nname = 'NVIDIA H200'\n[[gpu.process]]\npid = {}\ntype = 'C'\n", train.pid());
    fs::write(driver.path().join("scenario.toml"), scenario).unwrap();
    said(shell(r#"chmod 755 "$FOLDER""#).env("FOLDER", driver.path()));
    let library = format!("{}:/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1:ro", old("libfake_nvml.so").display());
    let scenario = format!("{}:/driver:ro", driver.path().display());
    let port = free_port();
    let publish = format!("127.0.0.1:{port}:8000");
    let originals = ["-e", "TOKEN=changeme", "-e", "URL_PREFIX=server1", "-p", &publish]
        .into_iter()
        .chain(["-v", "/etc/passwd:/etc/passwd:ro", "-v", "/etc/group:/etc/group:ro"])
        .chain(["--gpus=all", "--pid=host"]);
    let of_the_runtime = ["-v", &library, "-v", &scenario, "-e", "FAKE_NVML_SCENARIO=/driver/scenario.toml"];
    // A container's processes are not in the host's namespace where these tests run in one themselves.
    let of_the_tests = ["-e", "NVSMI_RESOLVE_PIDS=true", "--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096"];
    let words = ["run", "-d", "--name", "nvidia-smi-web-agent"].into_iter().chain(originals).chain(of_the_runtime);
    let words = words.chain(of_the_tests).chain(safety.iter().copied()).chain([IMAGE]);
    store.podman(&words.collect::<Vec<_>>());
    let address = ([127, 0, 0, 1], port).into();
    eventually("the agent in its container", || std::net::TcpStream::connect(address).ok());
    let row = eventually("the row of a process of the host", || {
        let answer = request(address, "/server1/status", &[("Authorization", "changeme")]);
        let row = answer.json()["data"]["processes"].get(0)?.clone();
        (row["username"] == "daemon").then_some(row)
    });
    assert_eq!(row["command"], "python train.py");
    assert_eq!(get(address, "/server1/count").status, 401);
    // What its own health check finds, and that it is one that Docker knows.
    store.podman(&["healthcheck", "run", "nvidia-smi-web-agent"]);
    let health = store.podman(&["exec", "nvidia-smi-web-agent", "nvidia-smi-web-agent", "health", "--gpus"]);
    assert!(health.contains("NVIDIA H200"), "{health}");
    let stopped = store.podman(&["stop", "--time=10", "nvidia-smi-web-agent"]);
    let state = store.podman(&["inspect", "--format={{.State.ExitCode}}", "nvidia-smi-web-agent"]);
    assert_eq!(state.trim(), "0", "{stopped}");
}

#[test]
fn image_reports_unavailable_builds() {
    let folder = TempDir::new().unwrap();
    let output = shell(r#"deploy/docker/binary arm64 "$FOLDER" amd64"#).env("FOLDER", folder.path()).output().unwrap();
    assert!(!output.status.success() && both(&output).contains("dist/arm64/nvidia-smi-web-agent is not there"));
}

#[test]
fn compose_mounts_exist() {
    for (file, least) in [("deploy/docker/compose.yaml", 6), ("deploy/docker/compose-fleet.yaml", 3)] {
        let checker = tools("testers/bin/check-jsonschema");
        said(Command::new(checker).args(["--builtin-schema=vendor.compose-spec", file]).current_dir(repository()));
        let text = fs::read_to_string(repository().join(file)).unwrap();
        let mounted: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- ."))
            .map(|mount| mount.split(':').next().unwrap())
            .collect();
        assert!(mounted.len() >= least, "{mounted:?}");
        for path in mounted {
            let path = repository().join("deploy/docker").join(format!(".{path}"));
            assert!(path.exists(), "{} is not there", path.display());
        }
    }
    let told = both(&Command::new("podman").arg("--version").output().unwrap());
    assert!(told.contains("podman"), "{told}");
}
