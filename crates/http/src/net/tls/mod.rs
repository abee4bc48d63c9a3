//! TLS by rustls: versions 1.2 and 1.3 with its default ciphers, HTTP/1.1 by ALPN, and certificates that can be replaced
//! while connections are open.

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

/// Contents of the certificate files, in PEM.
pub struct Pem {
    /// The server's certificate chain, its own certificate first.
    pub certificates: Vec<u8>,
    /// The private key of the first certificate.
    pub key: Vec<u8>,
    /// Authorities of client certificates; `None` if clients need none.
    pub client_authorities: Option<Vec<u8>>,
}

/// The file with the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PemFile {
    /// The certificates.
    Certificates,
    /// The private key.
    Key,
    /// The authorities of client certificates.
    ClientAuthorities,
}

/// An error in the certificate files. It contains nothing of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct TlsError {
    /// The file with the error.
    pub file: PemFile,
    /// The problem and its fix.
    pub why: String,
}

/// TLS configuration of a listener; it can be replaced.
pub struct Tls {
    newest: RwLock<Arc<rustls::ServerConfig>>,
    queue: Queue,
}

impl Tls {
    /// A configuration with these files.
    ///
    /// # Errors
    /// A file has another content, or the key belongs to another certificate.
    pub fn new(pem: &Pem) -> Result<Self, TlsError> {
        Ok(Self { newest: RwLock::new(configuration(pem)?), queue: Queue::default() })
    }

    /// Uses these files for new connections. Earlier sessions cannot be resumed.
    ///
    /// # Errors
    /// As for [`Self::new`]; nothing changes then.
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
            why: "it is the key of another certificate; configure the certificate and the key of one pair".into(),
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
        why: format!("expected certificates of authorities: {error}"),
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
        Ok(_) => "expected a certificate (-----BEGIN CERTIFICATE-----), found none",
        Err(_) => "expected PEM; check it with `openssl x509 -in FILE -noout -text`",
    };
    Err(TlsError { file, why: why.into() })
}

fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
        let has = |text: &[u8]| pem.windows(text.len()).any(|part| part == text);
        let why = if has(b"ENCRYPTED") {
            "it is encrypted; decrypt it with `openssl pkey -in FILE -out PLAIN`"
        } else {
            "expected a private key (-----BEGIN PRIVATE KEY-----, RSA or EC PRIVATE KEY), found none"
        };
        TlsError { file: PemFile::Key, why: why.into() }
    })
}
