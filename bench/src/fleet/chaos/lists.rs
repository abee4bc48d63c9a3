//! Lists of hosts with faults: a file, and a server of lists.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use serde_json::Value;

use super::plan::{Group, Plan};
use crate::Outcome;

/// Fault of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileFault {
    None,
    /// Its first half, written in place.
    Half,
    /// No byte.
    Empty,
    /// Something else.
    Nonsense,
    /// JSON of another form.
    OtherForm,
    /// A directory is in its place.
    Directory,
}

impl FileFault {
    /// A file that is gone is a list without hosts, as it is to Prometheus.
    pub(super) const ALL: [Self; 5] = [Self::Half, Self::Empty, Self::Nonsense, Self::OtherForm, Self::Directory];
}

/// Fault of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerFault {
    None,
    /// 500.
    Failing,
    /// A list without hosts, which is valid.
    EmptyList,
    /// A page.
    Html,
    /// The first half of the list.
    Half,
    /// No answer.
    Silent,
}

impl ServerFault {
    pub(super) const ALL: [Self; 5] = [Self::Failing, Self::EmptyList, Self::Html, Self::Half, Self::Silent];
}

/// The lists.
pub(super) struct Lists {
    pub(super) file: PathBuf,
    pub(super) server: SocketAddr,
    /// Entries of the file, by name.
    entries: Vec<(String, Value)>,
    dropped: BTreeSet<String>,
    fault: FileFault,
    served: Arc<Mutex<(ServerFault, String)>>,
}

impl Lists {
    /// Lists the hosts of the simulator, and others in the file. Each host is in one list.
    pub(super) fn start(folder: &Path, plan: &Plan, simulated: &Path, others: &[(String, Value)]) -> Outcome<Self> {
        let all: Vec<Value> = serde_json::from_str(&fs::read_to_string(simulated)?)?;
        let (mut entries, mut served) = (others.to_vec(), Vec::new());
        for entry in all {
            let name = entry["labels"]["instance"].as_str().ok_or("expected a name")?.to_owned();
            match plan.get(&name).map(|planned| planned.group) {
                Some(Group::Served) => served.push(entry),
                _ => entries.push((name, entry)),
            }
        }
        let served = Arc::new(Mutex::new((ServerFault::None, Value::Array(served).to_string())));
        let server = serve(Arc::clone(&served))?;
        let lists = Self {
            file: folder.join("list").join("hosts.json"),
            server,
            entries,
            dropped: BTreeSet::new(),
            fault: FileFault::None,
            served,
        };
        fs::create_dir_all(folder.join("list"))?;
        lists.write()?;
        Ok(lists)
    }

    /// Entries of the file without those of these names, as a list.
    pub(super) fn without(&self, names: &[String]) -> String {
        let kept = self.entries.iter().filter(|(name, _)| !names.contains(name));
        Value::Array(kept.map(|(_, entry)| entry.clone()).collect()).to_string()
    }

    pub(super) fn set_server(&self, fault: ServerFault) {
        self.served.lock().unwrap_or_else(PoisonError::into_inner).0 = fault;
    }

    pub(super) fn set_file(&mut self, fault: FileFault) -> Outcome {
        self.fault = fault;
        self.write()
    }

    /// Leaves a host out of the file, or puts it back.
    pub(super) fn drop_host(&mut self, name: &str, is_dropped: bool) -> Outcome {
        if is_dropped {
            self.dropped.insert(name.to_owned());
        } else {
            self.dropped.remove(name);
        }
        self.write()
    }

    fn write(&self) -> Outcome {
        let dropped: Vec<String> = self.dropped.iter().cloned().collect();
        let text = self.without(&dropped);
        if self.file.is_dir() {
            fs::remove_dir(&self.file)?;
        }
        match self.fault {
            // As careful administrators do.
            FileFault::None => {
                let new = self.file.with_extension("new");
                fs::write(&new, text)?;
                fs::rename(&new, &self.file)?;
            }
            FileFault::Half => fs::write(&self.file, &text[..text.len() / 2])?,
            FileFault::Empty => fs::write(&self.file, "")?,
            FileFault::Nonsense => fs::write(&self.file, [0x00, 0xff, 0x7b, 0x5b, 0x0a].repeat(1000))?,
            FileFault::OtherForm => fs::write(&self.file, r#"{"hosts":["gpu0001"],"targets":7}"#)?,
            FileFault::Directory => {
                remove(&self.file)?;
                fs::create_dir(&self.file)?;
            }
        }
        Ok(())
    }
}

fn remove(file: &Path) -> Outcome {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Serves the list, in a thread for each connection.
fn serve(served: Arc<Mutex<(ServerFault, String)>>) -> Outcome<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (fault, list) = served.lock().unwrap_or_else(PoisonError::into_inner).clone();
            thread::spawn(move || drop(answer(stream, fault, &list)));
        }
    });
    Ok(address)
}

fn answer(mut stream: TcpStream, fault: ServerFault, list: &str) -> std::io::Result<()> {
    const JSON: &str = "application/json";
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut head = [0; 4096];
    if stream.read(&mut head)? == 0 {
        return Ok(());
    }
    let (status, kind, body) = match fault {
        ServerFault::None | ServerFault::Half => ("200 OK", JSON, list),
        ServerFault::Failing => ("500 Internal Server Error", "text/plain", "no\n"),
        ServerFault::EmptyList => ("200 OK", JSON, "[]"),
        ServerFault::Html => ("200 OK", "text/html", "<html>It works!</html>"),
        ServerFault::Silent => {
            thread::sleep(Duration::from_secs(30));
            return Ok(());
        }
    };
    let length = body.len();
    let sent = if fault == ServerFault::Half { &body[..length / 2] } else { body };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{sent}"
    )
}
