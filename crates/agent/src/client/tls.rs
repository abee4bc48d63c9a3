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

/// TLS configuration that trusts only the certificate in this file. Names and authorities are not checked, because the
/// certificate itself is known.
pub(super) fn pinned(path: &Path) -> Result<Arc<ClientConfig>, String> {
    let certificate = CertificateDer::from_pem_file(path).map_err(|error| {
        format!("cannot read --tls-cert {}: {error}; it is needed to authenticate the agent", path.display())
    })?;
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
        Some(path) => add_authorities(&mut roots, path)?,
        None => add_authorities(&mut roots, &authorities_of_host()?)?,
    }
    trusting(roots)
}

/// TLS configuration that trusts the authorities of this host, if there are any, and those in this file.
///
/// # Errors
/// One line: no certificate is in the file.
pub(crate) fn rooted_also(file: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    if let Err(error) = authorities_of_host().and_then(|path| add_authorities(&mut roots, &path)) {
        tracing::debug!("{error}");
    }
    file.map(|path| add_authorities(&mut roots, path)).transpose()?;
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

fn add_authorities(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let shown = path.display();
    let certificates = CertificateDer::pem_file_iter(path)
        .map_err(|error| format!("cannot read the authorities in {shown}: {error}"))?
        .filter_map(Result::ok);
    if roots.add_parsable_certificates(certificates).0 == 0 {
        return Err(format!("expected certificates of authorities (PEM) in {shown}, found none"));
    }
    Ok(())
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
