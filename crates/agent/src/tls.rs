//! TLS configurations by which a client authenticates an agent.

use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_rustls::rustls::{
    self, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};

use crate::regular;

/// TLS configuration that trusts only the certificate in this file. Names and authorities are not checked, because the
/// certificate itself is known.
pub(crate) fn pinned(path: &Path) -> Result<Arc<ClientConfig>, String> {
    let failed = |error: &dyn std::fmt::Display| {
        format!("cannot read --tls-cert {}: {error}; it is needed to authenticate the agent", path.display())
    };
    let bytes = regular::read(path, MAX_AUTHORITIES).map_err(|error| failed(&error))?;
    let certificate = CertificateDer::from_pem_slice(&bytes).map_err(|error| failed(&error))?;
    let provider = Arc::new(ring::default_provider());
    let verifier = PinnedVerifier { certificate, provider: Arc::clone(&provider) };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?.dangerous();
    Ok(Arc::new(builder.with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()))
}

/// Files with the authorities that this host trusts, of Debian, RHEL, openSUSE and Alpine.
const SYSTEM_ROOTS: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Variable that names another such file, as for OpenSSL.
const ROOTS_VARIABLE: &str = "SSL_CERT_FILE";

/// TLS configuration that trusts the authorities in this file, or else those that this host trusts.
///
/// # Errors
/// One line: there is no such file, or no certificate is in it.
pub(crate) fn rooted(file: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(path) => add_named(&mut roots, path)?,
        None => add_of_host(&mut roots)?,
    }
    trusting(roots)
}

/// TLS configuration that trusts the authorities of this host, if there are any, and those in this file.
///
/// # Errors
/// One line: no certificate is in the file.
pub(crate) fn rooted_also(file: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    if let Err(error) = add_of_host(&mut roots) {
        tracing::debug!("{error}");
    }
    file.map(|path| add_named(&mut roots, path)).transpose()?;
    trusting(roots)
}

/// File of the authorities that this host trusts.
fn authorities_of_host() -> Result<PathBuf, String> {
    let named = env::var_os(ROOTS_VARIABLE).map(PathBuf::from);
    let found = || SYSTEM_ROOTS.iter().map(PathBuf::from).find(|path| path.is_file());
    named.or_else(found).ok_or_else(|| {
        format!("cannot authenticate the agent: this host has no file of authorities; install ca-certificates, or set {ROOTS_VARIABLE}")
    })
}

/// Maximum size of a file of authorities, more than any bundle takes.
const MAX_AUTHORITIES: u64 = 16 << 20;

/// Adds the authorities of this host, except those of a form that is not known.
fn add_of_host(roots: &mut RootCertStore) -> Result<(), String> {
    let path = authorities_of_host()?;
    let bytes = content(&path)?;
    add(roots, &path, CertificateDer::pem_slice_iter(&bytes).filter_map(Result::ok).collect())
}

/// Adds the authorities in a file of an option. One that ends within a certificate is still being written.
fn add_named(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let bytes = content(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let certificates = certificates.map_err(|error| {
        let shown = path.display();
        format!(
            "expected certificates of authorities (PEM) in {shown}, got an invalid one: {error}; copy the file again"
        )
    })?;
    add(roots, path, certificates)
}

fn content(path: &Path) -> Result<Vec<u8>, String> {
    regular::read(path, MAX_AUTHORITIES).map_err(|error| {
        let shown = path.display();
        format!("cannot read the authorities in {shown}: {error}; name a file of certificates (PEM) that this account can read")
    })
}

fn add(roots: &mut RootCertStore, path: &Path, certificates: Vec<CertificateDer<'_>>) -> Result<(), String> {
    if roots.add_parsable_certificates(certificates).0 > 0 {
        return Ok(());
    }
    let shown = path.display();
    Err(format!(
        "expected certificates of authorities (PEM) in {shown}, found none; each begins with -----BEGIN CERTIFICATE-----"
    ))
}

fn trusting(roots: RootCertStore) -> Result<Arc<ClientConfig>, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// Accepts one certificate.
#[derive(Debug)]
struct PinnedVerifier {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedVerifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *shown == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
