//! TLS, by rustls: versions 1.2 and 1.3 with what its authors hold to be safe, HTTP/1.1 inside, and certificates that
//! can be replaced while connections are open.

mod handshake;
mod queue;

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use tokio_rustls::rustls::{
    self, RootCertStore,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};

pub(crate) use handshake::TlsStream;
use queue::Queue;

/// What stands in the files, in PEM.
pub struct Pem {
    /// The server's certificate, and after it those that lead to an authority.
    pub certificates: Vec<u8>,
    /// The private key of the first of them.
    pub key: Vec<u8>,
    /// The authorities of which a client must have a certificate; none if it need not have one.
    pub client_authorities: Option<Vec<u8>>,
}

/// Which of them is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PemFile {
    /// The certificates.
    Certificates,
    /// The private key.
    Key,
    /// The authorities of clients.
    ClientAuthorities,
}

/// Why they cannot be used. Nothing of a key stands in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct TlsError {
    /// Where it is wrong.
    pub file: PemFile,
    /// What is wrong, and the remedy.
    pub why: String,
}

/// TLS of a listener, as it is at this moment.
pub struct Tls {
    newest: RwLock<Arc<rustls::ServerConfig>>,
    queue: Queue,
}

impl Tls {
    /// With these files.
    ///
    /// # Errors
    /// They cannot be read as what they should be, or the key is another certificate's.
    pub fn new(pem: &Pem) -> Result<Self, TlsError> {
        Ok(Self { newest: RwLock::new(configuration(pem)?), queue: Queue::default() })
    }

    /// From now on with these files, for connections that begin. Sessions of before are not resumed.
    ///
    /// # Errors
    /// As for [`Self::new`]; nothing has changed then.
    pub fn replace(&self, pem: &Pem) -> Result<(), TlsError> {
        let next = configuration(pem)?;
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }

    fn newest(&self) -> Arc<rustls::ServerConfig> {
        Arc::clone(&self.newest.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Tls(…)")
    }
}

fn configuration(pem: &Pem) -> Result<Arc<rustls::ServerConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let chain = certificates(&pem.certificates, PemFile::Certificates)?;
    let key = key(&pem.key)?;
    let of_certificates = |error: &dyn fmt::Display| TlsError {
        file: PemFile::Certificates,
        why: format!("the certificate and the key cannot be used: {error}"),
    };
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| of_certificates(&error))?;
    let builder = match &pem.client_authorities {
        None => builder.with_no_client_auth(),
        Some(authorities) => builder.with_client_cert_verifier(verifier(authorities, provider)?),
    };
    let mut configuration = builder.with_single_cert(chain, key).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError {
            file: PemFile::Key,
            why: "it is the key of another certificate; both must be of one pair".into(),
        },
        other => of_certificates(&other),
    })?;
    configuration.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(configuration))
}

fn verifier(
    authorities: &[u8],
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, TlsError> {
    let wrong = |error: &dyn fmt::Display| TlsError {
        file: PemFile::ClientAuthorities,
        why: format!("a certificate in it is no authority's: {error}"),
    };
    let mut roots = RootCertStore::empty();
    for authority in certificates(authorities, PemFile::ClientAuthorities)? {
        roots.add(authority).map_err(|error| wrong(&error))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().map_err(|error| wrong(&error))
}

fn certificates(pem: &[u8], file: PemFile) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let why = match read {
        Ok(all) if !all.is_empty() => return Ok(all),
        Ok(_) => "there is no certificate in it (-----BEGIN CERTIFICATE-----)",
        Err(_) => "it is not PEM; `openssl x509 -in FILE -noout -text` shows whether it is a certificate",
    };
    Err(TlsError { file, why: why.into() })
}

fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
        let has = |text: &[u8]| pem.windows(text.len()).any(|part| part == text);
        let why = if has(b"ENCRYPTED") {
            "it is encrypted, and nobody is there to type its passphrase; `openssl pkey -in FILE -out PLAIN` decrypts it"
        } else {
            "there is no private key in it (-----BEGIN PRIVATE KEY-----, RSA or EC PRIVATE KEY)"
        };
        TlsError { file: PemFile::Key, why: why.into() }
    })
}
