//! What the agent is measured beside: nginx and a bare server with the same bytes, and other programs on the same driver.

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
    places::{brought, built, free_port, installed},
};

/// Bytes that go over the loopback in one packet.
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
            // By the shell's own command, since what others have started is not ours to wait for.
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
        }
        let _ = self.process.wait();
    }
}

fn address() -> Outcome<SocketAddr> {
    Ok(([127, 0, 0, 1], free_port()?).into())
}

/// nginx with one worker, which hands out files. Its way of filling packets is the fastest, but where a file fills one
/// of the loopback's and a part of another: that part waits 40 ms every now and then, so that these files go without.
pub(crate) fn nginx(host: &Host, files: &Path, path: &str, sizes: &[(String, usize)]) -> Outcome<Server> {
    let (address, work) = (address()?, host.folder().display());
    let waits = |bytes: usize| (LOOPBACK_PACKET..2 * LOOPBACK_PACKET).contains(&bytes);
    let unfilled: String = sizes
        .iter()
        .filter(|(_, bytes)| waits(*bytes))
        .map(|(path, _)| format!("location = {path} {{ tcp_nopush off; }}"))
        .collect();
    let config = format!(
        "worker_processes 1;\ndaemon off;\npid {work}/nginx.pid;\nerror_log stderr error;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n access_log off;\n open_file_cache max=100;\n sendfile on;\n tcp_nopush on;\n gzip_static on;\n \
         keepalive_requests 100000000;\n default_type application/json;\n client_body_temp_path {work};\n \
         proxy_temp_path {work};\n fastcgi_temp_path {work};\n uwsgi_temp_path {work};\n scgi_temp_path {work};\n \
         server {{ listen {address}; root {}; {unfilled} }}\n}}\n",
        files.display()
    );
    let file = host.folder().join("nginx.conf");
    fs::write(&file, config)?;
    let program = installed("nginx").or_else(|_| {
        // Debian has it where only root looks.
        let beside = Path::new("/usr/sbin/nginx");
        if beside.exists() { Ok(beside.into()) } else { Err("nginx is missing: apt-get install nginx-light") }
    })?;
    let mut command = Command::new(program);
    command.arg("-c").arg(file).stdout(Stdio::null()).stderr(Stdio::null());
    Server::start("nginx", address, &mut command, path)
}

/// The limit: axum on one thread, which hands out the same bytes from memory.
pub(crate) fn bare(files: &Path, path: &str) -> Outcome<Server> {
    let address = address()?;
    let mut command = Command::new(built("bare")?);
    command.arg(address.port().to_string()).arg(files).stdout(Stdio::null());
    Server::start("bare", address, &mut command, path)
}

/// The Python agent of the same name, from its `main.py`.
pub(crate) fn original(host: &Host, main: &Path) -> Outcome<Server> {
    let address = address()?;
    let python = brought("python3").ok_or("bench/peers brings what the original needs: run it")?;
    let mut command = host.command(&python, "original");
    command.arg(fs::canonicalize(main)?).env("PORT", address.port().to_string());
    Server::start("original", address, &mut command, "/status")
}

/// nvitop's exporter for Prometheus.
pub(crate) fn nvitop_exporter(host: &Host) -> Option<Outcome<Server>> {
    let program = brought("nvitop-exporter")?;
    Some(address().and_then(|address| {
        let mut command = host.command(&program, "nvitop-exporter");
        command.args(["--bind-address=127.0.0.1", &format!("--port={}", address.port()), "--interval=1.0"]);
        Server::start("nvitop-exporter", address, &mut command, "/metrics")
    }))
}

/// all-smi's server. It looks for GPUs by programs that this host does not have.
pub(crate) fn all_smi(host: &Host) -> Option<Outcome<Server>> {
    let program = brought("all-smi")?;
    Some(address().and_then(|address| {
        let programs = host.folder().join("programs");
        fs::create_dir_all(&programs)?;
        let lines: String = (0..host.gpus).map(|gpu| format!("GPU {gpu}: NVIDIA H200 (UUID: GPU-{gpu})\\n")).collect();
        for (name, says) in [("nvidia-smi", lines), ("lspci", "18:00.0 3D controller: NVIDIA Corporation\\n".into())] {
            let file = programs.join(name);
            fs::write(&file, format!("#!/bin/sh\nprintf '{says}'\n"))?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        }
        let mut command = host.command(&program, "all-smi");
        command.env("PATH", format!("{}:/usr/bin:/bin", programs.display())).env("HOME", host.folder());
        command.args(["api", &format!("--port={}", address.port()), "--interval=1", "--processes"]);
        Server::start("all-smi", address, &mut command, "/metrics")
    }))
}

/// `gpustat`, which is a program for a terminal: how long it takes to tell once, in seconds.
pub(crate) fn gpustat(host: &Host) -> Option<Outcome<f64>> {
    let program = brought("gpustat")?;
    let once = || -> Outcome<f64> {
        let begun = std::time::Instant::now();
        let status = host.command(&program, "gpustat").arg("--json").status()?;
        if status.success() { Ok(begun.elapsed().as_secs_f64()) } else { Err("gpustat failed".into()) }
    };
    Some((0..5).map(|_| once()).collect::<Outcome<Vec<f64>>>().map(crate::table::median))
}
