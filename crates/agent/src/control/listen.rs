//! Server of the control socket: a thread that accepts connections, and one for each of them.

use std::{
    collections::VecDeque,
    io::{self, Read as _, Write as _},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::socket::{getsockopt, sockopt::PeerCredentials},
    unistd::{Uid, geteuid},
};

use crate::control::{Request, Response};

/// Connections without a request that are kept; an honest client sends its request at once.
const MAX_SILENT: usize = 32;
/// Timeout to read a request, and to write an answer.
const IO_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest request with its end of line, in bytes: a user's name as JSON can be six times as long.
const MAX_BYTES: usize = 2048;
/// Pause after a failed `accept`.
const ACCEPT_RETRY: Duration = Duration::from_secs(1);

/// Starts the thread, which ends with the process.
pub(super) fn start(
    listener: Option<UnixListener>,
    execute: impl Fn(Request) -> Response + Send + 'static,
) -> io::Result<()> {
    let Some(listener) = listener else { return Ok(()) };
    let (silent, execute) = (Arc::new(Silent::default()), Arc::new(Mutex::new(execute)));
    let listen = move || {
        loop {
            match listener.accept() {
                Ok((stream, _)) => serve(Arc::new(stream), Arc::clone(&silent), Arc::clone(&execute)),
                Err(error) => {
                    tracing::error!(%error, "cannot accept control connections");
                    thread::sleep(ACCEPT_RETRY);
                }
            }
        }
    };
    thread::Builder::new().name("control".into()).spawn(listen).map(drop)
}

/// Connections that have not sent their request yet, the oldest first.
#[derive(Default)]
struct Silent(Mutex<VecDeque<Arc<UnixStream>>>);

impl Silent {
    /// Adds a connection. If there are too many, the oldest is closed, so that silent ones do not delay another.
    fn add(&self, stream: &Arc<UnixStream>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_back(Arc::clone(stream));
        if all.len() > MAX_SILENT
            && let Some(oldest) = all.pop_front()
        {
            // Its thread reads the end. An error means that the client has gone.
            let _ = oldest.shutdown(Shutdown::Both);
        }
    }

    fn remove(&self, stream: &Arc<UnixStream>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, stream));
    }
}

/// Serves a connection in a thread of its own. Requests are executed one at a time.
fn serve<F>(stream: Arc<UnixStream>, silent: Arc<Silent>, execute: Arc<Mutex<F>>)
where
    F: Fn(Request) -> Response + Send + 'static,
{
    silent.add(&stream);
    let work = move || {
        let outcome = converse(&stream, |request| {
            silent.remove(&stream);
            execute.lock().unwrap_or_else(PoisonError::into_inner)(request)
        });
        silent.remove(&stream);
        if let Err(error) = outcome {
            tracing::debug!(%error, "a control connection failed");
        }
    };
    if let Err(error) = thread::Builder::new().name("control client".into()).spawn(work) {
        tracing::error!(%error, "cannot start a thread for a control connection");
    }
}

/// Reads one request and answers it.
fn converse(mut stream: &UnixStream, execute: impl Fn(Request) -> Response) -> io::Result<()> {
    let peer = getsockopt(stream, PeerCredentials)?;
    let answer = match permit(Uid::from_raw(peer.uid()), geteuid()) {
        Err(refusal) => Err(refusal),
        Ok(()) => read_line(stream)?.parse().and_then(|request: Request| {
            tracing::info!(
                request = request.logged(),
                uid = peer.uid(),
                pid = peer.pid(),
                "request over the control socket"
            );
            execute(request)
        }),
    };
    let line = match &answer {
        Ok(done) => format!("done {done}\n"),
        Err(why) => format!("refused {why}\n"),
    };
    stream.set_write_timeout(Some(IO_TIMEOUT))?;
    stream.write_all(line.as_bytes())
}

/// Permits root and the agent's own user.
fn permit(peer: Uid, own: Uid) -> Result<(), String> {
    if peer.is_root() || peer == own {
        return Ok(());
    }
    tracing::warn!(uid = peer.as_raw(), "refused a control request of another user");
    Err(format!("user {peer} may not do this; run this as root{}", also(own)))
}

fn also(own: Uid) -> String {
    if own.is_root() { String::new() } else { format!(" or as user {own}") }
}

/// Reads a line without its end.
///
/// # Errors
/// The line is too long, is not text, or does not arrive in time.
fn read_line(mut stream: &UnixStream) -> io::Result<String> {
    let by = Instant::now() + IO_TIMEOUT;
    let mut line = Vec::new();
    let mut some = [0; MAX_BYTES];
    while !line.contains(&b'\n') {
        let left = by.saturating_duration_since(Instant::now());
        if left.is_zero() || line.len() >= MAX_BYTES {
            return Err(io::Error::other("no request arrived"));
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut some)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => line.extend(some.iter().take(length)),
        }
    }
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(line).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Answer to these bytes, after which the client stops sending.
    fn answer(bytes: &[u8]) -> String {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(bytes).unwrap();
        theirs.shutdown(Shutdown::Write).unwrap();
        let outcome = converse(&ours, |request| Ok(request.to_string()));
        drop(ours);
        let mut answer = String::new();
        // Unread bytes of the request show as an error after the answer.
        let _ = theirs.read_to_string(&mut answer);
        assert_eq!(outcome.is_ok(), !answer.is_empty());
        answer
    }

    #[test]
    fn request_is_one_line() {
        assert_eq!(answer(b"resume\n"), "done resume\n");
        assert_eq!(answer(b"release 1000\nresume\n"), "done release 1000\n");
        assert!(answer(b"\xff\xfe\n").starts_with("refused "));
    }

    #[test]
    fn request_without_line_gets_no_answer() {
        for bytes in [&b""[..], b"resume", &[b'x'; 5000]] {
            assert_eq!(answer(bytes), "");
        }
    }

    #[test]
    fn silent_client_is_disconnected() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let (left, wait) = mpsc::channel();
        thread::spawn(move || left.send(converse(&ours, |_| Ok(String::new()))));
        let error = wait.recv_timeout(10 * IO_TIMEOUT).expect("it is left").unwrap_err();
        assert!(matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Other), "{error}");
    }

    #[test]
    fn silent_clients_delay_no_other() {
        let silent = Arc::new(Silent::default());
        let execute = Arc::new(Mutex::new(|request: Request| Ok(request.to_string())));
        let connect = || {
            let (ours, theirs) = UnixStream::pair().unwrap();
            serve(Arc::new(ours), Arc::clone(&silent), Arc::clone(&execute));
            theirs
        };
        let begun = Instant::now();
        let mut idle: Vec<_> = (0..130).map(|_| connect()).collect();
        let mut client = connect();
        client.write_all(b"resume\n").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "done resume\n");
        assert_eq!(idle[0].read(&mut [0]).unwrap(), 0, "the oldest is closed");
        assert!(begun.elapsed() < IO_TIMEOUT, "{:?}", begun.elapsed());
    }

    #[test]
    fn only_root_and_service_user_allowed() {
        let [root, own, other] = [0, 990, 4242].map(Uid::from_raw);
        assert_eq!((permit(root, own), permit(own, own)), (Ok(()), Ok(())));
        assert!(permit(other, own).unwrap_err().contains("as root or as user 990"));
        assert!(permit(other, root).unwrap_err().ends_with("as root"));
    }
}
