use std::{
    io::Write as _,
    os::unix::net::{UnixListener, UnixStream as Connected},
    thread,
    time::Instant,
};

use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket};
use telemetry::Absence;

use super::*;

const SHORT: Duration = Duration::from_millis(20);

fn engine(path: &Path) -> Socket {
    Socket { kind: Kind::Engine, path: path.into() }
}

fn fault(path: &Path, kind: Kind) -> Fault {
    Socket { kind, path: path.into() }.ask(engine::ping).unwrap_err()
}

#[test]
fn socket_fault_named_with_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("file"), "").unwrap();
    drop(UnixListener::bind(at("left")).unwrap());
    let long = at(&"x".repeat(200));
    for (path, kind, parts) in [
        (at("none"), Kind::Engine, &["container socket", "is not there", "/run/docker.sock"][..]),
        (at("none"), Kind::Kubelet, &["kubelet socket", "is not there", "pod-resources", "folder"]),
        (at("file"), Kind::Engine, &["is no socket", "/run/podman/podman.sock"]),
        (folder.path().into(), Kind::Kubelet, &["is no socket"]),
        (at("left"), Kind::Engine, &["is heard by nobody", "start the container engine"]),
        (long, Kind::Engine, &["cannot be opened"]),
    ] {
        let fault = fault(&path, kind);
        for part in parts.iter().copied().chain([path.to_str().unwrap()]) {
            assert!(fault.text.contains(part), "{:?} lacks {part:?}", fault.text);
        }
        assert_eq!((fault.why, fault.text.lines().count()), (Absence::Error, 1));
    }
}

#[test]
fn permission_denied_names_allowed_users() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let _listener = UnixListener::bind(&path).unwrap();
    let refused = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    for (kind, remedy) in [(Kind::Engine, "group"), (Kind::Kubelet, "as root")] {
        let fault = Fault::unreachable(&Socket { kind, path: path.clone() }, &refused);
        assert!(fault.why == Absence::Denied && fault.text.contains(remedy), "{fault:?}");
    }
}

#[test]
fn socket_hung_times_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let _listener = UnixListener::bind(&path).unwrap();
    let begun = Instant::now();
    let late = engine(&path).answer(SHORT, engine::ping).unwrap_err();
    assert_eq!((late.why, late.text.as_str()), (Absence::Timeout, "has not answered within 0.02 s"));
    assert!(begun.elapsed() >= SHORT);
}

#[test]
fn socket_flood_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let sends = thread::spawn(move || {
        let (mut connected, _) = listener.accept().unwrap();
        connected.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        // Until it is given up.
        while connected.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let fault = engine(&path).ask(engine::ping).unwrap_err();
    assert!(fault.why == Absence::Error || fault.why == Absence::Timeout, "{fault:?}");
    sends.join().unwrap();
}

#[test]
fn socket_backlog_full_does_not_block() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let full = socket(AddressFamily::Unix, SockType::Stream, SockFlag::empty(), None).unwrap();
    bind(std::os::fd::AsRawFd::as_raw_fd(&full), &UnixAddr::new(&path).unwrap()).unwrap();
    listen(&full, Backlog::new(0).unwrap()).unwrap();
    // The line is as long as it is while nobody takes from it.
    let _first = Connected::connect(&path).unwrap();
    let fault = fault(&path, Kind::Engine);
    assert_eq!(fault.why, Absence::Timeout);
    assert!(fault.text.contains("takes no more connections"), "{}", fault.text);
}

#[test]
fn socket_probe_reports_same_fault() {
    let missing = Path::new("/nowhere/there.sock");
    assert!(
        try_container_socket(missing).unwrap_err().contains("the container socket /nowhere/there.sock is not there")
    );
    assert!(try_kubelet_socket(missing).unwrap_err().contains("the kubelet socket /nowhere/there.sock is not there"));
}

#[test]
fn socket_fault_noted_until_resolved() {
    let socket = engine("/s".as_ref());
    let mut health = Health::default();
    assert!(!health.is_known() && health.note().is_none());
    health.found(&socket, Err(&Fault::error("x")));
    assert!(health.is_known());
    assert_eq!(health.note().as_deref(), Some("x"));
    health.found(&socket, Ok(()));
    assert!(health.is_known() && health.note().is_none());
}
