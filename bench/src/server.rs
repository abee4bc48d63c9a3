//! Servers to compare the agent with: nginx and a bare server with the same bytes, and other programs on the same driver.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::{
    Outcome, cost, get,
    host::Host,
    places::{built, free_port, installed, peer},
};

/// Bytes per packet on the loopback interface.
const LOOPBACK_PACKET: usize = 65_483;

/// A running server; killed when dropped.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    process: Child,
}

impl Server {
    fn start(name: &'static str, address: SocketAddr, command: &mut Command, path: &str) -> Outcome<Self> {
        let server = Self { name, address, process: command.spawn().map_err(|error| format!("{name}: {error}"))? };
        get::until(address, path, |answer| answer.status == 200).map_err(|error| format!("{name}: {error}"))?;
        Ok(server)
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        cost::tree(self.process.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for pid in self.pids().into_iter().rev() {
            // With kill(1), because std can only kill its own children.
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
        }
        let _ = self.process.wait();
    }
}

fn address() -> Outcome<SocketAddr> {
    Ok(([127, 0, 0, 1], free_port()?).into())
}

/// nginx with one worker that serves files. `tcp_nopush` is fastest, except for files of between one and two loopback packets:
/// the second packet sometimes waits 40 ms, so that it is off for these.
pub(crate) fn nginx(host: &Host, files: &Path, path: &str, sizes: &[(String, usize)]) -> Outcome<Server> {
    let (address, work) = (address()?, host.folder().display());
    let is_delayed = |bytes: usize| (LOOPBACK_PACKET..2 * LOOPBACK_PACKET).contains(&bytes);
    let without_nopush: String = sizes
        .iter()
        .filter(|(_, bytes)| is_delayed(*bytes))
        .map(|(path, _)| format!("location = {path} {{ tcp_nopush off; }}"))
        .collect();
    let config = format!(
        "worker_processes 1;\ndaemon off;\npid {work}/nginx.pid;\nerror_log stderr error;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n access_log off;\n open_file_cache max=100;\n sendfile on;\n tcp_nopush on;\n gzip_static on;\n \
         keepalive_requests 100000000;\n default_type application/json;\n client_body_temp_path {work};\n \
         proxy_temp_path {work};\n fastcgi_temp_path {work};\n uwsgi_temp_path {work};\n scgi_temp_path {work};\n \
         server {{ listen {address}; root {}; {without_nopush} }}\n}}\n",
        files.display()
    );
    let file = host.folder().join("nginx.conf");
    fs::write(&file, config)?;
    let program = installed("nginx").or_else(|_| {
        // Debian installs it in a folder that is only on root's PATH.
        let debian = Path::new("/usr/sbin/nginx");
        if debian.exists() { Ok(debian.into()) } else { Err("nginx is missing; run `apt-get install nginx-light`") }
    })?;
    let mut command = Command::new(program);
    command.arg("-c").arg(file).stdout(Stdio::null()).stderr(Stdio::null());
    Server::start("nginx", address, &mut command, path)
}

/// Upper limit: axum on one thread that sends the same bytes from memory.
pub(crate) fn bare(files: &Path, path: &str) -> Outcome<Server> {
    let address = address()?;
    let mut command = Command::new(built("bare")?);
    command.arg(address.port().to_string()).arg(files).stdout(Stdio::null());
    Server::start("bare", address, &mut command, path)
}

/// The Python agent, from its `main.py`.
pub(crate) fn original(host: &Host, main: &Path) -> Outcome<Server> {
    let address = address()?;
    let python = peer("python3").ok_or("the Python agent needs packages that are missing; run `bench/peers`")?;
    let mut command = host.command(&python, "original");
    command.arg(fs::canonicalize(main)?).env("PORT", address.port().to_string());
    Server::start("original", address, &mut command, "/status")
}

/// nvitop's exporter for Prometheus.
pub(crate) fn nvitop_exporter(host: &Host) -> Option<Outcome<Server>> {
    let program = peer("nvitop-exporter")?;
    Some(address().and_then(|address| {
        let mut command = host.command(&program, "nvitop-exporter");
        command.args(["--bind-address=127.0.0.1", &format!("--port={}", address.port()), "--interval=1.0"]);
        Server::start("nvitop-exporter", address, &mut command, "/metrics")
    }))
}

/// all-smi's server. It detects GPUs with programs that are missing here, so that scripts replace them.
pub(crate) fn all_smi(host: &Host) -> Option<Outcome<Server>> {
    let program = peer("all-smi")?;
    Some(address().and_then(|address| {
        let programs = host.folder().join("programs");
        fs::create_dir_all(&programs)?;
        let lines: String = (0..host.gpus).map(|gpu| format!("GPU {gpu}: NVIDIA H200 (UUID: GPU-{gpu})\\n")).collect();
        for (name, output) in [("nvidia-smi", lines), ("lspci", "18:00.0 3D controller: NVIDIA Corporation\\n".into())]
        {
            let file = programs.join(name);
            fs::write(&file, format!("#!/bin/sh\nprintf '{output}'\n"))?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        }
        let mut command = host.command(&program, "all-smi");
        command.env("PATH", format!("{}:/usr/bin:/bin", programs.display())).env("HOME", host.folder());
        command.args(["api", &format!("--port={}", address.port()), "--interval=1", "--processes"]);
        Server::start("all-smi", address, &mut command, "/metrics")
    }))
}

/// Duration of one run of `gpustat` in seconds.
pub(crate) fn gpustat(host: &Host) -> Option<Outcome<f64>> {
    let program = peer("gpustat")?;
    let once = || -> Outcome<f64> {
        let started = std::time::Instant::now();
        let status = host.command(&program, "gpustat").arg("--json").status()?;
        if status.success() { Ok(started.elapsed().as_secs_f64()) } else { Err("gpustat failed".into()) }
    };
    Some((0..5).map(|_| once()).collect::<Outcome<Vec<f64>>>().map(crate::table::median))
}
