//! Sockets of other programs, played: a container engine, one that hangs, one that talks nonsense, and a kubelet.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Behaviour of a socket towards its clients.
#[derive(Clone, Debug)]
pub(crate) enum Plays {
    /// A container engine that knows these containers.
    Engine(BTreeMap<String, Container>),
    /// Hears, and never answers.
    Hang,
    /// Answers whatever it is asked with these bytes.
    Says(&'static [u8]),
}

/// A container, as its engine reports it.
#[derive(Clone, Debug)]
pub(crate) enum Container {
    Named(&'static str),
    /// The engine does not come back from this one.
    Stuck,
}

/// A socket that is played by this process until it is dropped.
pub(crate) struct Played {
    folder: TempDir,
    plays: Arc<Mutex<Plays>>,
    asked: Arc<Mutex<Vec<String>>>,
    hung: Arc<Hung>,
}

/// The questions that are not answered: how many came, and how many were given up.
#[derive(Debug, Default)]
pub(crate) struct Hung {
    begun: AtomicUsize,
    over: AtomicUsize,
}

impl Hung {
    /// The number of the question that waits now, if one does.
    pub(crate) fn waits(&self) -> Option<usize> {
        let over = self.over.load(Ordering::SeqCst);
        Some(self.begun.load(Ordering::SeqCst)).filter(|begun| *begun > over)
    }
}

impl Played {
    pub(crate) fn new(plays: Plays) -> Self {
        let played = Self::absent(plays);
        played.listen();
        played
    }

    /// Nobody listens yet.
    pub(crate) fn absent(plays: Plays) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self { folder, plays: Arc::new(Mutex::new(plays)), asked: Arc::default(), hung: Arc::default() }
    }

    pub(crate) fn listen(&self) {
        let listener = UnixListener::bind(self.path()).expect("a socket");
        let (plays, asked, hung) = (Arc::clone(&self.plays), Arc::clone(&self.asked), Arc::clone(&self.hung));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (plays, asked, hung) = (plays.lock().unwrap().clone(), Arc::clone(&asked), Arc::clone(&hung));
                thread::spawn(move || serve(stream, &plays, &asked, &hung));
            }
        });
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("played.sock")
    }

    pub(crate) fn play(&self, plays: Plays) {
        *self.plays.lock().unwrap() = plays;
    }

    /// The request lines that came.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn hung(&self) -> &Hung {
        &self.hung
    }
}

fn serve(mut stream: UnixStream, plays: &Plays, asked: &Mutex<Vec<String>>, hung: &Hung) {
    match plays {
        Plays::Hang => hang(stream, hung),
        Plays::Says(bytes) => {
            // It may have hung up on what came before.
            let _ = stream.write_all(bytes);
        }
        Plays::Engine(containers) => {
            let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
            let mut line = String::new();
            if reader.read_line(&mut line).is_err() {
                return;
            }
            asked.lock().unwrap().push(line.trim_end().to_owned());
            let answer = |status: &str, body: &str| {
                format!(
                    "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
            };
            let path = line.split(' ').nth(1).unwrap_or_default();
            let id = path.strip_prefix("/containers/").and_then(|rest| rest.strip_suffix("/json")).unwrap_or_default();
            let bytes = match containers.get(id) {
                _ if path == "/_ping" => answer("200 OK", "OK"),
                Some(Container::Named(name)) => answer("200 OK", &inspected(id, name)),
                Some(Container::Stuck) => return hang(stream, hung),
                None => answer("404 Not Found", r#"{"message":"No such container"}"#),
            };
            let _ = stream.write_all(bytes.as_bytes());
        }
    }
}

fn hang(mut stream: UnixStream, hung: &Hung) {
    hung.begun.fetch_add(1, Ordering::SeqCst);
    // Until it is hung up.
    while stream.read(&mut [0; 1024]).is_ok_and(|length| length > 0) {}
    hung.over.fetch_add(1, Ordering::SeqCst);
}

/// The beginning and the end of Docker's answer for a container.
fn inspected(id: &str, name: &str) -> String {
    json!({
        "Id": id, "Created": "2026-01-02T03:04:05.678901234Z", "Path": "python", "Args": ["train.py"],
        "State": {"Status": "running", "Running": true, "Pid": 4242, "ExitCode": 0, "Error": ""},
        "Image": "sha256:0", "Name": format!("/{name}"), "RestartCount": 0, "Driver": "overlay2",
        "HostConfig": {"DeviceRequests": [{"Driver": "", "Count": -1, "Capabilities": [["gpu"]]}]},
        "Mounts": [], "Config": {"Hostname": "x", "Env": ["PATH=/usr/bin"], "Labels": {}},
    })
    .to_string()
}

/// A kubelet: gRPC that is not ours, by `scripts/fake-kubelet`.
pub(crate) struct Kubelet {
    folder: TempDir,
    process: Option<Child>,
}

impl Kubelet {
    /// One that has given away this.
    pub(crate) fn new(pods: &Value) -> Self {
        let mut kubelet = Self { folder: TempDir::new().expect("a temporary folder"), process: None };
        kubelet.tell(pods);
        kubelet.start();
        kubelet
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("kubelet.sock")
    }

    fn pods(&self) -> PathBuf {
        self.folder.path().join("pods.json")
    }

    /// Changes what it has given away.
    pub(crate) fn tell(&self, pods: &Value) {
        let staged = self.folder.path().join("pods.new");
        fs::write(&staged, pods.to_string()).expect("the pods are written");
        fs::rename(staged, self.pods()).expect("the pods are renamed");
    }

    pub(crate) fn start(&mut self) {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let python = root.join("target/clients/venv/bin/python");
        assert!(python.exists(), "gRPC for the kubelet is not there: run `make test`, or scripts/tools");
        let mut process = Command::new(python)
            .arg(root.join("scripts/fake-kubelet"))
            .args([self.path(), self.pods()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the kubelet starts");
        let mut said = String::new();
        BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut said).expect("it says that it serves");
        assert_eq!(said, "serving\n");
        self.process = Some(process);
    }

    /// Ends it as a crash does: its socket is left behind.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.stop();
    }
}
