//! Certificates made for a test, and a client that speaks TLS.

use std::{
    fs,
    io::{self, BufReader, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use tempfile::TempDir;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};

use crate::support::{PATIENCE, Response, http::answer};

/// Runs `openssl`, which tests of TLS need.
pub(crate) fn openssl(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new("openssl");
    command.args(arguments).stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut process = command.spawn().expect("openssl is there (Debian: apt-get install openssl)");
    // It may have failed before it reads.
    let _ = process.stdin.take().expect("standard input is piped").write_all(input.as_bytes());
    process.wait_with_output().expect("openssl ends")
}

/// An authority of a test's own.
pub(crate) struct Authority {
    folder: TempDir,
}

/// A certificate and its key, in files.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let authority = Self { folder: TempDir::new().expect("a temporary folder") };
        let (certificate, key) = (authority.path("ca.pem"), authority.path("ca.key"));
        made(&[
            &["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"][..],
            &["-subj", "/CN=an authority", "-keyout", text(&key), "-out", text(&certificate)],
            &["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"],
        ]);
        authority
    }

    /// A pair for this host or for a client; `kind` is the key's, such as `rsa:2048`.
    pub(crate) fn pair(&self, name: &str, kind: &str) -> Pair {
        let [request, certificate, key] = ["csr", "pem", "key"].map(|end| self.path(&format!("{name}.{end}")));
        let curve: &[&str] = if kind == "ec" { &["-pkeyopt", "ec_paramgen_curve:P-256"] } else { &[] };
        let subject = format!("/CN={name}");
        made(&[
            &["req", "-new", "-newkey", kind, "-nodes", "-subj", &subject],
            curve,
            &["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
            &["-keyout", text(&key), "-out", text(&request)],
        ]);
        made(&[
            &["x509", "-req", "-days", "2", "-copy_extensions", "copy", "-in", text(&request)][..],
            &["-CA", text(&self.path("ca.pem")), "-CAkey", text(&self.path("ca.key")), "-CAcreateserial"],
            &["-out", text(&certificate)],
        ]);
        Pair { certificate, key }
    }

    /// The authority's own certificate.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// A client that believes this authority, and has a certificate if it is given one.
    pub(crate) fn client(&self, own: Option<&Pair>) -> Client {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.certificate()) {
            roots.add(certificate).expect("an authority");
        }
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.expect("versions").with_root_certificates(roots);
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some(pair) => {
                let key = PrivateKeyDer::from_pem_file(&pair.key).expect("a key");
                builder.with_client_auth_cert(certificates(&pair.certificate), key).expect("a pair")
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Client(Arc::new(config))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A client that speaks TLS.
#[derive(Clone)]
pub(crate) struct Client(Arc<ClientConfig>);

impl Client {
    /// A connection, before the handshake.
    pub(crate) fn connect(&self, address: SocketAddr) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        self.over(stream)
    }

    /// The same over a connection that is there.
    pub(crate) fn over(&self, stream: TcpStream) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = ClientConnection::new(Arc::clone(&self.0), name).map_err(io::Error::other)?;
        Ok(StreamOwned::new(connection, stream))
    }

    /// `GET` on a connection of its own.
    pub(crate) fn get(&self, address: SocketAddr, path: &str) -> io::Result<Response> {
        self.request(address, path, "")
    }

    pub(crate) fn request(&self, address: SocketAddr, path: &str, headers: &str) -> io::Result<Response> {
        let mut stream = self.connect(address)?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes())?;
        answer(&mut BufReader::new(stream), true)
    }
}

fn certificates(path: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(path).expect("PEM").collect::<Result<_, _>>().expect("certificates")
}

fn made(arguments: &[&[&str]]) {
    let output = openssl(&arguments.concat(), "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Puts a file in the place of another at once, as programs that renew certificates do.
pub(crate) fn replace(file: &Path, by: &Path) {
    let beside = file.with_extension("new");
    fs::copy(by, &beside).expect("a copy");
    fs::rename(&beside, file).expect("the file is replaced");
}
