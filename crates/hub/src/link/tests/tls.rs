//! Links over TLS.

use std::{path::Path, process::Command};

use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use super::*;
use crate::target::Scheme;
use fake::write_summary;

/// Certificate of a test's own for a name, and its key.
fn made(folder: &Path, name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let [certificate, key] = ["pem", "key"].map(|end| folder.join(format!("{name}.{end}")));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
    openssl.args(["-subj", &format!("/CN={name}"), "-addext", &format!("subjectAltName={name}")]);
    // Else webpki refuses it for an agent.
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    let made = openssl.arg("-keyout").arg(&key).arg("-out").arg(&certificate).output();
    assert!(made.expect("openssl is there (Debian: apt-get install openssl)").status.success());
    (CertificateDer::from_pem_file(certificate).unwrap(), PrivateKeyDer::from_pem_file(key).unwrap())
}

/// Starts an agent with this certificate.
async fn agent((certificate, key): (CertificateDer<'static>, PrivateKeyDer<'static>)) -> Endpoint {
    let builder = ServerConfig::builder_with_provider(ring::default_provider().into());
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(vec![certificate], key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    write_summary(stream).await;
                }
            });
        }
    });
    Endpoint { scheme: Scheme::Https, host: "127.0.0.1".into(), port, prefix: "".into() }
}

fn trusting(certificates: &[CertificateDer<'static>]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.clone()).unwrap();
    }
    let builder = ClientConfig::builder_with_provider(ring::default_provider().into());
    builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth()
}

#[tokio::test]
async fn agent_with_invalid_certificate_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (good, other) = (made(folder.path(), "IP:127.0.0.1"), made(folder.path(), "DNS:elsewhere"));
    let known = [good.0.clone(), other.0.clone()];
    let (good, other) = (agent(good).await, agent(other).await);
    let mut hub = Hub::over_tls(&[&good], timing(), trusting(&known));
    assert_eq!(hub.report().await.hostname.as_deref(), Some("over TLS"));
    for (endpoint, known, reason) in [
        (&good, &known[1..], "invalid certificate: its authority is unknown; add it to --agent-ca"),
        (&other, &known[..], "invalid certificate: it is for another name"),
    ] {
        let mut hub = Hub::over_tls(&[endpoint], timing(), trusting(known));
        assert_eq!(hub.failure().await, Failure::Refused(reason.into()));
    }
    // An agent without TLS is not one with an invalid certificate.
    let plain = fake(|_, _| Plan::close("")).await;
    let listener = Endpoint { scheme: Scheme::Https, ..plain.endpoint.clone() };
    drop(plain);
    let mut hub = Hub::over_tls(&[&listener], timing(), trusting(&known));
    assert!(matches!(hub.failure().await, Failure::Unreachable(_)));
}
